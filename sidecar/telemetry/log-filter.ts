// Which requests a log line is written for, or a local reply is changed for.

import { FLAG } from '../errors.ts';
import type { AccessLogFilter, Comparison } from '../model/access-log.ts';
import { headerMatches } from '../model/matching.ts';
import type { RequestFacts } from './facts.ts';
import { anyGrpcStatus } from './format/grpc.ts';
import { between, isFlag } from './format/plain.ts';

export type FactsFilter = (facts: RequestFacts) => boolean;

/** null matches every request. */
export function compileFilter(filter: AccessLogFilter | null, random: () => number): FactsFilter {
  if (filter === null) return () => true;
  switch (filter.kind) {
    case 'status':
      return (facts) => compares(filter.comparison, facts.responseCode);
    case 'duration':
      return (facts) => compares(filter.comparison, between(facts.startMs, facts.endMs) ?? 0);
    case 'grpc-status-number':
      return (facts) => compares(filter.comparison, anyGrpcStatus(facts));
    case 'not-health-check':
      return () => true;
    case 'traceable':
      return (facts) => facts.sampled;
    case 'fraction':
      return () => random() < filter.fraction;
    case 'and': {
      const parts = filter.filters.map((part) => compileFilter(part, random));
      return (facts) => parts.every((part) => part(facts));
    }
    case 'or': {
      const parts = filter.filters.map((part) => compileFilter(part, random));
      return (facts) => parts.some((part) => part(facts));
    }
    case 'header':
      return (facts) => headerMatches(filter.match, valuesOf(facts, filter.match.name));
    case 'response-flags': {
      const bits = flagBits(filter.flags);
      return (facts) => (facts.responseFlags & bits) !== 0;
    }
    case 'grpc-status':
      return (facts) => filter.statuses.includes(anyGrpcStatus(facts)) !== filter.exclude;
  }
}

function compares({ op, value }: Comparison, actual: number): boolean {
  switch (op) {
    case 'eq':
      return actual === value;
    case 'ge':
      return actual >= value;
    case 'le':
      return actual <= value;
    case 'ne':
      return actual !== value;
  }
}

function valuesOf(facts: RequestFacts, name: string): readonly string[] {
  if (facts.requestHeaderValues !== undefined) return facts.requestHeaderValues(name);
  const first = facts.requestHeader(name);
  return first === null ? [] : [first];
}

/** None named: any flag. */
function flagBits(names: readonly string[]): number {
  if (names.length === 0) return -1;
  return names.reduce((bits, name) => (isFlag(name) ? bits | FLAG[name] : bits), 0);
}
