// Certificates with keys made here, for proxies that cannot ask for their own (a stock Envoy). Made only
// where the mesh allows it, and only for who has shown a certificate of the same identity already.

import type { Clock, Timer } from '../../core/clock.ts';
import type { SpiffeId } from '../../core/identity.ts';
import type { Authority } from './authority.ts';
import { BACKDATE_MS, certificatePem, leafFor, newKeyPair, privateKeyPem } from './x509.ts';

export interface VaultPair {
  readonly chainPem: string;
  readonly keyPem: string;
}

/** Identities kept at once. */
export const MAX_PAIRS = 10_000;

export interface VaultOptions {
  readonly authority: Authority;
  readonly clock: Clock;
  readonly longestMs: () => number;
  /** A pair was made or renewed. */
  readonly changed: () => void;
  readonly failed: (error: Error) => void;
}

export class Vault {
  readonly #options: VaultOptions;
  readonly #pairs = new Map<string, { pair: VaultPair; renewAt: number }>();
  readonly #making = new Set<string>();
  readonly #timers = new Map<string, Timer>();
  #stopped = false;

  constructor(options: VaultOptions) {
    this.#options = options;
  }

  /** The pair of an identity; null while it is being made, `changed` tells when it is there. */
  pairOf(identity: SpiffeId): VaultPair | null {
    const found = this.#pairs.get(identity.uri);
    if (found === undefined || found.renewAt <= this.#options.clock.now()) this.#make(identity);
    return found?.pair ?? null;
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers.values()) timer.cancel();
  }

  #make(identity: SpiffeId): void {
    if (this.#making.has(identity.uri) || (this.#pairs.size >= MAX_PAIRS && !this.#pairs.has(identity.uri))) return;
    this.#making.add(identity.uri);
    this.#issue(identity)
      .then((made) => {
        this.#pairs.set(identity.uri, made);
        this.#announce(identity, made.renewAt);
      }, this.#options.failed)
      .finally(() => this.#making.delete(identity.uri));
  }

  /** Now, and when the pair is due for renewal, so that whoever holds it asks again. */
  #announce(identity: SpiffeId, renewAt: number): void {
    if (this.#stopped) return;
    const { clock, changed } = this.#options;
    this.#timers.get(identity.uri)?.cancel();
    this.#timers.set(identity.uri, clock.after(renewAt - clock.now(), changed));
    changed();
  }

  async #issue(identity: SpiffeId): Promise<{ pair: VaultPair; renewAt: number }> {
    const { authority, clock, longestMs } = this.#options;
    const keys = await newKeyPair();
    const notAfter = new Date(Math.min(clock.wall() + longestMs(), authority.signer.certificate.notAfter.getTime()));
    const leaf = await leafFor(
      keys.publicKey as never,
      [{ type: 'url', value: identity.uri }],
      { notBefore: new Date(clock.wall() - BACKDATE_MS), notAfter },
      authority.signer,
    );
    const pair = { chainPem: certificatePem(leaf), keyPem: await privateKeyPem(keys.privateKey) };
    return { pair, renewAt: clock.now() + (notAfter.getTime() - clock.wall()) / 2 };
  }
}
