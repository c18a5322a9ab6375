// Small protobuf values as plain ones: durations, wrappers, percentages, Struct.

import type { JsonObject } from '@bufbuild/protobuf';
import { create } from '@bufbuild/protobuf';
import type { Duration, Timestamp } from '@bufbuild/protobuf/wkt';
import { DurationSchema, TimestampSchema } from '@bufbuild/protobuf/wkt';
import type { FractionalPercent, Percent } from './gen/envoy/type/v3/percent_pb.ts';
import { FractionalPercent_DenominatorType } from './gen/envoy/type/v3/percent_pb.ts';

/** The range of google.protobuf.Duration: 10 000 years. */
const MOST_SECONDS = 315_576_000_000n;

/** Why a Duration is not one, or null where it is (google/protobuf/duration.proto). */
export function durationProblem(duration: Duration): string | null {
  const { seconds, nanos } = duration;
  if (seconds > MOST_SECONDS || seconds < -MOST_SECONDS) return 'is out of the range of a duration';
  if (nanos > 999_999_999 || nanos < -999_999_999) return 'has nanoseconds out of range';
  if ((seconds > 0n && nanos < 0) || (seconds < 0n && nanos > 0))
    return 'has seconds and nanoseconds of different sign';
  return null;
}

/** Milliseconds, fractions kept. Throws a RangeError where durationProblem would tell one. */
export function durationMs(duration: Duration): number {
  const problem = durationProblem(duration);
  if (problem !== null) throw new RangeError(`the duration ${problem}`);
  return Number(duration.seconds) * 1000 + duration.nanos / 1e6;
}

/** Milliseconds of a duration that may be absent. */
export function durationMsOr<T>(duration: Duration | undefined, absent: T): number | T {
  return duration === undefined ? absent : durationMs(duration);
}

export function toDuration(ms: number): Duration {
  const whole = Math.trunc(ms / 1000);
  return create(DurationSchema, { seconds: BigInt(whole), nanos: Math.round((ms - whole * 1000) * 1e6) });
}

/** From milliseconds since 1970. */
export function toTimestamp(wallMs: number): Timestamp {
  const whole = Math.floor(wallMs / 1000);
  return create(TimestampSchema, { seconds: BigInt(whole), nanos: Math.round((wallMs - whole * 1000) * 1e6) });
}

const DENOMINATORS: Readonly<Record<number, number>> = {
  [FractionalPercent_DenominatorType.HUNDRED]: 100,
  [FractionalPercent_DenominatorType.TEN_THOUSAND]: 10_000,
  [FractionalPercent_DenominatorType.MILLION]: 1_000_000,
};

/** A share of 0 to 1; more than the whole is the whole. Throws a RangeError on an unknown denominator. */
export function fractionOf(percent: FractionalPercent): number {
  const denominator = DENOMINATORS[percent.denominator];
  if (denominator === undefined) throw new RangeError(`unknown denominator ${percent.denominator}`);
  return Math.min(percent.numerator / denominator, 1);
}

export function toFraction(share: number): { numerator: number; denominator: FractionalPercent_DenominatorType } {
  return { numerator: Math.round(share * 1_000_000), denominator: FractionalPercent_DenominatorType.MILLION };
}

/** A share of 0 to 1 of a Percent (0 to 100) that may be absent. */
export function percentOf<T>(percent: Percent | undefined, absent: T): number | T {
  return percent === undefined ? absent : percent.value / 100;
}

/** A Struct is plain JSON already; this deep-freezes a copy, so that it can stand in the model. */
export function structToPlain(struct: JsonObject): Readonly<Record<string, unknown>> {
  return freeze(structuredClone(struct)) as Readonly<Record<string, unknown>>;
}

function freeze(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  for (const inner of Object.values(value)) freeze(inner);
  return Object.freeze(value);
}
