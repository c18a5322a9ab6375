// What a certificate with a SPIFFE id must be to prove it (SPIFFE X.509-SVID, sections 2 and 5.2): a leaf with
// exactly one URI name, which is exactly one canonical id of a workload. Whatever could be read in two ways is
// refused, so that a rule for a prefix of ids never meets `..`, `%2f` or a second name.

import type { Certificate } from './certificate.ts';
import { parseSpiffeId, type SpiffeId } from './identity.ts';

type Names = Pick<Certificate, 'uriSans' | 'ca'>;

/** The id that a certificate proves, or null. */
export function svidOf(certificate: Names): SpiffeId | null {
  const [uri, ...others] = certificate.uriSans;
  if (uri === undefined || others.length > 0 || certificate.ca) return null;
  const id = parseSpiffeId(uri);
  return id !== null && id.segments.length > 0 ? id : null;
}

/** Why a certificate that names a SPIFFE id is no proof of it; null: it is one, or names none. */
export function svidFault(certificate: Names): string | null {
  const { uriSans, ca } = certificate;
  if (!uriSans.some(namesSpiffe)) return null;
  if (uriSans.length > 1) return 'a SPIFFE id must be the only URI name of a certificate';
  if (ca) return 'a SPIFFE id in the certificate of an authority is nobody';
  return svidOf(certificate) === null ? 'a SPIFFE id that is not canonical' : null;
}

function namesSpiffe(uri: string): boolean {
  return uri.slice(0, 'spiffe:'.length).toLowerCase() === 'spiffe:';
}
