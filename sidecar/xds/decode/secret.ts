// Secrets: certificates with their keys and validation contexts. What does not fit together is refused
// here, before anyone depends on it.

import { createPrivateKey, X509Certificate } from 'node:crypto';
import {
  SubjectAltNameMatcherSchema as SanSchema,
  SubjectAltNameMatcher_SanType as SanType,
  TlsCertificateSchema,
  CertificateValidationContext_TrustChainVerification as TrustChain,
  CertificateValidationContextSchema as ValidationSchema,
} from '../../../proto/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.ts';
import type { SecretSchema } from '../../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts';
import { StringMatcherSchema } from '../../../proto/gen/envoy/type/matcher/v3/string_pb.ts';
import type { Secret, TlsCertificate, ValidationContext } from '../../model/secret.ts';
import type { SanMatch } from '../../model/tls.ts';
import { decodeText } from './data-source.ts';
import type { Fields } from './fields.ts';
import { decodeStringMatch } from './matcher.ts';

/** Null for kinds of secret that nothing here uses. */
export function decodeSecret(f: Fields<typeof SecretSchema>): Secret | null {
  const name = f.take('name');
  const type = f.take('type');
  f.end();
  switch (type.case) {
    case 'tlsCertificate':
      return {
        name,
        kind: 'certificate',
        certificate: stillValid(f.choice('tlsCertificate', type.value, TlsCertificateSchema)),
      };
    case 'validationContext':
      return {
        name,
        kind: 'validation',
        context: decodeValidation(f.choice('validationContext', type.value, ValidationSchema), false),
      };
    case 'sessionTicketKeys':
      return null;
    case 'genericSecret':
      f.note('type', 'generic secrets are used by nothing here');
      return null;
    case undefined:
      f.invalid('', 'holds no secret');
      return null;
  }
}

/** One that has ended is refused, so that the one before it stays in use; Envoy would take it, to be refused by all. */
function stillValid(f: Fields<typeof TlsCertificateSchema>): TlsCertificate {
  const certificate = decodeCertificate(f);
  if (certificate.chain === '') return certificate;
  const { validTo } = new X509Certificate(certificate.chain);
  if (Date.parse(validTo) <= f.context.nowMs)
    f.add('security', 'certificateChain', `has expired: it held until ${validTo}`);
  return certificate;
}

/** Peers take no longer ones (OpenSSL's SSL_MAX_CERT_LIST_DEFAULT). */
const MOST_CHAIN_BYTES = 100 * 1024;
/** Several times what all public authorities together have. */
const MOST_BUNDLE_BYTES = 1024 * 1024;

export function decodeCertificate(f: Fields<typeof TlsCertificateSchema>): TlsCertificate {
  const chain = decodeText(f, 'certificateChain', f.take('certificateChain'));
  const key = decodeText(f, 'privateKey', f.take('privateKey'));
  const passphrase = decodeText(f, 'password', f.take('password'));
  f.note('watchedDirectory', 'files are read once; changes in the directory are not followed');
  f.security('ocspStaple', 'privateKeyProvider');
  f.end();
  if (f.message.certificateChain === undefined) f.invalid('certificateChain', 'is required');
  if (f.message.privateKey === undefined) f.invalid('privateKey', 'is required');
  if (chain === null || key === null || !fits(f, 'certificateChain', chain, MOST_CHAIN_BYTES))
    return { chain: '', privateKey: '' };
  return checkPair(f, chain, key, passphrase);
}

/** Node's messages never hold the key itself. */
function checkPair(
  f: Fields<typeof TlsCertificateSchema>,
  chain: string,
  key: string,
  passphrase: string | null,
): TlsCertificate {
  const leaf = attempt(f, 'certificateChain', 'holds no certificate', () => new X509Certificate(chain));
  const parsed = attempt(f, 'privateKey', 'holds no private key', () =>
    createPrivateKey({ key, ...(passphrase === null ? {} : { passphrase }) }),
  );
  if (leaf === null || parsed === null) return { chain: '', privateKey: '' };
  if (!leaf.checkPrivateKey(parsed)) f.invalid('privateKey', 'does not belong to the certificate');
  return { chain, privateKey: passphrase === null ? key : (parsed.export({ type: 'pkcs8', format: 'pem' }) as string) };
}

