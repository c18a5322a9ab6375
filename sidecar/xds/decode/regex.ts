// Patterns from configuration: RE2 syntax, full matches, RE2's rewrite syntax. Run on the language's own
// engine only where linear.ts proves it safe, on re2js otherwise: a pattern never costs more than linear
// time, whoever wrote it.

import type { RE2JS } from 're2js';
import { compileRe2 } from '../../../core/re2.ts';
import {
  type RegexMatchAndSubstituteSchema,
  RegexMatcherSchema,
} from '../../../proto/gen/envoy/type/matcher/v3/regex_pb.ts';
import type { Regex, RegexRewrite } from '../../model/match.ts';
import type { Fields } from './fields.ts';
import { linearPattern } from './linear.ts';

export type RegexFields = Fields<typeof RegexMatcherSchema>;

/** Compiled patterns by source: the same pattern stands in many routes, and in each version of them. */
const cache = new Map<string, Regex>();
export const MOST_CACHED_PATTERNS = 10_000;

/** Matches nothing; stands where a pattern was refused. */
const NEVER: Regex = { source: '', full: () => false, replaceAll: (text) => text };

/** Compiles RE2 syntax. Throws an Error that says what is wrong with the pattern. */
export function compileRegex(source: string): Regex {
  const known = cache.get(source);
  if (known !== undefined) return known;
  const regex = compile(source);
  if (cache.size >= MOST_CACHED_PATTERNS) cache.clear();
  cache.set(source, regex);
  return regex;
}

function compile(source: string): Regex {
  const pattern = compileRe2(source);
  const native = linearPattern(source);
  return {
    source,
    full: native === null ? (text) => pattern.matches(text) : (text) => native.test(text),
    replaceAll: (text, substitution) => replaceAll(pattern, text, substitution),
  };
}

/**
 * Nothing is replaced where the substitution refers to a group that the pattern does not have, and an empty
 * match right after another match is none, as in RE2.
 */
function replaceAll(pattern: RE2JS, text: string, substitution: string): string {
  if (highestGroup(substitution) > pattern.groupCount()) return text;
  const matcher = pattern.matcher(text);
  let result = '';
  let last = 0;
  while (matcher.find()) {
    if (matcher.start() === matcher.end() && matcher.end() === last && last > 0) continue;
    const group = (index: number) => matcher.group(index) ?? '';
    result += text.slice(last, matcher.start()) + expand(substitution, group);
    last = matcher.end();
  }
  return result + text.slice(last);
}

function highestGroup(substitution: string): number {
  const groups = [...substitution.matchAll(/\\(.)/gs)].map(([, char = '']) => (char === '\\' ? 0 : Number(char)));
  return Math.max(0, ...groups);
}

/** RE2's rewrite syntax: `\0` to `\9` are groups, `\\` is a backslash. */
function expand(substitution: string, group: (index: number) => string): string {
  return substitution.replaceAll(/\\(.)/gs, (_, char: string) => (char === '\\' ? '\\' : group(Number(char))));
}

/** Why a substitution is none, or null. */
export function substitutionProblem(substitution: string): string | null {
  const sound = /^(?:[^\\]|\\[\d\\])*$/s.test(substitution);
  return sound ? null : 'after a backslash only a digit or a backslash may stand';
}

export function decodeRegex(f: RegexFields): Regex {
  const source = f.take('regex');
  f.ignore('engineType');
  f.end();
  try {
    return compileRegex(source);
  } catch (error) {
    f.invalid('regex', `is not a pattern in RE2 syntax: ${(error as Error).message}`);
    return NEVER;
  }
}

export function decodeRegexRewrite(f: Fields<typeof RegexMatchAndSubstituteSchema>): RegexRewrite {
  const pattern = f.child('pattern', RegexMatcherSchema);
  const substitution = f.take('substitution');
  f.end();
  const regex = pattern === null ? NEVER : decodeRegex(pattern);
  const problem = substitutionProblem(substitution);
  if (problem !== null) f.invalid('substitution', problem);
  return { regex, substitution };
}
