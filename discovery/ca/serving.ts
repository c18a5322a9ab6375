// Discovery's own certificate for its encrypted port: issued by its own authority, for the names by which it
// is dialled, renewed at half of its life; and the roots by which it judges client certificates.

import { isIP } from 'node:net';
import type { Clock, Timer } from '../../core/clock.ts';
import { type ReadWatch, Watch } from '../../core/watch.ts';
import type { Authority } from './authority.ts';
import { BACKDATE_MS, certificatePem, leafFor, newKeyPair, privateKeyPem } from './x509.ts';

const SERVING_LEAF_MS = 24 * 3_600_000;
const ALWAYS = ['localhost', 'discovery', '127.0.0.1', '::1'];

export interface ServingMaterial {
  readonly cert: string;
  readonly key: string;
  /** By which client certificates are judged. */
  readonly ca: string;
}

/** Certificate and roots, now and whenever they change. */
export class ServingIdentity {
  readonly #authority: Authority;
  readonly #names: readonly string[];
  readonly #clock: Clock;
  readonly #failed: (error: Error) => void;
  /** null: not made yet. */
  readonly #material = new Watch<ServingMaterial | null>(null);
  #timer: Timer | null = null;

  constructor(authority: Authority, extraNames: readonly string[], clock: Clock, failed: (error: Error) => void) {
    this.#authority = authority;
    this.#names = [...new Set([...ALWAYS, ...extraNames])];
    this.#clock = clock;
    this.#failed = failed;
    authority.bundle.subscribe(({ pem }) => {
      const { value } = this.#material;
      if (value !== null) this.#material.set({ ...value, ca: pem });
    });
  }

  get material(): ReadWatch<ServingMaterial | null> {
    return this.#material;
  }

  /** Makes the first certificate. */
  async start(): Promise<void> {
    await this.#renew();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  async #renew(): Promise<void> {
    const keys = await newKeyPair();
    const { signer } = this.#authority;
    const now = this.#clock.wall();
    const notAfter = new Date(Math.min(now + SERVING_LEAF_MS, signer.certificate.notAfter.getTime()));
    const names = this.#names.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value }));
    const leaf = await leafFor(
      keys.publicKey as never,
      names,
      { notBefore: new Date(now - BACKDATE_MS), notAfter },
      signer,
    );
    const key = await privateKeyPem(keys.privateKey);
    this.#material.set({ cert: certificatePem(leaf), key, ca: this.#authority.bundle.value.pem });
    this.#timer = this.#clock.after((notAfter.getTime() - now) / 2, () => this.#again());
  }

  /** A renewal that failed is tried again well before the old certificate ends. */
  #again(): void {
    this.#renew().catch((error: Error) => {
      this.#failed(error);
      this.#timer = this.#clock.after(RETRY_MS, () => this.#again());
    });
  }
}

const RETRY_MS = 60_000;
