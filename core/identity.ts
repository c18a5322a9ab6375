// SPIFFE ids: parse and print. Comparison is by exact string; whatever could be read in two ways is
// refused here, at issue and at verification alike (SPIFFE-ID standard, section 2).

export interface SpiffeId {
  readonly trustDomain: string;
  /** Path segments; never empty for a workload. */
  readonly segments: readonly string[];
  /** The exact text, `spiffe://<trust-domain>/<path>`. */
  readonly uri: string;
}

/** The longest id allowed by the standard, in bytes. */
export const LONGEST_SPIFFE_ID = 2048;
const TRUST_DOMAIN = /^[a-z0-9._-]{1,255}$/;
const SEGMENT = /^[A-Za-z0-9._-]+$/;
/** ns, NAMESPACE, sa, SERVICE. */
const WORKLOAD_SEGMENTS = 4;

/** The id, or null where the text is not exactly one canonical SPIFFE id. */
export function parseSpiffeId(text: string): SpiffeId | null {
  if (text.length > LONGEST_SPIFFE_ID || !text.startsWith('spiffe://')) return null;
  const [trustDomain = '', ...segments] = text.slice('spiffe://'.length).split('/');
  if (!TRUST_DOMAIN.test(trustDomain)) return null;
  const fine = (segment: string) => SEGMENT.test(segment) && segment !== '.' && segment !== '..';
  return segments.every(fine) ? { trustDomain, segments, uri: text } : null;
}

/** The id of a service's workload, by the convention shared with Istio: `/ns/<namespace>/sa/<service>`. */
export function workloadId(trustDomain: string, namespace: string, service: string): SpiffeId {
  const id = parseSpiffeId(`spiffe://${trustDomain}/ns/${namespace}/sa/${service}`);
  // A slash in a name would make it the id of somebody else.
  if (id?.segments.length !== WORKLOAD_SEGMENTS)
    throw new Error(`no SPIFFE id can be made of "${trustDomain}", "${namespace}", "${service}"`);
  return id;
}
