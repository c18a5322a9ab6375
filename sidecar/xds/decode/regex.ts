// Patterns from configuration: RE2 syntax, full matches, RE2's rewrite syntax. Run on the language's own
// engine only where linear.ts proves it safe, on re2js otherwise: a pattern never costs more than linear
// time, whoever wrote it.

import { RE2JS } from 're2js';
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
  const pattern = RE2JS.compile(source);
  const native = linearPattern(source);
  return {
    source,
    full: native === null ? (text) => pattern.matches(text) : (text) => native.test(text),
    replaceAll: (text, substitution) => replaceAll(pattern, text, substitution),
  };
}

function replaceAll(pattern: RE2JS, text: string, substitution: string): string {
  const matcher = pattern.matcher(text);
  let result = '';
  let last = 0;
  while (matcher.find()) {
    const group = (index: number) => matcher.group(index) ?? '';
    result += text.slice(last, matcher.start()) + expand(substitution, group);
    last = matcher.end();
  }
  return result + text.slice(last);
}

/** RE2's rewrite syntax: `\0` to `\9` are groups, `\\` is a backslash. */
function expand(substitution: string, group: (index: number) => string): string {
  return substitution.replaceAll(/\\(.)/gs, (_, char: string) => (char === '\\' ? '\\' : group(Number(char))));
}

/** Why a substitution cannot be used with a pattern, or null. */
export function substitutionProblem(source: string, substitution: string): string | null {
  const groups = RE2JS.compile(source).groupCount();
  for (const [, char = ''] of substitution.matchAll(/\\(.?)/gs)) {
    if (char === '\\') continue;
    if (!/^\d$/.test(char)) return 'after a backslash only a digit or a backslash may stand';
    if (Number(char) > groups) return `refers to group ${char}, the pattern has ${groups}`;
  }
  return null;
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
  if (regex !== NEVER) {
    const problem = substitutionProblem(regex.source, substitution);
    if (problem !== null) f.invalid('substitution', problem);
  }
  return { regex, substitution };
}
