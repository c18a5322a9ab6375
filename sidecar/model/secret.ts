// Secrets: certificates with their keys, and what to check a peer's certificate against.

import type { SanMatch } from './tls.ts';

export type Secret =
  | { readonly name: string; readonly kind: 'certificate'; readonly certificate: TlsCertificate }
  | { readonly name: string; readonly kind: 'validation'; readonly context: ValidationContext };

export interface TlsCertificate {
  /** PEM, leaf first. */
  readonly chain: string;
  /** PEM. Never printed, dumped or logged. */
  readonly privateKey: string;
}

export interface ValidationContext {
  /** PEM bundle; null: nothing is verified (as Envoy without trusted_ca). */
  readonly trustedCa: string | null;
  /** Any of these must match; empty: any name that chains. */
  readonly subjectAltNames: readonly SanMatch[];
  /** SHA-256 of the DER certificate, lower-case hex. */
  readonly certificateHashes: readonly string[];
  /** Base64 SHA-256 of the SubjectPublicKeyInfo. */
  readonly spkiHashes: readonly string[];
  readonly acceptUntrusted: boolean;
  readonly crl: string | null;
}
