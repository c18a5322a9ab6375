// What an operator gives, and how it becomes text. Text here is bytes as latin1, like header values:
// what a client sent goes into a log line as it came, and what may hold other characters is encoded first.

import type { RequestFacts } from '../facts.ts';

/** null: absent. Objects come from metadata. */
export type Value = string | number | boolean | object | null;

export type Provider = (facts: RequestFacts) => Value;

/** A format that cannot be compiled; the message is for the operator of the mesh. */
export class FormatError extends Error {}

/** UTF-16 text as UTF-8 bytes in a latin1 string. */
export function encoded(text: string): string {
  return /[\u0080-\uffff]/.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
}

/** Bytes in a latin1 string as text; what is not UTF-8 is shown as U+FFFD. */
export function decoded(bytes: string): string {
  return /[\u0080-\uffff]/.test(bytes) ? Buffer.from(bytes, 'latin1').toString('utf8') : bytes;
}

export function textOf(value: Exclude<Value, null>): string {
  if (typeof value === 'string') return value;
  return typeof value === 'object' ? encoded(JSON.stringify(value)) : String(value);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point.
const UNSAFE_IN_LINE = /[\x00-\x08\x0a-\x1f\x7f]/g;

/** Control characters spelled out, so that no value can end a line or a header field. */
export function inLine(text: string): string {
  return text.replace(UNSAFE_IN_LINE, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
