// TLS contexts of listeners and clusters. Whatever restricts who may talk to whom is honoured or refused,
// never passed over.

import { nodeTls } from '../../../core/node-tls.ts';
import { ConfigSourceSchema } from '../../../proto/gen/envoy/config/core/v3/config_source_pb.ts';
import {
  TlsCertificateSchema,
  TlsParametersSchema,
  CertificateValidationContextSchema as ValidationSchema,
  TlsParameters_TlsProtocol as Version,
} from '../../../proto/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.ts';
import { SdsSecretConfigSchema } from '../../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts';
import type {
  CommonTlsContextSchema as CommonSchema,
  DownstreamTlsContextSchema as DownstreamSchema,
  UpstreamTlsContextSchema as UpstreamSchema,
} from '../../../proto/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts';
import {
  CommonTlsContext_CombinedCertificateValidationContextSchema as CombinedSchema,
  CommonTlsContextSchema,
  DownstreamTlsContext_OcspStaplePolicy as Ocsp,
} from '../../../proto/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts';
import type { CertificateSource, CommonTls, DownstreamTls, UpstreamTls, ValidationSource } from '../../model/tls.ts';
import { decodeConfigSource } from './config-source.ts';
import type { Fields } from './fields.ts';
import { decodeCertificate, decodeValidation } from './secret.ts';

type TlsVersion = CommonTls['minVersion'];

/** Highest versions when nothing is said: clients stop at 1.2 (Envoy's default), servers go to 1.3. */
const HIGHEST = { upstream: 'TLSv1.2', downstream: 'TLSv1.3' } as const;

export function decodeDownstreamTls(f: Fields<typeof DownstreamSchema>): DownstreamTls {
  const common = decodeCommon(f.child('commonTlsContext', CommonTlsContextSchema), 'downstream');
  const tls: DownstreamTls = {
    ...common,
    requireClientCertificate: f.take('requireClientCertificate') ?? false,
    requireSni: f.take('requireSni') ?? false,
  };
  if (common.certificates.length === 0)
    f.invalid('commonTlsContext', 'a listener needs a certificate: no TLS certificates found for server context');
  if (f.take('ocspStaplePolicy') !== Ocsp.LENIENT_STAPLING)
    f.add('security', 'ocspStaplePolicy', 'other than LENIENT_STAPLING is not supported by fairlead');
  // Sessions are not resumed here, so nothing depends on how they would be.
  f.ignore('sessionTicketKeysType', 'disableStatefulSessionResumption', 'sessionTimeout', 'fullScanCertsOnSniMismatch');
  f.end();
  return tls;
}

export function decodeUpstreamTls(f: Fields<typeof UpstreamSchema>): UpstreamTls {
  const common = decodeCommon(f.child('commonTlsContext', CommonTlsContextSchema), 'upstream');
  if (common.certificates.length > 1) f.invalid('commonTlsContext', 'a client has one certificate at most');
  // Sessions are not resumed; the key usage of certificates is always enforced.
  f.ignore('maxSessionKeys', 'enforceRsaKeyUsage');
  f.security('allowRenegotiation');
  const tls: UpstreamTls = {
    ...common,
    sni: f.take('sni'),
    autoHostSni: f.take('autoHostSni'),
    autoSniSanValidation: f.take('autoSniSanValidation'),
  };
  f.end();
  return tls;
}

function decodeCommon(f: Fields<typeof CommonSchema> | null, side: 'upstream' | 'downstream'): CommonTls {
  if (f === null)
    return {
      minVersion: 'TLSv1.2',
      maxVersion: HIGHEST[side],
      cipherSuites: [],
      ecdhCurves: [],
      certificates: [],
      validation: null,
      alpn: [],
    };
  f.security(
    'customHandshaker',
    'customTlsCertificateSelector',
    'tlsCertificateProviderInstance',
    'tlsCertificateCertificateProvider',
    'tlsCertificateCertificateProviderInstance',
  );
  f.note('keyLog', 'key logs are not written');
  const tls: CommonTls = {
    ...decodeParameters(f.child('tlsParams', TlsParametersSchema), side),
    certificates: decodeCertificates(f),
    validation: decodeValidationSource(f),
    alpn: f.take('alpnProtocols'),
  };
  f.end();
  return tls;
}

