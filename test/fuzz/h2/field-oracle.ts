// What must be said of a field, found with regular expressions from its name and value.

import { FAULT } from '../../../sidecar/http/h2/hpack/field-faults.ts';
import { KNOWN } from '../../../sidecar/http/h2/hpack/known-field.ts';

const PSEUDO = [':method', ':path', ':scheme', ':authority', ':status', ':protocol'];

const SPECIAL = new Map<string, number>(
  Object.entries(KNOWN).map(([constant, known]) => {
    const word = constant.toLowerCase().replaceAll('_', '-');
    return [known < KNOWN.OTHER_PSEUDO ? `:${word}` : word, known];
  }),
);
SPECIAL.delete('other-pseudo');
SPECIAL.delete(':none');

export function expectedKnown(name: string): number {
  return SPECIAL.get(name) ?? (name.startsWith(':') ? KNOWN.OTHER_PSEUDO : KNOWN.NONE);
}

export function expectedFaults(name: string, value: string): number {
  const nameFaults = PSEUDO.includes(name)
    ? 0
    : flag(name === '', FAULT.NAME_EMPTY) |
      flag(/[A-Z]/.test(name), FAULT.NAME_UPPER_CASE) |
      flag(/[^!#$%&'*+\-.^_`|~0-9a-zA-Z]/.test(name), FAULT.NAME_CHARACTER);
  return (
    nameFaults |
    flag(/[\r\n\0]/.test(value), FAULT.VALUE_BREAK) |
    // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point.
    flag(/[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(value), FAULT.VALUE_CONTROL) |
    flag(/^[ \t]|[ \t]$/.test(value), FAULT.VALUE_OUTER_SPACE)
  );
}

function flag(holds: boolean, bit: number): number {
  return holds ? bit : 0;
}
