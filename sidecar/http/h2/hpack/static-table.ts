// The static table (RFC 7541 Appendix A) and what an entry of a table is.

import { knownField } from './known-field.ts';

/** A field with all that follows from its name and value, found once. */
export interface TableEntry {
  readonly name: string;
  readonly value: string;
  /** Of KNOWN. */
  readonly known: number;
  /** Bits of FAULT. */
  readonly faults: number;
  /** As a table counts it, and a list of fields too. */
  readonly size: number;
}

/** What an entry counts besides its name and value (RFC 7541 4.1). */
export const ENTRY_OVERHEAD = 32;

/** Bytes of a dynamic table before one says otherwise (SETTINGS_HEADER_TABLE_SIZE). */
export const DEFAULT_TABLE_SIZE = 4096;

/** In the order of their indices, from 1; where there is a value it stands behind a bar. */
const FIELDS = `
:authority
:method|GET
:method|POST
:path|/
:path|/index.html
:scheme|http
:scheme|https
:status|200
:status|204
:status|206
:status|304
:status|400
:status|404
:status|500
accept-charset
accept-encoding|gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate
`;

function entryOf(line: string): TableEntry {
  const [name = '', value = ''] = line.split('|');
  return { name, value, known: knownField(name), faults: 0, size: name.length + value.length + ENTRY_OVERHEAD };
}

/** By index minus 1. */
export const STATIC_TABLE: readonly TableEntry[] = FIELDS.trim().split('\n').map(entryOf);

/** The index of the newest entry of a dynamic table. */
export const FIRST_DYNAMIC = STATIC_TABLE.length + 1;