function decodeParameters(f: Fields<typeof TlsParametersSchema> | null, side: 'upstream' | 'downstream') {
  if (f === null)
    return { minVersion: 'TLSv1.2' as const, maxVersion: HIGHEST[side], cipherSuites: [], ecdhCurves: [] };
  const minVersion = decodeVersion(f, 'tlsMinimumProtocolVersion', 'TLSv1.2');
  const maxVersion = decodeVersion(f, 'tlsMaximumProtocolVersion', HIGHEST[side]);
  if (minVersion > maxVersion) {
    const why =
      f.message.tlsMaximumProtocolVersion === Version.TLS_AUTO
        ? ` (towards an upstream the maximum is TLSv1_2 by default: set tls_maximum_protocol_version to TLSv1_3)`
        : '';
    f.invalid('tlsMinimumProtocolVersion', `is higher than the maximum version${why}: no connection could be made`);
  }
  f.security('signatureAlgorithms', 'compliancePolicies');
  const cipherSuites = f.take('cipherSuites').flatMap((suite, index) => decodeCiphers(f, suite, index));
  const ecdhCurves = f.take('ecdhCurves');
  for (const [index, curve] of ecdhCurves.entries()) checkCurve(f, curve, index);
  f.end();
  return { minVersion, maxVersion, cipherSuites, ecdhCurves };
}

function decodeVersion(
  f: Fields<typeof TlsParametersSchema>,
  name: 'tlsMinimumProtocolVersion' | 'tlsMaximumProtocolVersion',
  absent: TlsVersion,
): TlsVersion {
  const version = f.take(name);
  if (version === Version.TLSv1_3) return 'TLSv1.3';
  if (version === Version.TLSv1_0 || version === Version.TLSv1_1)
    f.unsupported(name, 'below TLSv1_2 is not supported by fairlead');
  return version === Version.TLS_AUTO ? absent : 'TLSv1.2';
}

/** `[A|B]` names ciphers of equal preference; OpenSSL has no such notion, so they stand in the order written. */
function decodeCiphers(f: Fields<typeof TlsParametersSchema>, suite: string, index: number): string[] {
  const names = suite.replace(/^\[(.*)\]$/, '$1').split('|');
  for (const name of names) {
    if (!isCipher(name))
      f.context.problems.add('invalid', `${f.at('cipherSuites')}[${index}]`, `unknown cipher suite "${name}"`);
  }
  return names;
}

let ciphers: ReadonlySet<string> | null = null;

function isCipher(name: string): boolean {
  ciphers ??= new Set(nodeTls().getCiphers());
  return ciphers.has(name.toLowerCase());
}

const CURVES: ReadonlySet<string> = new Set(['X25519', 'P-256', 'P-384', 'P-521', 'X25519MLKEM768']);

function checkCurve(f: Fields<typeof TlsParametersSchema>, curve: string, index: number): void {
  if (!CURVES.has(curve))
    f.context.problems.add('invalid', `${f.at('ecdhCurves')}[${index}]`, `unknown curve "${curve}"`);
}

function decodeCertificates(f: Fields<typeof CommonSchema>): CertificateSource[] {
  const inline = f.children('tlsCertificates', TlsCertificateSchema).map(decodeCertificate);
  const named = f.children('tlsCertificateSdsSecretConfigs', SdsSecretConfigSchema).map(decodeSds);
  if (inline.length > 0 && named.length > 0)
    f.invalid('tlsCertificateSdsSecretConfigs', 'must not be given together with tls_certificates');
  return [
    ...inline.map((certificate) => ({ kind: 'inline' as const, certificate })),
    ...named.map((name) => ({ kind: 'sds' as const, name })),
  ];
}

/** Without a source the name means a secret of the bootstrap file. */
function decodeSds(f: Fields<typeof SdsSecretConfigSchema>): string {
  const source = f.child('sdsConfig', ConfigSourceSchema);
  const name = f.take('name');
  f.end();
  if (source !== null) decodeConfigSource(source);
  return name;
}

function decodeValidationSource(f: Fields<typeof CommonSchema>): ValidationSource | null {
  const type = f.take('validationContextType');
  switch (type.case) {
    case undefined:
      return null;
    case 'validationContext':
      return {
        kind: 'inline',
        context: decodeValidation(f.choice('validationContext', type.value, ValidationSchema), true),
      };
    case 'validationContextSdsSecretConfig':
      return {
        kind: 'sds',
        name: decodeSds(f.choice('validationContextSdsSecretConfig', type.value, SdsSecretConfigSchema)),
        defaults: null,
      };
    case 'combinedValidationContext':
      return decodeCombined(f.choice('combinedValidationContext', type.value, CombinedSchema));
    default:
      f.add('security', type.case, 'is not supported by fairlead');
      return null;
  }
}

function decodeCombined(f: Fields<typeof CombinedSchema>): ValidationSource | null {
  const defaults = f.child('defaultValidationContext', ValidationSchema);
  const sds = f.child('validationContextSdsSecretConfig', SdsSecretConfigSchema);
  f.security('validationContextCertificateProvider', 'validationContextCertificateProviderInstance');
  f.end();
  if (sds === null) return null;
  return { kind: 'sds', name: decodeSds(sds), defaults: defaults === null ? null : decodeValidation(defaults, false) };
}
