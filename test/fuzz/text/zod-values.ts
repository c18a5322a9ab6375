// Values that a zod schema takes, made from the schema itself.

import { z } from 'zod';
import type { Random } from '../random.ts';

/** Strings to try where a schema takes some and not others. */
const TEXTS = [
  ...[
    'web',
    'cart',
    'pay',
    'shop',
    'v1',
    'a',
    '10.0.0.1',
    '::1',
    '127.0.0.1:9001',
    '[::1]:80',
    'shop.example',
    '*.test',
  ],
  ...[
    '/',
    '/a/b',
    '/a*',
    '*',
    'x-a',
    'Content-Type',
    '1s',
    '250ms',
    '24h',
    '5m',
    'stdout',
    '/var/log/a',
    'cluster.local',
  ],
  ...['spiffe://cluster.local/ns/default/sa/web', '[a-z]+', '1', 'hello'],
];

const taken = new WeakMap<z.ZodType, readonly string[]>();

function textFor(schema: z.ZodType, random: Random): string {
  const known = taken.get(schema) ?? TEXTS.filter((text) => schema.safeParse(text).success);
  taken.set(schema, known);
  return known.length === 0 ? 'a' : random.pick(known);
}

const NUMBERS = [1, 0, 2, 10, 50, 80, 200, 301, 404, 503, 8080, 65535];

function numberFor(schema: z.ZodType, random: Random): number {
  const start = random.below(NUMBERS.length);
  const found = [...NUMBERS.slice(start), ...NUMBERS].find((value) => schema.safeParse(value).success);
  return found ?? 1;
}

/** Objects with rules of their own are made anew until one holds. */
const TRIES = 40;

/** A value that the schema takes; where none is found, the last that was tried. */
export function valueFor(schema: z.ZodType, random: Random, share: number): unknown {
  let value: unknown;
  for (let i = 0; i < TRIES; i++) {
    value = tryValue(schema, random, share);
    if (!hasChecks(schema) || schema.safeParse(value).success) return value;
  }
  return value;
}

function hasChecks(schema: z.ZodType): boolean {
  return schema instanceof z.ZodObject && (schema.def.checks?.length ?? 0) > 0;
}

function tryValue(schema: z.ZodType, random: Random, share: number): unknown {
  if (schema instanceof z.ZodObject) return objectFor(schema, random, share);
  if (schema instanceof z.ZodArray)
    return Array.from({ length: random.chance(0.7) ? 1 : 2 }, () =>
      valueFor(schema.element as z.ZodType, random, share),
    );
  if (schema instanceof z.ZodOptional) return valueFor(schema.unwrap() as z.ZodType, random, share);
  if (schema instanceof z.ZodUnion) return valueFor(random.pick(schema.options as z.ZodType[]), random, share);
  if (schema instanceof z.ZodPipe) return valueFor(schema.in as z.ZodType, random, share) && textFor(schema, random);
  if (schema instanceof z.ZodRecord)
    return { [textFor(schema.keyType as z.ZodType, random)]: valueFor(schema.valueType as z.ZodType, random, share) };
  return simpleValue(schema, random);
}

function objectFor(schema: z.ZodObject, random: Random, share: number): Record<string, unknown> {
  const entries = Object.entries(schema.shape as Record<string, z.ZodType>).filter(
    ([, field]) => !(field instanceof z.ZodOptional) || random.chance(share),
  );
  return Object.fromEntries(entries.map(([key, field]) => [key, valueFor(field, random, share * 0.8)]));
}

function simpleValue(schema: z.ZodType, random: Random): unknown {
  if (schema instanceof z.ZodEnum) return random.pick(schema.options);
  if (schema instanceof z.ZodLiteral) return random.pick([...schema.values]);
  if (schema instanceof z.ZodBoolean) return random.chance(0.5);
  if (schema instanceof z.ZodNumber) return numberFor(schema, random);
  return schema instanceof z.ZodString ? textFor(schema, random) : null;
}
