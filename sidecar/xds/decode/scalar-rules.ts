// The constraints on one value (protoc-gen-validate's rules): numbers, strings, bytes, enums, durations.

import { isFieldSet } from '@bufbuild/protobuf';
import type { Duration } from '@bufbuild/protobuf/wkt';
import type {
  BytesRules,
  DurationRules,
  EnumRules,
  FieldRules,
  StringRules,
} from '../../../proto/gen/validate/validate_pb.ts';
import {
  BytesRulesSchema,
  DoubleRulesSchema,
  FloatRulesSchema,
  Int32RulesSchema,
  Int64RulesSchema,
  KnownRegex,
  UInt32RulesSchema,
  UInt64RulesSchema,
} from '../../../proto/gen/validate/validate_pb.ts';
import { durationMs } from '../../../proto/scalars.ts';

type Refuse = (reason: string) => void;

/** Reports what `rules` forbid about a scalar, enum number or the value of a wrapper. */
export function checkScalar(value: unknown, rules: FieldRules, defined: ReadonlySet<number>, refuse: Refuse): void {
  const { type } = rules;
  switch (type.case) {
    case 'string':
      checkString(value as string, type.value, refuse);
      break;
    case 'bytes':
      checkBytes(value as Uint8Array, type.value, refuse);
      break;
    case 'enum':
      checkEnum(value as number, type.value, defined, refuse);
      break;
    case 'bool':
      if (value !== type.value.const) refuse(`must be ${type.value.const}`);
      break;
    case 'uint32':
      if (type.value.in.length > 0 && !type.value.in.includes(value as number))
        refuse(`must be one of ${type.value.in.join(', ')}`);
      if (type.value.notIn.includes(value as number)) refuse(`must not be ${String(value)}`);
      checkRange(value as number, rangeOf(rules), refuse);
      break;
    default:
      checkRange(value as number | bigint, rangeOf(rules), refuse);
  }
}

interface Range {
  readonly lt?: number | bigint;
  readonly lte?: number | bigint;
  readonly gt?: number | bigint;
  readonly gte?: number | bigint;
}

const RANGES = {
  float: FloatRulesSchema,
  double: DoubleRulesSchema,
  int32: Int32RulesSchema,
  int64: Int64RulesSchema,
  uint32: UInt32RulesSchema,
  uint64: UInt64RulesSchema,
} as const;

/** The limits that are given: an absent one and a limit of 0 are not the same. */
function rangeOf({ type }: FieldRules): Range {
  if (type.case === undefined || !(type.case in RANGES)) return {};
  const schema = RANGES[type.case as keyof typeof RANGES];
  const range: Record<string, number | bigint> = {};
  for (const name of ['lt', 'lte', 'gt', 'gte'] as const) {
    const field = schema.field[name];
    const limits = type.value as unknown as Readonly<Record<string, number | bigint>>;
    if (isFieldSet(type.value as never, field)) range[name] = limits[name] ?? 0;
  }
  return range;
}

function checkRange(value: number | bigint, range: Range, refuse: Refuse, unit = ''): void {
  if (range.gt !== undefined && value <= range.gt) refuse(`must be greater than ${range.gt}${unit}`);
  if (range.gte !== undefined && value < range.gte) refuse(`must be at least ${range.gte}${unit}`);
  if (range.lt !== undefined && value >= range.lt) refuse(`must be less than ${range.lt}${unit}`);
  if (range.lte !== undefined && value > range.lte) refuse(`must be at most ${range.lte}${unit}`);
}

/** `ms`: the duration in milliseconds. */
export function checkDurationRules(ms: number, rules: DurationRules, refuse: Refuse): void {
  const limit = (duration: Duration | undefined, name: keyof Range) =>
    duration === undefined ? {} : { [name]: durationMs(duration) / 1000 };
  const range = {
    ...limit(rules.lt, 'lt'),
    ...limit(rules.lte, 'lte'),
    ...limit(rules.gt, 'gt'),
    ...limit(rules.gte, 'gte'),
  };
  checkRange(ms / 1000, range, refuse, 's');
}

function checkEnum(value: number, rules: EnumRules, defined: ReadonlySet<number>, refuse: Refuse): void {
  if (rules.definedOnly && !defined.has(value)) refuse(`${value} is not a value of this enum`);
  if (rules.notIn.includes(value)) refuse(value === 0 ? 'must be given' : `must not be ${value}`);
  if (rules.in.length > 0 && !rules.in.includes(value)) refuse(`must be one of ${rules.in.join(', ')}`);
}

function checkBytes(value: Uint8Array, rules: BytesRules, refuse: Refuse): void {
  if (BigInt(value.length) < rules.minLen) refuse(`needs at least ${rules.minLen} bytes`);
  const limited = isFieldSet(rules, BytesRulesSchema.field.maxLen);
  if (limited && BigInt(value.length) > rules.maxLen) refuse(`takes at most ${rules.maxLen} bytes`);
}

function checkString(value: string, rules: StringRules, refuse: Refuse): void {
  if (value === '' && rules.ignoreEmpty) return;
  checkLength(value, rules, refuse);
  if (value.length > 0 || rules.minLen === 0n) checkShape(value, rules, refuse);
}

function checkLength(value: string, rules: StringRules, refuse: Refuse): void {
  const characters = BigInt([...value].length);
  if (characters < rules.minLen)
    refuse(rules.minLen === 1n ? 'must not be empty' : `needs at least ${rules.minLen} characters`);
  if (rules.maxLen > 0n && characters > rules.maxLen) refuse(`takes at most ${rules.maxLen} characters`);
  const bytes = BigInt(Buffer.byteLength(value));
  if (bytes < rules.minBytes) refuse(`needs at least ${rules.minBytes} bytes`);
  if (rules.maxBytes > 0n && bytes > rules.maxBytes) refuse(`takes at most ${rules.maxBytes} bytes`);
}

function checkShape(value: string, rules: StringRules, refuse: Refuse): void {
  if (rules.in.length > 0 && !rules.in.includes(value)) refuse(`must be one of ${rules.in.join(', ')}`);
  if (rules.prefix !== '' && !value.startsWith(rules.prefix)) refuse(`must start with ${rules.prefix}`);
  if (rules.pattern !== '' && !new RegExp(rules.pattern, 'u').test(value)) refuse(`must match ${rules.pattern}`);
  if (rules.wellKnown.case === 'uri' && !URL.canParse(value)) refuse('must be a URI');
  if (rules.wellKnown.case === 'wellKnownRegex' && !headerText(rules.wellKnown.value, rules.strict).test(value)) {
    refuse(rules.wellKnown.value === KnownRegex.HTTP_HEADER_NAME ? 'is not a header name' : 'is not a header value');
  }
}

const HEADER_NAME = /^:?[0-9a-zA-Z!#$%&'*+.^_|~\x60-]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: a header's value is defined by the control characters it must not hold
const HEADER_VALUE = /^[^\u0000-\u0008\u000a-\u001f\u007f]*$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: what would end the line or the string
const ONE_LINE = /^[^\u0000\n\r]*$/;

function headerText(kind: KnownRegex, strict: boolean): RegExp {
  if (!strict) return ONE_LINE;
  return kind === KnownRegex.HTTP_HEADER_NAME ? HEADER_NAME : HEADER_VALUE;
}
