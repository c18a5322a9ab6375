// Registration with leases: an instance registers, renews and leaves. A lease that runs out first drains
// the instance, for a bounded time, and then removes it. Time is monotonic: a step of the wall clock ends no
// lease. After a restart every lease has its full term again, since nobody could renew meanwhile.

import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Clock, Timer } from '../../core/clock.ts';
import { formatErrors } from '../../core/config-error.ts';
import { check, readConfig } from '../../core/config-file.ts';
import { label } from '../../core/config-scalars.ts';
import { firstOf } from '../../core/error-list.ts';
import { type ReadWatch, Watch } from '../../core/watch.ts';
import { toInstance } from './convert.ts';
import { instanceFields } from './mesh-schema.ts';
import type { LeaseStore } from './store.ts';
import { DEFAULT_NAMESPACE, type Instance } from './types.ts';

export const DEFAULT_LEASE_SECONDS = 30;
export const SHORTEST_LEASE_SECONDS = 1;
export const LONGEST_LEASE_SECONDS = 3600;
/** How long an instance whose lease ran out is still told of, as draining. */
export const DRAIN_MS = 30_000;
/** Instances registered at once. */
export const MAX_REGISTRATIONS = 50_000;

export const registrationFields = z.strictObject({
  ...instanceFields.shape,
  service: label(),
  namespace: label().optional(),
  leaseSeconds: z.number().int().min(0).max(1_000_000).optional(),
});
type Fields = z.output<typeof registrationFields>;

export interface Granted {
  readonly leaseId: string;
  readonly seconds: number;
  readonly instance: Instance;
}

export type Registered =
  | { readonly ok: true; readonly granted: Granted }
  | { readonly ok: false; readonly reason: string };

interface Lease {
  readonly key: string;
  readonly id: string;
  readonly termMs: number;
  readonly instance: Instance;
  /** Monotonic time at which the state ends: the lease, or the draining. */
  readonly until: number;
  readonly draining: boolean;
}

export interface RegistrationOptions {
  readonly clock: Clock;
  readonly store: LeaseStore;
}

export class Registrations {
  readonly #clock: Clock;
  readonly #store: LeaseStore;
  readonly #leases = new Map<string, Lease>();
  readonly #keysById = new Map<string, string>();
  readonly #instances = new Watch<readonly Instance[]>([]);
  #timer: Timer | null = null;

