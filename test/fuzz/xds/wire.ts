// Changes to encoded protobuf: fields repeated, dropped, moved, nested in themselves, of another wire type;
// varints at their edges; lengths that are wrong; and single bytes.

import type { Random } from '../random.ts';

export interface Field {
  readonly number: number;
  readonly type: number;
  /** What stands between this field's tag and the next one's, without a length. */
  readonly payload: Buffer;
}

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

/** A text, bytes or a message. */
export function lengthField(number: number, payload: Uint8Array): Field {
  return { number, type: LENGTH, payload: Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength) };
}

/** The fields of a message, or null where these bytes are none. */
export function readFields(bytes: Buffer): Field[] | null {
  const fields: Field[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = readVarint(bytes, at);
    const number = tag === null ? 0 : tag.value >>> 3;
    const body = tag === null || number === 0 ? null : readPayload(bytes, tag.next, tag.value & 7);
    if (tag === null || body === null) return null;
    fields.push({ number, type: tag.value & 7, payload: bytes.subarray(body.from, body.to) });
    at = body.to;
  }
  return fields;
}

function readPayload(bytes: Buffer, at: number, type: number): { from: number; to: number } | null {
  if (type === FIXED64) return at + 8 <= bytes.length ? { from: at, to: at + 8 } : null;
  if (type === FIXED32) return at + 4 <= bytes.length ? { from: at, to: at + 4 } : null;
  const varint = type === VARINT || type === LENGTH ? readVarint(bytes, at) : null;
  if (varint === null) return null;
  if (type === VARINT) return { from: at, to: varint.next };
  const to = varint.next + varint.value;
  return to <= bytes.length ? { from: varint.next, to } : null;
}

