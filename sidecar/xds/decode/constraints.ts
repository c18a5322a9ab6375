// Checks a message against the constraints that travel with its description (proto/validate): lengths,
// ranges, required fields, known enum values; and against what every configuration must hold: sound
// durations and no field that we have never heard of. One rule for every message, at any depth.

import type { DescField, DescMessage, DescOneof, Message } from '@bufbuild/protobuf';
import { getOption, hasOption } from '@bufbuild/protobuf';
import type { Duration } from '@bufbuild/protobuf/wkt';
import type { FieldRules } from '../../../proto/gen/validate/validate_pb.ts';
import { required, rules as rulesOption } from '../../../proto/gen/validate/validate_pb.ts';
import { durationMs, durationProblem } from '../../../proto/scalars.ts';
import type { ProblemKind } from './problems.ts';
import { join } from './problems.ts';
import { checkDurationRules, checkScalar } from './scalar-rules.ts';

export type Report = (kind: ProblemKind, field: string, reason: string) => void;

type Raw = Readonly<Record<string, unknown>>;
type FieldCheck = (message: Raw, path: string, report: Report) => void;

/** Compiled once per message type. */
const compiled = new Map<DescMessage, readonly FieldCheck[]>();

/** Reports everything in `message` that its description forbids. */
export function checkConstraints(schema: DescMessage, message: Message, path: string, report: Report): void {
  for (const unknown of message.$unknown ?? []) {
    report('unsupported', path, `field number ${unknown.no} of ${schema.typeName} is not known to fairlead`);
  }
  for (const check of checksOf(schema)) check(message as unknown as Raw, path, report);
}

function checksOf(schema: DescMessage): readonly FieldCheck[] {
  const known = compiled.get(schema);
  if (known !== undefined) return known;
  const checks: FieldCheck[] = [];
  compiled.set(schema, checks);
  for (const oneof of schema.oneofs) if (getOption(oneof, required)) checks.push(requiredOneof(oneof));
  for (const field of schema.fields) {
    const check = fieldCheck(field);
    if (check !== null) checks.push(check);
  }
  return checks;
}

function requiredOneof(oneof: DescOneof): FieldCheck {
  const names = oneof.fields.map((field) => field.name).join(', ');
  return (message, path, report) => {
    const chosen = message[oneof.localName] as { case: string | undefined };
    if (chosen.case === undefined) report('invalid', join(path, oneof.name), `one of ${names} is required`);
  };
}

/** The field's value, or undefined where it is another case of its oneof or absent. */
function valueIn(message: Raw, field: DescField): unknown {
  if (field.oneof === undefined) return message[field.localName];
  const chosen = message[field.oneof.localName] as { case: string | undefined; value: unknown };
  return chosen.case === field.localName ? chosen.value : undefined;
}

function fieldCheck(field: DescField): FieldCheck | null {
  const rules = hasOption(field, rulesOption) ? getOption(field, rulesOption) : null;
  const check = kindCheck(field, rules);
  if (check === null) return null;
  // What is required of a case of a oneof holds only where that case was chosen.
  const { oneof } = field;
  return (message, path, report) => {
    const value = valueIn(message, field);
    if (oneof === undefined || value !== undefined) check(value, join(path, field.name), report);
  };
}

type ValueCheck = (value: unknown, path: string, report: Report) => void;

function kindCheck(field: DescField, rules: FieldRules | null): ValueCheck | null {
  switch (field.fieldKind) {
    case 'list':
      return listCheck(field, rules);
    case 'map':
      return mapCheck(field, rules);
    case 'message':
      return messageCheck(field.message, rules);
    case 'enum':
    case 'scalar':
      return rules === null ? null : scalarCheck(field, rules);
  }
}

function scalarCheck(field: DescField, rules: FieldRules): ValueCheck {
  const defined = new Set(field.enum?.values.map((value) => value.number));
  return (value, path, report) => {
    if (value !== undefined) checkScalar(value, rules, defined, (reason) => report('invalid', path, reason));
  };
}

