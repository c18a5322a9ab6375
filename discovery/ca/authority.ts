// The mesh's certificate authority: a root key that never leaves the data folder, and the trust bundle,
// which may hold several roots while one replaces another.

import { join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import { type ReadWatch, Watch } from '../../core/watch.ts';
import { readIfThere, SECRET_MODE, writeWhole } from './files.ts';
import {
  BACKDATE_MS,
  type Certificate,
  certificatePem,
  privateKeyPem,
  readCertificates,
  readPrivateKey,
  type Signer,
  selfSignedRoot,
} from './x509.ts';

/** The signing key and its root in one file, so that they are replaced together or not at all. */
const SIGNER_FILE = 'ca-signer.pem';
/** All roots: what is handed out to whoever must trust the mesh. */
export const ROOT_FILE = 'ca-root.pem';
const PUBLIC_MODE = 0o644;
const ROOT_YEARS = 10;
const YEAR_MS = 365.25 * 24 * 3_600_000;

/** Roots that are trusted, PEM; a new object for every change. */
export interface Bundle {
  readonly pem: string;
  readonly roots: readonly Certificate[];
}

export interface AuthorityOptions {
  /** null: the root lives as long as the process. */
  readonly dataDir: string | null;
  readonly trustDomain: string;
  readonly clock: Clock;
}

export class AuthorityError extends Error {}

export class Authority {
  readonly #options: AuthorityOptions;
  readonly #bundle: Watch<Bundle>;
  #signer: Signer;

  private constructor(options: AuthorityOptions, signer: Signer, bundle: Bundle) {
    this.#options = options;
    this.#signer = signer;
    this.#bundle = new Watch(bundle);
  }

  /** Reads the authority of a data folder, or makes one. Throws AuthorityError with what to do. */
  static async open(options: AuthorityOptions): Promise<Authority> {
    const found = options.dataDir === null ? null : await load(options.dataDir);
    if (found !== null) return new Authority(options, found.signer, found.bundle);
    const signer = await selfSignedRoot(options.trustDomain, rootValidity(options.clock));
    const bundle = bundleOf([signer.certificate]);
    if (options.dataDir !== null) await save(options.dataDir, signer, bundle);
    return new Authority(options, signer, bundle);
  }

  get trustDomain(): string {
    return this.#options.trustDomain;
  }

  get signer(): Signer {
    return this.#signer;
  }

  get bundle(): ReadWatch<Bundle> {
    return this.#bundle;
  }

  /** A new root that everybody is to trust before anything is signed with it: step one of a rotation. */
  async prepareRoot(): Promise<Signer> {
    const next = await selfSignedRoot(this.#options.trustDomain, rootValidity(this.#options.clock));
    await this.#publish(this.#signer, [...this.#bundle.value.roots, next.certificate]);
    return next;
  }

  /** Signs with a root that is in the bundle already: step two. */
  async signWith(next: Signer): Promise<void> {
    const known = this.#bundle.value.roots.some((root) => root.serialNumber === next.certificate.serialNumber);
    if (!known) throw new AuthorityError('the new root is not in the trust bundle yet');
    await this.#publish(next, this.#bundle.value.roots);
  }

  /** Trusts the signing root alone: the last step, one longest leaf later. */
  async dropOldRoots(): Promise<void> {
    await this.#publish(this.#signer, [this.#signer.certificate]);
  }

  async #publish(signer: Signer, roots: readonly Certificate[]): Promise<void> {
    const bundle = bundleOf(roots);
    if (this.#options.dataDir !== null) await save(this.#options.dataDir, signer, bundle);
    this.#signer = signer;
    this.#bundle.set(bundle);
  }
}

function rootValidity(clock: Clock) {
  const now = clock.wall();
  return { notBefore: new Date(now - BACKDATE_MS), notAfter: new Date(now + ROOT_YEARS * YEAR_MS) };
}

function bundleOf(roots: readonly Certificate[]): Bundle {
  return { roots, pem: roots.map(certificatePem).join('') };
}

async function load(dataDir: string): Promise<{ signer: Signer; bundle: Bundle } | null> {
  const signer = readIfThere(join(dataDir, SIGNER_FILE));
  const roots = readIfThere(join(dataDir, ROOT_FILE));
  // Roots without a signer are of a first start that was cut short: nothing was signed yet.
  if (signer === null) return null;
  try {
    const certificate = readCertificates(signer)[0];
    const key = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----/.exec(signer)?.[0];
    if (certificate === undefined || key === undefined)
      throw new Error(`${SIGNER_FILE} lacks the key or the certificate`);
    return {
      signer: { certificate, privateKey: await readPrivateKey(key) },
      bundle: bundleOf(readCertificates(roots ?? signer)),
    };
  } catch (error) {
    throw new AuthorityError(`the certificate authority in ${dataDir} cannot be read: ${(error as Error).message}`);
  }
}

/** The bundle first: a crash in between leaves a root too many, never a signer that nobody trusts. */
async function save(dataDir: string, signer: Signer, bundle: Bundle): Promise<void> {
  writeWhole(join(dataDir, ROOT_FILE), bundle.pem, PUBLIC_MODE);
  writeWhole(
    join(dataDir, SIGNER_FILE),
    (await privateKeyPem(signer.privateKey)) + certificatePem(signer.certificate),
    SECRET_MODE,
  );
}
