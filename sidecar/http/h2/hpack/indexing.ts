// Which fields the encoder puts into the table. The table is small (4 KiB, some 40 fields) and what enters it
// pushes out the oldest, so a value that never comes again costs another field its place, and the peer memory.
//
// - Secrets are never indexed, and say so to whoever sends them on (RFC 7541 7.1.3): credentials, and cookies
//   that are short enough to be guessed one by one from the length of a block.
// - Fields whose value differs nearly each time are sent as literals. Their name alone is worth a place, where
//   it is long and not in the static table: an entry is made at the first sight of the name.
// - Any other field is indexed when it is seen a second time: what comes twice comes often, and clients can put
//   a fresh value into any field that we do not know.

import { STATIC_TABLE } from './static-table.ts';

export const POLICY = {
  /** At second sight. */
  REPEATING: 0,
  /** A literal each time. */
  CHANGING: 1,
  NEVER: 2,
  /** Never where it is short, or else as REPEATING. */
  COOKIE: 3,
} as const;

/** Cookies shorter than this are never indexed. */
export const GUESSABLE_COOKIE = 20;

const NEVER = 'authorization proxy-authorization';
const COOKIES = 'cookie set-cookie';
const CHANGING =
  ':path x-request-id content-length etag if-match if-none-match if-range if-modified-since if-unmodified-since ' +
  'last-modified expires age content-range range location referer traceparent tracestate b3 x-b3-traceid x-b3-spanid ' +
  'x-b3-parentspanid x-amzn-trace-id x-correlation-id grpc-timeout server-timing x-envoy-upstream-service-time ' +
  'x-envoy-original-path x-envoy-expected-rq-timeout-ms x-envoy-attempt-count sec-websocket-key sec-websocket-accept';

/** A name that the encoder knows before it is sent. */
export interface NameSpec {
  readonly name: string;
  readonly policy: number;
  /** Of the first entry with this name in the static table, or 0. */
  readonly index: number;
  /** The values of the static table under this name, from `index` on. */
  readonly values: readonly string[];
}

const ROWS = 256;
const rows: NameSpec[][] = Array.from({ length: ROWS }, () => []);

/** Tells names apart by a few of their characters. Names are made by clients too: only a short row is relied on. */
export function markOfName(name: string): number {
  const { length } = name;
  const ends = name.charCodeAt(0) + name.charCodeAt(length - 1) * 31;
  return (Math.imul(ends + name.charCodeAt(length >> 1) * 961 + length * 29791, 0x9e3779b1) >>> 16) | 0;
}

/** What is known of a name; null for any that is not in one of the lists here. */
export function specOf(name: string, mark: number): NameSpec | null {
  const row = rows[mark & (ROWS - 1)] as NameSpec[];
  for (let i = 0; i < row.length; i++) {
    const spec = row[i] as NameSpec;
    if (spec.name === name) return spec;
  }
  return null;
}

/** Whether fields of this name are never indexed, whoever sends them. */
export function isSecret(name: string): boolean {
  return specOf(name, markOfName(name))?.policy === POLICY.NEVER;
}

function policyOf(name: string): number {
  if (NEVER.split(' ').includes(name)) return POLICY.NEVER;
  if (COOKIES.split(' ').includes(name)) return POLICY.COOKIE;
  return CHANGING.split(' ').includes(name) ? POLICY.CHANGING : POLICY.REPEATING;
}

function specFor(name: string): NameSpec {
  const first = STATIC_TABLE.findIndex((entry) => entry.name === name);
  const values = STATIC_TABLE.filter((entry) => entry.name === name).map(({ value }) => value);
  return { name, policy: policyOf(name), index: first + 1, values };
}

const names = new Set([...STATIC_TABLE.map(({ name }) => name), ...`${NEVER} ${COOKIES} ${CHANGING}`.split(' ')]);
for (const name of names) rows[markOfName(name) & (ROWS - 1)]?.push(specFor(name));
