// Scalars with their unit written out: durations `250ms 5s 1m 24h`, sizes `64KiB`, ports and names. A bare
// number with a hidden unit is refused, because nobody remembers which unit it was.

import { z } from 'zod';

const MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const SIZE = /^(\d+)(B|KiB|MiB|GiB)$/;
const BYTES: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** Milliseconds, or null where the text is no duration. */
export function parseDuration(text: string): number | null {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)];
  if (parts.length === 0 || parts.map((part) => part[0]).join('') !== text) return null;
  return parts.reduce((sum, part) => sum + Number(part[1]) * (MS[part[2] as string] as number), 0);
}

/** Bytes, or null where the text is no size. */
export function parseSize(text: string): number | null {
  const found = SIZE.exec(text);
  return found === null ? null : Number(found[1]) * (BYTES[found[2] as string] as number);
}

/** A duration in milliseconds. `0s` is allowed unless `positive`. */
export function duration(options: { readonly positive?: boolean } = {}) {
  return z
    .union([z.string(), z.number()])
    .transform((given, context): number => {
      const ms = typeof given === 'number' ? (given === 0 ? 0 : null) : parseDuration(given);
      if (ms !== null && !(options.positive && ms === 0)) return ms;
      const reason =
        ms === null ? `${JSON.stringify(given)} is not a duration` : 'the duration must be longer than nothing';
      context.addIssue({ code: 'custom', message: `${reason}; write it with its unit, like 250ms, 5s, 1m or 24h` });
      return z.NEVER;
    })
    .meta({ description: 'A duration with its unit: 250ms, 5s, 1m, 24h', examples: ['250ms', '5s', '1m'] });
}

/** A size in bytes. */
export function size() {
  return z
    .string()
    .transform((given, context): number => {
      const bytes = parseSize(given);
      if (bytes !== null) return bytes;
      context.addIssue({
        code: 'custom',
        message: `${JSON.stringify(given)} is not a size; write it with its unit, like 512B, 64KiB or 1MiB`,
      });
      return z.NEVER;
    })
    .meta({ description: 'A size with its unit: 512B, 64KiB, 1MiB', examples: ['64KiB'] });
}

/** A TCP port that can be dialled. */
export function port() {
  const message = 'a port is a whole number from 1 to 65535';
  return z.number().int(message).min(1, message).max(65535, message);
}

/** RFC 1123 label: what may become part of a host name and of a SPIFFE id. */
export function label() {
  return z
    .string()
    .max(63, 'a name has at most 63 characters')
    .regex(
      /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
      'a name is made of a-z, 0-9 and "-", and starts and ends with a letter or digit',
    );
}
