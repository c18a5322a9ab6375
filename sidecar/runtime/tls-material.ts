// From a TLS context that names secrets to one that holds them. The same context and the same secrets give
// the same object, so a rotation is seen by comparing.

import type { Secret, TlsCertificate, ValidationContext } from '../model/secret.ts';
import type { CommonTls } from '../model/tls.ts';
import type { TlsMaterial } from '../net/tls.ts';

type Secrets = ReadonlyMap<string, Secret>;

/** null while a secret that is named has not arrived. */
export function resolveTls(tls: CommonTls, secrets: Secrets, before: TlsMaterial | null): TlsMaterial | null {
  const certificates: TlsCertificate[] = [];
  for (const source of tls.certificates) {
    const found = source.kind === 'inline' ? source.certificate : certificateOf(secrets.get(source.name));
    if (found === null) return null;
    certificates.push(found);
  }
  const validation = validationOf(tls, secrets, before);
  if (validation === undefined) return null;
  const same =
    before !== null &&
    before.tls === tls &&
    before.validation === validation &&
    before.certificates.length === certificates.length &&
    before.certificates.every((certificate, i) => certificate === certificates[i]);
  return same ? before : { tls, certificates, validation };
}

function certificateOf(secret: Secret | undefined): TlsCertificate | null {
  return secret?.kind === 'certificate' ? secret.certificate : null;
}

/** undefined: named, but not here yet. */
function validationOf(
  tls: CommonTls,
  secrets: Secrets,
  before: TlsMaterial | null,
): ValidationContext | null | undefined {
  const source = tls.validation;
  if (source === null) return null;
  if (source.kind === 'inline') return source.context;
  const secret = secrets.get(source.name);
  if (secret?.kind !== 'validation') return undefined;
  if (source.defaults === null) return secret.context;
  const merged = merge(source.defaults, secret.context);
  return before?.validation != null && sameContext(before.validation, merged) ? before.validation : merged;
}

/** What SDS brings goes over what the context says itself; lists add up (protobuf's merge). */
function merge(defaults: ValidationContext, dynamic: ValidationContext): ValidationContext {
  return {
    trustedCa: dynamic.trustedCa ?? defaults.trustedCa,
    subjectAltNames: [...defaults.subjectAltNames, ...dynamic.subjectAltNames],
    certificateHashes: [...defaults.certificateHashes, ...dynamic.certificateHashes],
    spkiHashes: [...defaults.spkiHashes, ...dynamic.spkiHashes],
    acceptUntrusted: defaults.acceptUntrusted || dynamic.acceptUntrusted,
    crl: dynamic.crl ?? defaults.crl,
  };
}

function sameContext(a: ValidationContext, b: ValidationContext): boolean {
  const sameList = (x: readonly unknown[], y: readonly unknown[]) =>
    x.length === y.length && x.every((item, i) => item === y[i]);
  return (
    a.trustedCa === b.trustedCa &&
    a.crl === b.crl &&
    a.acceptUntrusted === b.acceptUntrusted &&
    sameList(a.subjectAltNames, b.subjectAltNames) &&
    sameList(a.certificateHashes, b.certificateHashes) &&
    sameList(a.spkiHashes, b.spkiHashes)
  );
}

/** Names of secrets that a context waits for. */
export function secretNames(tls: CommonTls | null): string[] {
  if (tls === null) return [];
  const names = tls.certificates.flatMap((source) => (source.kind === 'sds' ? [source.name] : []));
  return tls.validation?.kind === 'sds' ? [...names, tls.validation.name] : names;
}
