// For services that join the mesh by themselves: registers an instance with discovery, renews its lease,
// and leaves. A discovery that is away is waited for; a lease that ended meanwhile is asked for again.

import { status } from '@grpc/grpc-js';
import { backoffMs } from '../core/backoff.ts';
import { type Clock, systemClock, type Timer } from '../core/clock.ts';
import { openRegistry, type RegistryCalls, type WireInstance } from './registry-calls.ts';

export interface Instance {
  readonly service: string;
  /** Default `default`. */
  readonly namespace?: string;
  /** Unique within the service; discovery makes one up where there is none. The same name replaces. */
  readonly name?: string;
  /** IP that peers dial. */
  readonly address: string;
  /** Port that peers dial: the inbound port of the sidecar, or the application's own where there is none. */
  readonly port: number;
  /** Where the application listens behind its sidecar; leave it out where there is no sidecar. */
  readonly appPort?: number;
  readonly zone?: string;
  /** 1 to 128, default 1. */
  readonly weight?: number;
  /** `{version: 'v1'}` is what routes split by. */
  readonly labels?: Readonly<Record<string, string>>;
}

export interface RegistrationOptions {
  /** HOST:PORT of discovery: its plaintext port (15010), or with `rootFile` its TLS port (15012). */
  readonly target: string;
  readonly instance: Instance;
  /** 1 to 3600, default 30. */
  readonly leaseSeconds?: number;
  /** Join token (`fairlead token --service NAME`), needed on the TLS port; a function is asked before each call. */
  readonly token?: string | (() => string);
  /** PEM file of the mesh's root (`ca-root.pem` of discovery's data folder). */
  readonly rootFile?: string;
  /** How long the first registration may take, in milliseconds (default 60,000). */
  readonly patienceMs?: number;
  /** Gives up a first registration that is still waiting for discovery; afterwards without meaning. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  /** Hears of every failed call; renewals go on. */
  readonly onTrouble?: (reason: string) => void;
}

export interface Registration {
  /** As discovery stored it, the name filled in. */
  readonly instance: Required<Instance>;
  /** Ends the lease and the renewals; never rejects. Discovery away: the lease ends by itself. */
  leave(): Promise<void>;
}

/** Discovery refused, was not there for `patienceMs`, or the caller gave up. */
export class RegistrationError extends Error {
  /** gRPC status of the last answer. */
  readonly code: number;

  constructor(message: string, code: number) {
    super(message);
    this.code = code;
  }
}

const DEFAULT_LEASE_SECONDS = 30;
const DEFAULT_PATIENCE_MS = 60_000;
/** So often within a lease, so that two lost renewals do no harm. */
const RENEWALS_PER_LEASE = 3;
/** Renewals come up to this share earlier, so that many instances do not come at once. */
const JITTER = 0.2;
const RETRY = { baseMs: 250, maxMs: 5000 };

/** Asking again changes nothing about these. */
const REFUSALS: ReadonlySet<number> = new Set([
  status.INVALID_ARGUMENT,
  status.PERMISSION_DENIED,
  status.UNAUTHENTICATED,
  status.UNIMPLEMENTED,
]);

/**
 * Resolves when the instance is registered; from then on its lease is renewed until `leave`, which also
 * lets the process end. Rejects with RegistrationError when discovery refuses, or stays away for `patienceMs`.
 */
export async function register(options: RegistrationOptions): Promise<Registration> {
  const { target, rootFile, token } = options;
  const calls = await openRegistry({
    target,
    rootFile: rootFile ?? null,
    token: token === undefined ? null : typeof token === 'string' ? () => token : token,
  });
  const holder = new Holder(options, calls);
  try {
    await holder.begin();
  } catch (error) {
    calls.close();
    throw error;
  }
  return holder;
}

class Holder implements Registration {
  readonly #options: RegistrationOptions;
  readonly #calls: RegistryCalls;
  readonly #clock: Clock;
  #instance: WireInstance;
  #leaseId: string | null = null;
  #attempts = 0;
  #timer: Timer | null = null;
  #left: Promise<void> | null = null;
  /** The call under way. */
  #round: Promise<void> = Promise.resolve();