/** Up to 32 bits, which tags and lengths have. */
function readVarint(bytes: Buffer, at: number): { readonly value: number; readonly next: number } | null {
  let value = 0;
  for (let i = 0; i < 10 && at + i < bytes.length; i++) {
    const byte = bytes[at + i] as number;
    if (i < 5) value += (byte & 127) * 2 ** (7 * i);
    if (byte < 128) return { value: value >>> 0, next: at + i + 1 };
  }
  return null;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

function writeField({ number, type, payload }: Field): Buffer {
  const tag = varint(number * 8 + type);
  return type === LENGTH ? Buffer.concat([tag, varint(payload.length), payload]) : Buffer.concat([tag, payload]);
}

export function writeFields(fields: readonly Field[]): Buffer {
  return Buffer.concat(fields.map(writeField));
}

/** Mostly inside: a response's own fields are few. */
const GOES_DEEPER = 0.85;

/** A changed copy; the lengths around the change are set right. */
export function mutateWire(bytes: Buffer, random: Random): Buffer {
  const fields = random.chance(0.08) ? null : readFields(bytes);
  if (fields === null || fields.length === 0) return mutateBytes(bytes, random);
  const at = random.below(fields.length);
  const field = fields[at] as Field;
  if (field.type === LENGTH && field.payload.length > 0 && random.chance(GOES_DEEPER)) {
    fields[at] = { ...field, payload: mutateWire(field.payload, random) };
    return writeFields(fields);
  }
  return random.pick(CHANGES)(fields, at, random);
}

type Change = (fields: Field[], at: number, random: Random) => Buffer;

/** Bytes of what is repeated or nested: mostly few, and in one of so many cases as many as can be met with. */
const MOST_BYTES = 16 * 1024;
const MOST_BYTES_RARELY = 1024 * 1024;
const RARELY = 0.01;

function mostTimes({ payload }: Field, random: Random): number {
  const most = random.chance(RARELY) ? MOST_BYTES_RARELY : MOST_BYTES;
  return Math.max(2, Math.floor(most / (payload.length + 2)));
}

const repeat: Change = (fields, at, random) => {
  const field = fields[at] as Field;
  const times = random.chance(0.03) ? 2000 : random.between(2, 8);
  fields.splice(at, 1, ...Array<Field>(Math.min(times, mostTimes(field, random))).fill(field));
  return writeFields(fields);
};

const drop: Change = (fields, at) => writeFields(fields.toSpliced(at, 1));

const move: Change = (fields, at, random) => {
  const [field] = fields.splice(at, 1);
  fields.splice(random.below(fields.length + 1), 0, field as Field);
  return writeFields(fields);
};

const otherNumber: Change = (fields, at, random) => {
  const number = random.chance(0.7) ? random.between(1, 40) : random.pick([100, 15_000, 19_000, 536_870_911]);
  return writeFields(fields.with(at, { ...(fields[at] as Field), number }));
};

const otherType: Change = (fields, at, random) =>
  writeFields(fields.with(at, { ...(fields[at] as Field), type: random.below(8) }));

const EDGES = ['00', '01', '7f', '8001', 'ffff03', 'ffffffff07', '8080808008', 'ffffffff0f', '808080808001'];
const MORE_EDGES = ['ffffffffffffffff7f', 'ffffffffffffffffff01', '80808080808080808001', '8000', '808080808080808000'];
const TOO_LONG = ['ffffffffffffffffff7f', 'ffffffffffffffffffff01', '80', 'ffffffffffffffffffffffff'];

const otherVarint: Change = (fields, at, random) => {
  const payload = Buffer.from(random.pick([...EDGES, ...MORE_EDGES, ...TOO_LONG]), 'hex');
  return writeFields(fields.with(at, { ...(fields[at] as Field), type: VARINT, payload }));
};

const otherText: Change = (fields, at, random) => {
  const payload = Buffer.from(random.pick(TEXTS), 'latin1');
  return writeFields(fields.with(at, { ...(fields[at] as Field), type: LENGTH, payload }));
};

const TEXTS = [
  '',
  '\xff\xfe',
  '\xc0\x80',
  '\xed\xa0\x80',
  '\0',
  '__proto__',
  'constructor',
  '\xf0\x9f\x99\x82',
  'x'.repeat(5000),
];

/** A message in itself, over and over. */
const nest: Change = (fields, at, random) => {
  const field = fields[at] as Field;
  const { number, payload } = field;
  let inner: Buffer = payload;
  for (let depth = Math.min(random.pick([2, 20, 120, 1000]), mostTimes(field, random)); depth > 0; depth--)
    inner = writeField({ number, type: LENGTH, payload: inner });
  return writeFields(fields.with(at, { number, type: LENGTH, payload: inner }));
};

const wrongLength: Change = (fields, at, random) => {
  const { number, payload } = fields[at] as Field;
  const length = random.pick([0, payload.length + 1, Math.max(payload.length - 1, 0), 2 ** 31, 2 ** 32 - 1]);
  const lying = Buffer.concat([varint(number * 8 + LENGTH), varint(length), payload]);
  return Buffer.concat([writeFields(fields.slice(0, at)), lying, writeFields(fields.slice(at + 1))]);
};

const addUnknown: Change = (fields, at, random) =>
  writeFields(fields.toSpliced(at, 0, { number: random.between(1, 2000), type: VARINT, payload: Buffer.from([1]) }));

const GROUP_START = 3;
const GROUP_END = 4;

const addGroup: Change = (fields, at, random) => {
  const edge = (type: number) => varint(7 * 8 + type);
  const starts = Array.from({ length: random.pick([1, 3, 500]) }, () => edge(GROUP_START));
  const ends = random.chance(0.7) ? starts.map(() => edge(GROUP_END)) : [];
  return Buffer.concat([writeFields(fields.slice(0, at)), ...starts, ...ends, writeFields(fields.slice(at))]);
};

const CHANGES: readonly Change[] = [
  repeat,
  repeat,
  drop,
  move,
  otherNumber,
  otherNumber,
  otherType,
  otherVarint,
  otherVarint,
  otherText,
  nest,
  wrongLength,
  addUnknown,
  addGroup,
];

function mutateBytes(bytes: Buffer, random: Random): Buffer {
  const copy = Buffer.from(bytes);
  const at = random.below(copy.length + 1);
  switch (random.below(4)) {
    case 0:
      return copy.subarray(0, at);
    case 1:
      return Buffer.concat([copy.subarray(0, at), Buffer.from([random.below(256)]), copy.subarray(at)]);
    case 2:
      return Buffer.concat([copy.subarray(0, at), copy.subarray(at + random.between(1, 4))]);
    default:
      if (at < copy.length) copy[at] = (copy[at] as number) ^ (1 << random.below(8));
      return copy;
  }
}
