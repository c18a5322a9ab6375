// Discovery's own certificate for its encrypted port: issued by its own authority, for the names by which it
// is dialled, renewed at half of its life; and the roots by which it judges client certificates.

import { isIP } from 'node:net';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Authority } from './authority.ts';
import { BACKDATE_MS, certificatePem, leafFor, newKeyPair, privateKeyPem } from './x509.ts';

const SERVING_LEAF_MS = 24 * 3_600_000;
const ALWAYS = ['localhost', 'discovery', '127.0.0.1', '::1'];

export interface ServingCertificate {
  readonly certificate: Buffer;
  readonly privateKey: Buffer;
}

type CaListener = (update: { readonly caCertificate: Buffer } | null) => void;
type IdentityListener = (update: ServingCertificate | null) => void;

/** Hands certificate and roots to the gRPC server, now and whenever they change. */
export class ServingIdentity {
  readonly #authority: Authority;
  readonly #names: readonly string[];
  readonly #clock: Clock;
  readonly #ca = new Set<CaListener>();
  readonly #identity = new Set<IdentityListener>();
  readonly #failed: (error: Error) => void;
  #current: ServingCertificate | null = null;
  #timer: Timer | null = null;

  constructor(authority: Authority, extraNames: readonly string[], clock: Clock, failed: (error: Error) => void) {
    this.#authority = authority;
    this.#names = [...new Set([...ALWAYS, ...extraNames])];
    this.#clock = clock;
    this.#failed = failed;
    authority.bundle.subscribe((bundle) => {
      for (const listener of this.#ca) listener({ caCertificate: Buffer.from(bundle.pem) });
    });
  }

  /** Makes the first certificate. */
  async start(): Promise<void> {
    await this.#renew();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  addCaCertificateListener(listener: CaListener): void {
    this.#ca.add(listener);
    // Later: the server registers its own watcher after this call, and would miss an answer given now.
    process.nextTick(() => listener({ caCertificate: Buffer.from(this.#authority.bundle.value.pem) }));
  }

  removeCaCertificateListener(listener: CaListener): void {
    this.#ca.delete(listener);
  }

  addIdentityCertificateListener(listener: IdentityListener): void {
    this.#identity.add(listener);
    process.nextTick(() => listener(this.#current));
  }

  removeIdentityCertificateListener(listener: IdentityListener): void {
    this.#identity.delete(listener);
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
    this.#current = {
      certificate: Buffer.from(certificatePem(leaf)),
      privateKey: Buffer.from(await privateKeyPem(keys.privateKey)),
    };
    for (const listener of this.#identity) listener(this.#current);
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