function fits(
  f: Fields<typeof TlsCertificateSchema> | Fields<typeof ValidationSchema>,
  name: string,
  text: string,
  most: number,
): boolean {
  if (text.length > most) f.add('security', name, `is larger than ${most / 1024} KiB`);
  return text.length <= most;
}

function attempt<T>(
  f: Fields<typeof TlsCertificateSchema> | Fields<typeof ValidationSchema>,
  name: string,
  reason: string,
  read: () => T,
): T | null {
  try {
    return read();
  } catch (error) {
    f.invalid(name, `${reason}: ${(error as Error).message}`);
    return null;
  }
}

/** `whole`: stands alone, so that what it says must suffice; a part of a combined context may lack the CA. */
export function decodeValidation(f: Fields<typeof ValidationSchema>, whole: boolean): ValidationContext {
  f.security(
    'caCertificateProviderInstance',
    'systemRootCerts',
    'customValidatorConfig',
    'maxVerifyDepth',
    // OpenSSL tells the last thing that is wrong with a chain: one that is expired may be anybody's.
    'allowExpiredCertificate',
    'requireSignedCertificateTimestamp',
  );
  f.note('watchedDirectory', 'files are read once; changes in the directory are not followed');
  f.note('suppressClientCaList', 'the list of authorities is sent to clients');
  const context: ValidationContext = {
    trustedCa: decodeBundle(f),
    subjectAltNames: [...f.children('matchTypedSubjectAltNames', SanSchema).flatMap(decodeSan), ...decodeUntyped(f)],
    certificateHashes: f.take('verifyCertificateHash').map((hash) => hash.replaceAll(':', '').toLowerCase()),
    spkiHashes: f.take('verifyCertificateSpki'),
    acceptUntrusted: f.take('trustChainVerification') === TrustChain.ACCEPT_UNTRUSTED,
    crl: decodeText(f, 'crl', f.take('crl')),
  };
  if (context.crl === null) f.ignore('onlyVerifyLeafCertCrl');
  else f.security('onlyVerifyLeafCertCrl');
  f.end();
  if (whole && context.trustedCa === null && context.subjectAltNames.length > 0) {
    f.invalid(
      'matchTypedSubjectAltNames',
      'SAN-based verification of peer certificates without trusted CA is insecure and not allowed',
    );
  }
  return context;
}

const PEM_CERTIFICATE = /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[^-]+-----END (?:TRUSTED )?CERTIFICATE-----/g;

/** The bundle's certificates are parsed here, so that a broken one is refused and not found at a handshake. */
function decodeBundle(f: Fields<typeof ValidationSchema>): string | null {
  const pem = decodeText(f, 'trustedCa', f.take('trustedCa'));
  if (pem === null || !fits(f, 'trustedCa', pem, MOST_BUNDLE_BYTES)) return null;
  const blocks = pem.match(PEM_CERTIFICATE) ?? [];
  if (blocks.length === 0) f.invalid('trustedCa', 'holds no certificate');
  for (const block of blocks) attempt(f, 'trustedCa', 'holds a broken certificate', () => new X509Certificate(block));
  return pem;
}

const SAN_TYPES: Readonly<Partial<Record<SanType, SanMatch['type']>>> = {
  [SanType.EMAIL]: 'email',
  [SanType.DNS]: 'dns',
  [SanType.URI]: 'uri',
  [SanType.IP_ADDRESS]: 'ip',
};

function decodeSan(f: Fields<typeof SanSchema>): SanMatch[] {
  const given = f.take('sanType');
  const type = SAN_TYPES[given];
  const matcher = f.child('matcher', StringMatcherSchema);
  f.ignore('oid');
  f.end();
  if (given === SanType.OTHER_NAME) f.add('security', 'sanType', 'of OTHER_NAME is not supported by fairlead');
  return type === undefined || matcher === null ? [] : [{ type, match: decodeStringMatch(matcher) }];
}

/** The older field looks at names of every type. */
function decodeUntyped(f: Fields<typeof ValidationSchema>): SanMatch[] {
  const matches = f.children('matchSubjectAltNames', StringMatcherSchema).map(decodeStringMatch);
  return matches.flatMap((match) => (['dns', 'uri', 'email', 'ip'] as const).map((type) => ({ type, match })));
}
