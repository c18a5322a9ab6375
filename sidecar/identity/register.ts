// This instance in discovery's registry: registered when its listeners are bound, renewed while it lives,
// taken off before it drains. Losing discovery loses nothing: the lease is asked for again.

import { create } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import { backoffMs } from '../../core/backoff.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import { serviceDefinition } from '../../proto/ads.ts';
import {
  InstanceSchema,
  LeaveRequestSchema,
  RegisterRequestSchema,
  Registry,
  RenewRequestSchema,
} from '../../proto/gen/fairlead/registry/v1/registry_pb.ts';
import { advise } from './advice.ts';
import { type AuthorityAddress, call } from './authority-client.ts';
import type { KeyPair } from './key-pair.ts';

export interface InstanceDescription {
  readonly name: string;
  readonly service: string;
  readonly namespace: string;
  readonly address: string;
  readonly port: number;
  readonly appPort: number;
  readonly zone: string;
  readonly weight: number;
  readonly labels: Readonly<Record<string, string>>;
}

export interface RegistrationOptions {
  readonly authority: AuthorityAddress;
  readonly instance: InstanceDescription;
  /** Our certificate, once there is one. */
  readonly identity: () => KeyPair | null;
  readonly clock: Clock;
  readonly log: Log;
}

const { register, renew, leave } = serviceDefinition(Registry);
const LEASE_SECONDS = 15;
/** Renewed so often within a lease, so that two lost calls do no harm. */
const RENEWALS_PER_LEASE = 3;
const RETRY = { baseMs: 250, maxMs: 5000 };

export class Registration {
  #leaseId: string | null = null;
  #timer: Timer | null = null;
  #attempts = 0;
  #left = false;
  readonly #options: RegistrationOptions;

  constructor(options: RegistrationOptions) {
    this.#options = options;
  }

  start(): void {
    void this.#round();
  }

  async #round(): Promise<void> {
    if (this.#left) return;
    const { authority, clock, log } = this.#options;
    try {
      const granted = this.#leaseId === null ? await this.#register() : await this.#renew(this.#leaseId);
      this.#attempts = 0;
      this.#again((granted * 1000) / RENEWALS_PER_LEASE);
    } catch (error) {
      const { code } = error as { code?: number };
      // The lease is over: discovery forgot us, or we were away too long.
      if (code === status.NOT_FOUND) this.#leaseId = null;
      log.warn({ reason: advise(error, authority) }, 'discovery could not be told of this instance; trying again');
      this.#again(code === status.NOT_FOUND ? 0 : backoffMs(RETRY, ++this.#attempts, () => clock.random()));
    }
  }

  #again(ms: number): void {
    if (!this.#left) this.#timer = this.#options.clock.after(ms, () => void this.#round());
  }

  async #register(): Promise<number> {
    const { authority, instance, identity, log } = this.#options;
    const request = create(RegisterRequestSchema, {
      instance: create(InstanceSchema, { ...instance, labels: { ...instance.labels } }),
      leaseSeconds: LEASE_SECONDS,
    });
    const { lease } = await call(authority, register, request, identity());
    this.#leaseId = lease?.id ?? null;
    log.info(
      { service: instance.service, instance: instance.name, address: `${instance.address}:${instance.port}` },
      'registered',
    );
    return lease?.grantedSeconds ?? LEASE_SECONDS;
  }

  async #renew(leaseId: string): Promise<number> {
    const { authority, identity } = this.#options;
    const { lease } = await call(authority, renew, create(RenewRequestSchema, { leaseId }), identity());
    return lease?.grantedSeconds ?? LEASE_SECONDS;
  }

  /** Nobody should start a request to us any more. Discovery away: the lease ends by itself. */
  async leave(): Promise<void> {
    this.#left = true;
    this.#timer?.cancel();
    const { authority, identity, log } = this.#options;
    if (this.#leaseId === null) return;
    try {
      await call(authority, leave, create(LeaveRequestSchema, { leaseId: this.#leaseId }), identity());
    } catch (error) {
      log.warn({ reason: advise(error, authority) }, 'discovery could not be told that this instance leaves');
    }
  }
}
