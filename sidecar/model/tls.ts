// TLS contexts as data. Certificates are named or inline; live contexts are made in net/tls.ts.

import type { StringMatch } from './match.ts';
import type { TlsCertificate, ValidationContext } from './secret.ts';

/** A certificate given in place, or one that arrives by SDS under a name. */
export type CertificateSource =
  | { readonly kind: 'inline'; readonly certificate: TlsCertificate }
  | { readonly kind: 'sds'; readonly name: string };

export type ValidationSource =
  | { readonly kind: 'inline'; readonly context: ValidationContext }
  /** `defaults` is merged under what SDS brings (combined_validation_context). */
  | { readonly kind: 'sds'; readonly name: string; readonly defaults: ValidationContext | null };

export interface CommonTls {
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly maxVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly cipherSuites: readonly string[];
  readonly ecdhCurves: readonly string[];
  readonly certificates: readonly CertificateSource[];
  readonly validation: ValidationSource | null;
  readonly alpn: readonly string[];
}

export interface DownstreamTls extends CommonTls {
  readonly requireClientCertificate: boolean;
  readonly requireSni: boolean;
}

export interface UpstreamTls extends CommonTls {
  readonly sni: string;
  readonly autoHostSni: boolean;
  readonly autoSniSanValidation: boolean;
}

export interface SanMatch {
  readonly type: 'email' | 'dns' | 'uri' | 'ip';
  readonly match: StringMatch;
}