const OPAQUE = new Set([
  'google.protobuf.Any',
  'google.protobuf.Struct',
  'google.protobuf.Value',
  'google.protobuf.ListValue',
  'google.protobuf.Timestamp',
]);

function messageCheck(schema: DescMessage, rules: FieldRules | null): ValueCheck | null {
  const inner = bodyCheck(schema, rules);
  const needed = isRequired(rules);
  if (!needed && inner === null) return null;
  return (value, path, report) => {
    if (value !== undefined) inner?.(value, path, report);
    else if (needed) report('invalid', path, 'is required');
  };
}

function isRequired(rules: FieldRules | null): boolean {
  if (rules === null) return false;
  const { type, message } = rules;
  return message?.required === true || ((type.case === 'duration' || type.case === 'any') && type.value.required);
}

/** Wrappers stand in the message as their bare value; what cannot be looked into is left to its decoder. */
function bodyCheck(schema: DescMessage, rules: FieldRules | null): ValueCheck | null {
  if (OPAQUE.has(schema.typeName)) return null;
  if (schema.typeName === 'google.protobuf.Duration') return durationCheck(rules);
  if (schema.typeName.startsWith('google.protobuf.')) return rules === null ? null : wrapperCheck(rules);
  return (value, path, report) => checkConstraints(schema, value as Message, path, report);
}

function wrapperCheck(rules: FieldRules): ValueCheck {
  return (value, path, report) => checkScalar(value, rules, new Set(), (reason) => report('invalid', path, reason));
}

function durationCheck(rules: FieldRules | null): ValueCheck {
  const limits = rules?.type.case === 'duration' ? rules.type.value : null;
  return (value, path, report) => {
    const duration = value as Duration;
    const problem = durationProblem(duration);
    if (problem !== null) report('invalid', path, problem);
    else if (durationMs(duration) < 0) report('invalid', path, 'must not be negative');
    else if (limits !== null)
      checkDurationRules(durationMs(duration), limits, (reason) => report('invalid', path, reason));
  };
}

function listCheck(field: DescField & { fieldKind: 'list' }, rules: FieldRules | null): ValueCheck | null {
  const limits = rules?.type.case === 'repeated' ? rules.type.value : null;
  const item = itemCheck(field, limits?.items ?? null);
  if (limits === null && item === null) return null;
  return (value, path, report) => {
    const list = value as readonly unknown[];
    if (limits !== null)
      checkCount(list.length, limits.minItems, limits.maxItems, (reason) => report('invalid', path, reason));
    if (limits?.unique === true && new Set(list).size < list.length)
      report('invalid', path, 'holds the same item twice');
    if (item !== null) for (const [index, one] of list.entries()) item(one, `${path}[${index}]`, report);
  };
}

function itemCheck(field: DescField & { fieldKind: 'list' }, rules: FieldRules | null): ValueCheck | null {
  if (field.listKind === 'message') return messageCheck(field.message, rules);
  return rules === null ? null : scalarCheck(field, rules);
}

function mapCheck(field: DescField & { fieldKind: 'map' }, rules: FieldRules | null): ValueCheck | null {
  const limits = rules?.type.case === 'map' ? rules.type.value : null;
  const inner = field.mapKind === 'message' ? messageCheck(field.message, limits?.values ?? null) : null;
  if (limits === null && inner === null) return null;
  return (value, path, report) => {
    const entries = Object.entries(value as Raw);
    if (limits !== null)
      checkCount(entries.length, limits.minPairs, limits.maxPairs, (reason) => report('invalid', path, reason));
    for (const [key, one] of entries) {
      const place = `${path}[${JSON.stringify(key)}]`;
      if (limits?.keys)
        checkScalar(key, limits.keys, new Set(), (reason) => report('invalid', place, `the key ${reason}`));
      inner?.(one, place, report);
    }
  };
}

function checkCount(count: number, min: bigint, max: bigint, refuse: (reason: string) => void): void {
  if (BigInt(count) < min) refuse(`needs at least ${min} ${min === 1n ? 'item' : 'items'}`);
  if (max > 0n && BigInt(count) > max) refuse(`takes at most ${max} items`);
}
