// The quick way to read a head: one that is whole in one piece of input and has nothing wrong with it, which
// is nearly every head there is. Whatever is out of the ordinary gives null, and the head is read again by
// parse.ts, which says what is wrong with it; so a head gets the same judgement however it was cut.

import { latin1 } from '../latin1.ts';
import { trimOws } from './characters.ts';
import { type FamiliarFields, type FamiliarLine, FamiliarLines, meetAll, recall } from './familiar.ts';
import { copyOf, type Fields, type HeadLimits, noFields, sortField } from './fields.ts';
import { fieldName } from './field-names.ts';
import { endOfLine } from './head-scan.ts';
import {
  knownMethod,
  type ParsedRequest,
  type ParsedResponse,
  type RequestRules,
  requestOf,
  responseOf,
  statusAt,
  VERSION_LENGTH,
  versionAt,
  fieldBytes,
} from './parse.ts';

/** Heads longer than this are read the other way. */
const WINDOW = 4 * 1024;

/** What was seen in one direction, and where the last head that was read ended. */
class Reading {
  readonly familiar = new FamiliarLines();
  /** Stands before the first line. */
  readonly beginning: { next: FamiliarLine | null } = { next: null };
  wire = 0;
  /** Where the last line that was not familiar ended; before its beginning where it did not. */
  lineOver = 0;
}

const REQUESTS = new Reading();
const RESPONSES = new Reading();

const CR = 13;
const LF = 10;
const SPACE = 32;

/** The head that begins at `at`; its `wireBytes` say where it ends. */
export function quickRequest(
  bytes: Buffer,
  at: number,
  scheme: 'http' | 'https',
  rules: RequestRules,
): ParsedRequest | null {
  const text = windowOf(bytes, at, rules);
  const lineOver = endOfLine(bytes, at, text.length);
  if (lineOver < 0) return null;
  const first = text.indexOf(' ');
  const last = lineOver - VERSION_LENGTH - 1;
  if (first <= 0 || last <= first || text.charCodeAt(last) !== SPACE) return null;
  const version = versionAt(text, last + 1, lineOver);
  const method = knownMethod(text, first);
  if (version === 0 || (version === 10 && !rules.acceptHttp10) || method === null) return null;
  if (!isPlainTarget(text, first + 1, last)) return null;
  const found = readFields(text, bytes, at, lineOver + 2, rules, REQUESTS);
  if (found === null) return null;
  const { wire } = REQUESTS;
  const target = text.slice(first + 1, last);
  const parsed = requestOf(method, target, version, found, wire, scheme, fieldBytes(wire, lineOver, found.count), text);
  return 'reason' in parsed ? null : parsed;
}

/** As quickRequest, for the answer to a request of `method`. */
export function quickResponse(bytes: Buffer, at: number, method: string, limits: HeadLimits): ParsedResponse | null {
  const text = windowOf(bytes, at, limits);
  const lineOver = endOfLine(bytes, at, text.length);
  if (lineOver <= VERSION_LENGTH + 4 || text.charCodeAt(VERSION_LENGTH) !== SPACE) return null;
  const version = versionAt(text, 0, VERSION_LENGTH);
  const status = statusAt(text, VERSION_LENGTH + 1);
  if (version === 0 || status < 100 || status > 599 || text.charCodeAt(VERSION_LENGTH + 4) !== SPACE) return null;
  const found = readFields(text, bytes, at, lineOver + 2, limits, RESPONSES);
  if (found === null) return null;
  const { wire } = RESPONSES;
  const parsed = responseOf(status, version, found, wire, method, fieldBytes(wire, lineOver, found.count), text);
  return 'reason' in parsed ? null : parsed;
}

function windowOf(bytes: Buffer, at: number, { maxHeadersBytes }: HeadLimits): string {
  return latin1(bytes, at, Math.min(bytes.length, at + Math.min(WINDOW, maxHeadersBytes)));
}

/** Visible ASCII only; other bytes are judged by the other way. */
function isPlainTarget(text: string, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i);
    if (code <= SPACE || code >= 0x7f) return false;
  }
  return true;
}

/** The field lines from `from` on; null where one is out of the ordinary. */
function readFields(
  text: string,
  bytes: Buffer,
  base: number,
  from: number,
  limits: HeadLimits,
  reading: Reading,
): Fields | null {
  const all = recall(text, from, reading.beginning) ?? recallFrom(text, bytes, base, from, reading);
  if (all !== null) {
    reading.wire = from + all.raw.length;
    return all.fields.count > limits.maxHeadersCount ? null : copyOf(all.fields);
  }
  const found = noFields();
  return readLines(text, bytes, base, from, found, limits, reading) ? found : null;
}

/** The fields of the last head that began with this first line, where another one was expected. */
function recallFrom(text: string, bytes: Buffer, base: number, from: number, reading: Reading): FamiliarFields | null {
  const { next } = reading.beginning;
  const first = lineAt(text, bytes, base, from, reading.beginning, reading);
  return first === null || first === next ? null : recall(text, from, reading.beginning);
}

function readLines(
  text: string,
  bytes: Buffer,
  base: number,
  from: number,
  found: Fields,
  limits: HeadLimits,
  reading: Reading,
): boolean {
  const { familiar } = reading;
  let before = reading.beginning;
  let first: FamiliarLine | null = null;
  let allFamiliar = true;
  let at = from;
  while (text.charCodeAt(at) !== CR) {
    const line = lineAt(text, bytes, base, at, before, reading);
    if (line === null) {
      allFamiliar = false;
      const end = reading.lineOver;
      if (end < at || !readLine(text, at, end, found, limits, familiar)) return false;
      at = end + 2;
      continue;
    }
    if (++found.count > limits.maxHeadersCount) return false;
    if (sortField(found, line.field, line.value, limits) !== null) return false;
    first ??= line;
    before = line;
    at += line.raw.length;
  }
  if (text.charCodeAt(at + 1) !== LF) return false;
  reading.wire = at + 2;
  if (first !== null && allFamiliar) meetAll(first, text, from, at + 2, found);
  return true;
}

/** The familiar line that begins at `at`: the one that followed last time, or one from the table. Notes where another ends. */
function lineAt(
  text: string,
  bytes: Buffer,
  base: number,
  at: number,
  before: { next: FamiliarLine | null },
  reading: Reading,
): FamiliarLine | null {
  const { next } = before;
  if (next !== null && text.slice(at, at + next.raw.length) === next.raw) return next;
  const end = endOfLine(bytes, base + at, text.length - at) + at;
  reading.lineOver = end;
  if (end < at) return null;
  const line = reading.familiar.find(text, at, end + 2);
  if (line !== null) before.next = line;
  return line;
}

/** A line that is not familiar. false: something is the matter with it. */
function readLine(
  text: string,
  start: number,
  end: number,
  found: Fields,
  limits: HeadLimits,
  familiar: FamiliarLines,
): boolean {
  const blank = text.charCodeAt(start);
  const colon = text.indexOf(':', start);
  if (blank === SPACE || blank === 9 || colon === -1 || colon >= end) return false;
  const field = fieldName(text, start, colon);
  if (field === null || ++found.count > limits.maxHeadersCount) return false;
  // What is dropped or refused is counted, and is to be counted once.
  if (field.underscore && limits.underscores !== 'allow') return false;
  const value = trimOws(text, colon + 1, end);
  familiar.meet(text, start, end + 2, field, value);
  return sortField(found, field, value, limits) === null;
}
