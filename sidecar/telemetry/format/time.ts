// strftime for START_TIME and its kin: the specifiers of Envoy 1.40, which are those of C and of absl, and
// `%f` with a number of digits for fractions of a second.

import { isoTime } from '../../../core/iso-time.ts';

/** Makes a printer for milliseconds since 1970; null format: ISO 8601 with milliseconds. */
export function compileTime(format: string | null, zone: 'utc' | 'local'): (wallMs: number) => string {
  if (format === null || format === '') return zone === 'utc' ? isoTime : (wallMs) => isoLocal(wallMs);
  const pieces = [...format.matchAll(/%(?:[1-9]f|f|E[0-9*]S|E[zTs]|[a-zA-Z%])|[^%]+|%/g)].map(([piece]) =>
    compilePiece(piece),
  );
  return (wallMs) => {
    const at = fields(wallMs, zone);
    let text = '';
    for (const piece of pieces) text += typeof piece === 'string' ? piece : piece(at);
    return text;
  };
}

function isoLocal(wallMs: number): string {
  const at = fields(wallMs, 'local');
  return `${at.year}-${padded(at.month, 2)}-${padded(at.day, 2)}T${clock(at)}.${fraction(at, 3)}${offset(at.offsetMinutes, '')}`;
}

interface Fields {
  readonly wallMs: number;
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly weekday: number;
  readonly offsetMinutes: number;
}

function fields(wallMs: number, zone: 'utc' | 'local'): Fields {
  const offsetMinutes = zone === 'utc' ? 0 : -new Date(wallMs).getTimezoneOffset();
  const at = new Date(wallMs + offsetMinutes * 60_000);
  return {
    wallMs,
    offsetMinutes,
    year: at.getUTCFullYear(),
    month: at.getUTCMonth() + 1,
    day: at.getUTCDate(),
    hour: at.getUTCHours(),
    minute: at.getUTCMinutes(),
    second: at.getUTCSeconds(),
    weekday: at.getUTCDay(),
  };
}

function compilePiece(piece: string): string | ((at: Fields) => string) {
  if (piece[0] !== '%' || piece === '%') return piece;
  const digits = /^%([1-9])?f$/.exec(piece);
  if (digits !== null) return (at) => fraction(at, Number(digits[1] ?? 9));
  const seconds = /^%E([0-9*])S$/.exec(piece);
  if (seconds !== null) return (at) => secondsWith(at, seconds[1] as string);
  return SPECIFIERS[piece.slice(1)] ?? piece;
}

const SPECIFIERS: Readonly<Record<string, string | ((at: Fields) => string)>> = {
  '%': '%',
  Y: (at) => String(at.year),
  y: (at) => padded(at.year % 100, 2),
  C: (at) => padded(Math.floor(at.year / 100), 2),
  m: (at) => padded(at.month, 2),
  d: (at) => padded(at.day, 2),
  e: (at) => String(at.day).padStart(2),
  H: (at) => padded(at.hour, 2),
  I: (at) => padded(at.hour % 12 || 12, 2),
  M: (at) => padded(at.minute, 2),
  S: (at) => padded(at.second, 2),
  p: (at) => (at.hour < 12 ? 'AM' : 'PM'),
  a: (at) => weekdays(at).slice(0, 3),
  A: (at) => weekdays(at),
  b: (at) => months(at).slice(0, 3),
  h: (at) => months(at).slice(0, 3),
  B: (at) => months(at),
  j: (at) =>
    padded(Math.floor((Date.UTC(at.year, at.month - 1, at.day) - Date.UTC(at.year, 0, 1)) / 86_400_000) + 1, 3),
  u: (at) => String(at.weekday || 7),
  w: (at) => String(at.weekday),
  s: (at) => String(Math.floor(at.wallMs / 1000)),
  Es: (at) => String(Math.floor(at.wallMs / 1000)),
  z: (at) => offset(at.offsetMinutes, ''),
  Ez: (at) => offset(at.offsetMinutes, ':'),
  Z: (at) => (at.offsetMinutes === 0 ? 'UTC' : offset(at.offsetMinutes, '')),
  ET: 'T',
  n: '\n',
  t: '\t',
  D: (at) => `${padded(at.month, 2)}/${padded(at.day, 2)}/${padded(at.year % 100, 2)}`,
  x: (at) => `${padded(at.month, 2)}/${padded(at.day, 2)}/${padded(at.year % 100, 2)}`,
  F: (at) => `${at.year}-${padded(at.month, 2)}-${padded(at.day, 2)}`,
  T: clock,
  X: clock,
  R: (at) => clock(at).slice(0, 5),
  c: (at) =>
    `${weekdays(at).slice(0, 3)} ${months(at).slice(0, 3)} ${String(at.day).padStart(2)} ${clock(at)} ${at.year}`,
};

const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

function weekdays(at: Fields): string {
  return WEEKDAYS[at.weekday] as string;
}

function months(at: Fields): string {
  return MONTHS[at.month - 1] as string;
}

function clock(at: Fields): string {
  return `${padded(at.hour, 2)}:${padded(at.minute, 2)}:${padded(at.second, 2)}`;
}

/** The first digits of the fraction of a second; the clock gives microseconds at most. */
function fraction(at: Fields, digits: number): string {
  const micros = Math.floor((((at.wallMs % 1000) + 1000) % 1000) * 1000);
  return padded(micros, 6).padEnd(9, '0').slice(0, digits);
}

function secondsWith(at: Fields, digits: string): string {
  const second = padded(at.second, 2);
  if (digits === '0') return second;
  if (digits !== '*') return `${second}.${fraction(at, Number(digits))}`;
  const rest = fraction(at, 9).replace(/0+$/, '');
  return rest === '' ? second : `${second}.${rest}`;
}

function offset(minutes: number, separator: string): string {
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${padded(Math.floor(size / 60), 2)}${separator}${padded(size % 60, 2)}`;
}

function padded(number: number, width: number): string {
  return String(number).padStart(width, '0');
}
