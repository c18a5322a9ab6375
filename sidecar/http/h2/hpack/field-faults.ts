// What is wrong with a field, as bits, found once where its bytes are: an entry of a table carries them, so
// that a field which comes by its index is not looked at again (RFC 9113 8.2.1, RFC 9110 5.5 and 5.6.2).

export const FAULT = {
  NAME_EMPTY: 1,
  NAME_UPPER_CASE: 2,
  /** No token: a colon (unless it begins a pseudo field that we know), a control byte, white space, not ASCII. */
  NAME_CHARACTER: 4,
  /** CR, LF or NUL: what splits a message where it is written as text. */
  VALUE_BREAK: 8,
  /** A control byte that is neither of those nor HTAB. */
  VALUE_CONTROL: 16,
  /** SP or HTAB at the beginning or the end. */
  VALUE_OUTER_SPACE: 32,
} as const;

/** The faults of a name, which a literal with an indexed name inherits. */
export const NAME_FAULTS = FAULT.NAME_EMPTY | FAULT.NAME_UPPER_CASE | FAULT.NAME_CHARACTER;

const OF_NAME = new Uint8Array(256).fill(FAULT.NAME_CHARACTER);
for (const character of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") OF_NAME[character.charCodeAt(0)] = 0;
for (const character of 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') OF_NAME[character.charCodeAt(0)] = FAULT.NAME_UPPER_CASE;

const OF_VALUE = new Uint8Array(256);
OF_VALUE.fill(FAULT.VALUE_CONTROL, 0, 32);
OF_VALUE[9] = 0;
OF_VALUE[127] = FAULT.VALUE_CONTROL;
for (const byte of [0, 10, 13]) OF_VALUE[byte] = FAULT.VALUE_BREAK;

/** Faults of a name that is no pseudo field of ours. */
export function faultsOfName(bytes: Uint8Array, start: number, end: number): number {
  if (start === end) return FAULT.NAME_EMPTY;
  let faults = 0;
  for (let i = start; i < end; i++) faults |= OF_NAME[bytes[i] as number] as number;
  return faults;
}

export function faultsOfValue(bytes: Uint8Array, start: number, end: number): number {
  if (start === end) return 0;
  let faults = isBlank(bytes[start]) || isBlank(bytes[end - 1]) ? FAULT.VALUE_OUTER_SPACE : 0;
  for (let i = start; i < end; i++) faults |= OF_VALUE[bytes[i] as number] as number;
  return faults;
}

function isBlank(byte: number | undefined): boolean {
  return byte === 32 || byte === 9;
}