  constructor(options: RegistrationOptions, calls: RegistryCalls) {
    this.#options = options;
    this.#calls = calls;
    this.#clock = options.clock ?? systemClock;
    this.#instance = wireInstance(options.instance);
  }

  get instance(): Required<Instance> {
    return this.#instance;
  }

  /** Tries until it is registered, refused, or out of patience. */
  async begin(): Promise<void> {
    const { target, patienceMs = DEFAULT_PATIENCE_MS, signal, onTrouble } = this.#options;
    const end = this.#clock.now() + patienceMs;
    for (;;) {
      try {
        this.#renewAfter(await this.#register());
        return;
      } catch (error) {
        const { code, reason } = told(error);
        const wait = backoffMs(RETRY, ++this.#attempts, () => this.#clock.random());
        if (REFUSALS.has(code)) throw new RegistrationError(`discovery refused the registration: ${reason}`, code);
        if (this.#clock.now() + wait > end)
          throw new RegistrationError(`discovery at ${target} cannot be reached: ${reason}`, code);
        onTrouble?.(reason);
        await pause(this.#clock, wait, signal);
      }
    }
  }

  /** Returns the seconds granted. */
  async #register(): Promise<number> {
    const seconds = this.#options.leaseSeconds ?? DEFAULT_LEASE_SECONDS;
    const { lease, instance } = await this.#calls.register(this.#instance, seconds);
    this.#leaseId = lease.id;
    // With the name that discovery gave: coming back after a lost lease must not make a second instance.
    this.#instance = instance;
    this.#attempts = 0;
    return lease.grantedSeconds;
  }

  #renewAfter(grantedSeconds: number): void {
    const ms = (grantedSeconds * 1000) / RENEWALS_PER_LEASE;
    this.#again(ms * (1 - JITTER * this.#clock.random()));
  }

  #again(ms: number): void {
    if (this.#left !== null) return;
    this.#timer = this.#clock.after(ms, () => {
      this.#round = this.#renew();
    });
  }

  async #renew(): Promise<void> {
    try {
      if (this.#leaseId === null) return this.#renewAfter(await this.#register());
      const { grantedSeconds } = await this.#calls.renew(this.#leaseId);
      this.#attempts = 0;
      this.#renewAfter(grantedSeconds);
    } catch (error) {
      const { code, reason } = told(error);
      const over = code === status.NOT_FOUND && this.#leaseId !== null;
      if (over) this.#leaseId = null;
      else this.#options.onTrouble?.(reason);
      this.#again(over ? 0 : backoffMs(RETRY, ++this.#attempts, () => this.#clock.random()));
    }
  }

  leave(): Promise<void> {
    this.#left ??= this.#leave();
    return this.#left;
  }

  async #leave(): Promise<void> {
    this.#timer?.cancel();
    // A registration under way would otherwise come after our leaving.
    await this.#round;
    try {
      if (this.#leaseId !== null) await this.#calls.leave(this.#leaseId);
    } catch (error) {
      this.#options.onTrouble?.(told(error).reason);
    } finally {
      this.#calls.close();
    }
  }
}

/** Rejects when the signal comes first. */
function pause(clock: Clock, ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      timer.cancel();
      reject(new RegistrationError('given up before discovery could be reached', status.CANCELLED));
    };
    const timer = clock.after(ms, () => {
      signal?.removeEventListener('abort', giveUp);
      resolve();
    });
    if (signal?.aborted === true) giveUp();
    else signal?.addEventListener('abort', giveUp, { once: true });
  });
}

function wireInstance(instance: Instance): WireInstance {
  return { name: '', namespace: '', appPort: 0, zone: '', weight: 0, labels: {}, ...instance };
}

/** What a failed call was, in words for people; of a lost connection, only what the socket said. */
function told(error: unknown): { readonly code: number; readonly reason: string } {
  const { code, details, message } = error as Error & { readonly code?: unknown; readonly details?: string };
  const reason = details || message;
  const socket = /Last error: (?:Error: )?(.*?)\.? *Resolution note:/s.exec(reason)?.[1];
  return { code: typeof code === 'number' ? code : status.UNKNOWN, reason: socket?.trim() || reason };
}