  constructor({ clock, store }: RegistrationOptions) {
    this.#clock = clock;
    this.#store = store;
    for (const stored of store.load()) {
      const instance = stored.instance as Instance;
      this.#keep({
        key: stored.key,
        id: stored.leaseId,
        termMs: stored.termMs,
        instance,
        until: clock.now() + stored.termMs,
        draining: false,
      });
    }
    this.#publish();
  }

  get instances(): ReadWatch<readonly Instance[]> {
    return this.#instances;
  }

  /** Unchecked fields, as they came over the wire. Throws StoreError when the disk refuses. */
  register(fields: Readonly<Record<string, unknown>>): Registered {
    return this.registerText(JSON.stringify(fields));
  }

  /** The same from a JSON text, so that mistakes can be pointed at. */
  registerText(text: string): Registered {
    const { documents, errors } = readConfig(text, 'body', {});
    const [document] = documents;
    if (document === undefined)
      return { ok: false, reason: errors.length > 0 ? formatErrors(errors) : 'the body is empty; send a JSON object' };
    const checked = check<Fields>(document, registrationFields);
    return checked.ok ? this.#take(checked.value) : { ok: false, reason: formatErrors(firstOf(checked.errors)) };
  }

  /** null: the lease is over, register again. */
  renew(leaseId: string): Granted | null {
    const lease = this.#byId(leaseId);
    if (lease === null || lease.draining) return null;
    // The timer may now come early; then it finds nothing ended and is set anew.
    this.#keep({ ...lease, until: this.#clock.now() + lease.termMs });
    return granted(lease);
  }

  /** Ends the lease at once; whether there was one. Throws StoreError when the disk refuses. */
  leave(leaseId: string): boolean {
    const lease = this.#byId(leaseId);
    if (lease === null) return false;
    this.#store.remove(lease.key);
    this.#drop(lease);
    this.#publish();
    return true;
  }

  holder(leaseId: string): Instance | null {
    return this.#byId(leaseId)?.instance ?? null;
  }

  /** Lease ids of the instances of a name; several when services share it. */
  leasesNamed(name: string, service: string | null): readonly string[] {
    const found = [...this.#leases.values()].filter(
      ({ instance }) => instance.name === name && (service === null || instance.service === service),
    );
    return found.map((lease) => lease.id);
  }

  list(): readonly { readonly instance: Instance; readonly remainingSeconds: number }[] {
    const now = this.#clock.now();
    return [...this.#leases.values()].map((lease) => ({
      instance: shown(lease),
      remainingSeconds: lease.draining ? 0 : Math.max(0, Math.ceil((lease.until - now) / 1000)),
    }));
  }

  subscribe(listener: () => void): () => void {
    return this.#instances.subscribe(listener);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #take(fields: Fields): Registered {
    const namespace = fields.namespace ?? DEFAULT_NAMESPACE;
    const name = fields.name ?? `${fields.service}-${randomBytes(4).toString('hex')}`;
    const key = `${namespace}/${fields.service}/${name}`;
    const before = this.#leases.get(key);
    if (before === undefined && this.#leases.size >= MAX_REGISTRATIONS)
      return { ok: false, reason: `more than ${MAX_REGISTRATIONS} instances are registered` };
    const { service, namespace: _namespace, leaseSeconds, ...rest } = fields;
    const instance = toInstance({ name: service, namespace }, { ...rest, name }, 0);
    const seconds = Math.min(
      LONGEST_LEASE_SECONDS,
      Math.max(SHORTEST_LEASE_SECONDS, leaseSeconds || DEFAULT_LEASE_SECONDS),
    );
    const id = before?.id ?? randomBytes(16).toString('hex');
    const lease: Lease = {
      key,
      id,
      termMs: seconds * 1000,
      instance,
      until: this.#clock.now() + seconds * 1000,
      draining: false,
    };
    this.#store.put({ key, leaseId: id, termMs: lease.termMs, instance });
    this.#keep(lease);
    this.#publish();
    return { ok: true, granted: granted(lease) };
  }

  #byId(leaseId: string): Lease | null {
    return this.#leases.get(this.#keysById.get(leaseId) ?? '') ?? null;
  }

  #keep(lease: Lease): void {
    this.#leases.set(lease.key, lease);
    this.#keysById.set(lease.id, lease.key);
  }

  #drop(lease: Lease): void {
    this.#leases.delete(lease.key);
    this.#keysById.delete(lease.id);
  }

  #publish(): void {
    this.#instances.set([...this.#leases.values()].map(shown));
    this.#schedule();
  }

  #schedule(): void {
    this.#timer?.cancel();
    this.#timer = null;
    let next = Number.POSITIVE_INFINITY;
    for (const lease of this.#leases.values()) next = Math.min(next, lease.until);
    if (next !== Number.POSITIVE_INFINITY)
      this.#timer = this.#clock.after(Math.max(1, next - this.#clock.now()), () => this.#sweep());
  }

  /** Leases that ran out begin to drain; drained ones go. */
  #sweep(): void {
    const now = this.#clock.now();
    const ended = [...this.#leases.values()].filter((lease) => lease.until <= now);
    for (const lease of ended) {
      if (!lease.draining) this.#keep({ ...lease, draining: true, until: now + DRAIN_MS });
      else if (this.#forget(lease)) this.#drop(lease);
      else this.#keep({ ...lease, until: now + DRAIN_MS });
    }
    if (ended.length > 0) this.#publish();
    else this.#schedule();
  }

  /** A disk that refuses keeps the instance, as draining, until it can be forgotten. */
  #forget(lease: Lease): boolean {
    try {
      this.#store.remove(lease.key);
      return true;
    } catch {
      return false;
    }
  }
}

function shown(lease: Lease): Instance {
  return lease.draining ? { ...lease.instance, status: 'draining' } : lease.instance;
}

function granted(lease: Lease): Granted {
  return { leaseId: lease.id, seconds: lease.termMs / 1000, instance: lease.instance };
}
