// What zod found, in words for the person who wrote the file: unknown fields with the name that was meant,
// wrong values with what is allowed, and for a choice of shapes the mistakes of the nearest one only.

import { z } from 'zod';
import type { ErrorCode } from './config-error.ts';
import { nearest } from './spelling.ts';

export interface Finding {
  readonly path: readonly (string | number)[];
  readonly code: ErrorCode;
  readonly message: string;
  readonly suggestion: string | null;
  readonly at: 'key' | 'value';
}

type Issue = z.core.$ZodIssue;

export function describeIssues(issues: readonly Issue[], schema: z.ZodType, value: unknown): Finding[] {
  return issues.flatMap((issue) => describe(issue, schema, value, []));
}

function describe(issue: Issue, schema: z.ZodType, value: unknown, base: readonly (string | number)[]): Finding[] {
  const path = [...base, ...(issue.path as (string | number)[])];
  switch (issue.code) {
    case 'unrecognized_keys':
      return unknownFields(issue.keys, path, schema);
    case 'invalid_union':
      if (at(value, path) === undefined) return [finding(path, 'FL0106', 'required field is missing')];
      return nearestBranch(issue.errors, path, schema, value) ?? [finding(path, 'FL0107', unionMessage(issue))];
    case 'invalid_value':
      return [wrongWord(issue.values, path, value)];
    case 'invalid_type':
      return [wrongType(issue, path, value)];
    default:
      return [finding(path, codeOf(issue), issue.message)];
  }
}

/** Checks of our own may name their code: `ctx.addIssue({code: 'custom', params: {code: 'FL0112'}})`. */
function codeOf(issue: Issue): ErrorCode {
  const given = issue.code === 'custom' ? issue.params?.['code'] : undefined;
  return typeof given === 'string' ? (given as ErrorCode) : 'FL0107';
}

function finding(
  path: Finding['path'],
  code: ErrorCode,
  message: string,
  suggestion: string | null = null,
  at: 'key' | 'value' = 'value',
): Finding {
  return { path, code, message, suggestion, at };
}

function unknownFields(keys: readonly string[], path: readonly (string | number)[], schema: z.ZodType): Finding[] {
  const known = fieldsAt(schema, path);
  const list = known.length > 0 && known.length <= 12 ? `; known here: ${known.join(', ')}` : '';
  return keys.map((key) => {
    const suggestion = nearest(key, known);
    const message = `unknown field "${key}"${suggestion === null ? list : ''}`;
    return finding([...path, key], 'FL0105', message, suggestion, 'key');
  });
}

function wrongWord(values: readonly unknown[], path: readonly (string | number)[], root: unknown): Finding {
  const given = at(root, path);
  if (given === undefined) return finding(path, 'FL0106', `required field is missing; one of ${values.join(', ')}`);
  const suggestion = typeof given === 'string' ? nearest(given, values.map(String)) : null;
  return finding(path, 'FL0107', `${show(given)} is not one of ${values.join(', ')}`, suggestion);
}

function wrongType(issue: z.core.$ZodIssueInvalidType, path: readonly (string | number)[], root: unknown): Finding {
  const given = at(root, path);
  if (given === undefined) return finding(path, 'FL0106', 'required field is missing');
  return finding(path, 'FL0107', `expected ${TYPE_WORDS[issue.expected] ?? issue.expected}, found ${show(given)}`);
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  object: 'a mapping',
  array: 'a list',
  record: 'a mapping',
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};

function show(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a mapping';
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** Of several allowed shapes, the one whose mistakes lie deepest is the one that was meant. */
function nearestBranch(
  branches: readonly (readonly Issue[])[],
  path: readonly (string | number)[],
  schema: z.ZodType,
  value: unknown,
): Finding[] | null {
  let best: readonly Issue[] | null = null;
  for (const branch of branches) {
    if (branch.every((issue) => issue.path.length === 0 && issue.code === 'invalid_type')) continue;
    if (best === null || depth(branch) > depth(best) || (depth(branch) === depth(best) && branch.length < best.length))
      best = branch;
  }
  return best === null ? null : best.flatMap((issue) => describe(issue, schema, value, path));
}

function depth(issues: readonly Issue[]): number {
  return Math.max(0, ...issues.map((issue) => issue.path.length));
}

function unionMessage(issue: z.core.$ZodIssueInvalidUnion): string {
  const wanted = new Set<string>();
  for (const branch of issue.errors) {
    for (const one of branch) if (one.code === 'invalid_type') wanted.add(TYPE_WORDS[one.expected] ?? one.expected);
  }
  return wanted.size > 0 ? `expected ${[...wanted].join(' or ')}` : issue.message;
}

function at(value: unknown, path: readonly (string | number)[]): unknown {
  let here = value;
  for (const part of path)
    here = typeof here === 'object' && here !== null ? (here as Record<string | number, unknown>)[part] : undefined;
  return here;
}

/** The field names that the schema knows at a path, through optional, default, union and the like. */
function fieldsAt(schema: z.ZodType, path: readonly (string | number)[]): string[] {
  let here: z.ZodType[] = [schema];
  for (const part of path) here = here.flatMap((one) => step(one, part));
  return here
    .flatMap((one) => unwrap(one))
    .flatMap((one) => (one instanceof z.ZodObject ? Object.keys(one.shape) : []));
}

function step(schema: z.ZodType, part: string | number): z.ZodType[] {
  return unwrap(schema).flatMap((one) => {
    if (one instanceof z.ZodObject) return part in one.shape ? [one.shape[part] as z.ZodType] : [];
    if (one instanceof z.ZodArray) return [one.element as z.ZodType];
    return one instanceof z.ZodRecord ? [one.valueType as z.ZodType] : [];
  });
}

function unwrap(schema: z.ZodType): z.ZodType[] {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodReadonly
  ) {
    return unwrap(schema.unwrap() as z.ZodType);
  }
  if (schema instanceof z.ZodPrefault) return unwrap(schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodPipe) return unwrap(schema.in as z.ZodType);
  if (schema instanceof z.ZodUnion) return (schema.options as z.ZodType[]).flatMap(unwrap);
  return [schema];
}
