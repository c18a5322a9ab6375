// Field lines that come again and again: clients and services send the same few of them with every message.
// A line that was read and judged before is recognised as a whole, by comparing it, and gives its name and
// value at once: no walk over its bytes, nothing cut out, and values that are one copy for all messages.
// Each line remembers which one followed it last, so that most heads are recognised line by line without a
// look into the table; and a first line remembers all fields of the last message that began with it, which
// often are those of the next one too.

import type { FieldName } from './field-names.ts';
import { copyOf, type Fields } from './fields.ts';
import { interned } from './known.ts';

/** Lines remembered, and how long they may be with their line end. */
const PLACES = 1 << 10;
const LONGEST = 160;
const LONGEST_HEAD = 1024;

/**
 * Fields whose values repeat and are nobody's secret. What identifies a person or a request is read anew each
 * time, and never kept beyond its message.
 */
export const REPEATING: ReadonlySet<string> = new Set(
  (
    'host user-agent accept accept-encoding accept-language accept-charset accept-ranges cache-control pragma connection ' +
    'keep-alive te transfer-encoding content-type content-length content-encoding content-language date server vary via age ' +
    'expires last-modified upgrade-insecure-requests x-forwarded-proto x-forwarded-port x-envoy-expected-rq-timeout-ms ' +
    'x-envoy-upstream-service-time x-powered-by x-content-type-options x-frame-options x-xss-protection strict-transport-security ' +
    'access-control-allow-origin sec-fetch-mode sec-fetch-site sec-fetch-dest sec-fetch-user sec-ch-ua sec-ch-ua-mobile ' +
    'sec-ch-ua-platform dnt grpc-encoding grpc-accept-encoding alt-svc'
  ).split(' '),
);

/** All field lines of a head, and what they were read to. Never changed: whoever uses it makes a copy. */
export interface FamiliarFields {
  /** With the empty line. */
  readonly raw: string;
  readonly fields: Fields;
}

export interface FamiliarLine {
  /** With its line end. */
  readonly raw: string;
  readonly field: FieldName;
  /** Without the white space around it. */
  readonly value: string;
  /** The line that came after it the last time. */
  next: FamiliarLine | null;
  /** The fields of the last head that began with this line, and the mark of those not kept yet. */
  all: FamiliarFields | null;
  seen: number;
}

export class FamiliarLines {
  readonly #places: (FamiliarLine | null)[] = new Array(PLACES).fill(null);
  /** Of each place, the mark of the line last seen there that is not kept: only what comes twice is. */
  readonly #seen = new Int32Array(PLACES);

  /** The line that is `text` from `start` to `end`, its line end included; null where it is not familiar. */
  find(text: string, start: number, end: number): FamiliarLine | null {
    const line = this.#places[markOf(text, start, end) & (PLACES - 1)] as FamiliarLine | null;
    if (line === null || line.raw.length !== end - start) return null;
    return text.startsWith(line.raw, start) ? line : null;
  }

  /** A line was read that is not familiar. Returns it once it is: when it came twice in a row to its place. */
  meet(text: string, start: number, end: number, field: FieldName, value: string): FamiliarLine | null {
    if (end - start > LONGEST || !REPEATING.has(field.name)) return null;
    const mark = markOf(text, start, end);
    const place = mark & (PLACES - 1);
    if (this.#seen[place] !== mark) {
      this.#seen[place] = mark;
      return null;
    }
    const line = {
      raw: interned(text.slice(start, end)),
      field,
      value: interned(value),
      next: null,
      all: null,
      seen: 0,
    };
    this.#places[place] = line;
    return line;
  }
}

/** A head was read whose lines are all familiar: `first` and what follows, `text` from `start` to `end`. */
export function meetAll(first: FamiliarLine, text: string, start: number, end: number, fields: Fields): void {
  if (end - start > LONGEST_HEAD) return;
  const mark = markOf(text, start, end);
  if (first.seen === mark) first.all = { raw: interned(text.slice(start, end)), fields: copyOf(fields) };
  first.seen = mark;
}

/** The fields that begin at `start`, where they are those of the last head that began as this one is thought to. */
export function recall(text: string, start: number, beginning: { next: FamiliarLine | null }): FamiliarFields | null {
  const { next } = beginning;
  if (next === null) return null;
  const { all } = next;
  return all !== null && text.slice(start, start + all.raw.length) === all.raw ? all : null;
}

/**
 * Mixes the length with characters of the name and of the value's end, where dates and numbers differ.
 */
function markOf(text: string, start: number, end: number): number {
  let mark = (end - start) * 0x01000193;
  mark = Math.imul(mark ^ text.charCodeAt(start), 0x01000193);
  mark = Math.imul(mark ^ text.charCodeAt(start + 2), 0x01000193);
  mark = Math.imul(mark ^ text.charCodeAt(end - 3), 0x01000193);
  mark = Math.imul(mark ^ text.charCodeAt(end - 4), 0x01000193);
  mark = Math.imul(mark ^ text.charCodeAt(end - 7), 0x01000193);
  mark = Math.imul(mark ^ text.charCodeAt(end - 8), 0x01000193);
  mark = Math.imul(mark ^ text.charCodeAt((start + end) >> 1), 0x01000193);
  return mark ^ (mark >>> 15);
}
