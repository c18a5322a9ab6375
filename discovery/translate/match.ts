// Matches and header changes of routes in Envoy's words, and the order in which the Gateway API says that
// matches are tried.

import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  HeaderValueOption_HeaderAppendAction as Append,
  type HeaderValueOptionSchema,
} from '../../proto/gen/envoy/config/core/v3/base_pb.ts';
import type {
  HeaderMatcherSchema,
  QueryParameterMatcherSchema,
  RouteMatchSchema,
} from '../../proto/gen/envoy/config/route/v3/route_components_pb.ts';
import type { HeaderChange, NamedMatch, PathMatch, RouteFilter, RouteMatch, RouteRule } from '../catalog/types.ts';

type PathSpecifier = NonNullable<MessageInitShape<typeof RouteMatchSchema>['pathSpecifier']>;

export function routeMatch(
  match: RouteMatch,
  path: PathSpecifier = pathSpecifier(match.path),
): MessageInitShape<typeof RouteMatchSchema> {
  const headers = match.headers.map(headerMatcher);
  if (match.method !== null)
    headers.push({
      name: ':method',
      headerMatchSpecifier: { case: 'stringMatch', value: { matchPattern: { case: 'exact', value: match.method } } },
    });
  return { pathSpecifier: path, headers, queryParameters: match.queryParams.map(queryMatcher) };
}

/** A PathPrefix matches whole segments: /shop matches /shop and /shop/x, not /shopping. */
function pathSpecifier(path: PathMatch): PathSpecifier {
  if (path.type === 'Exact') return { case: 'path', value: path.value };
  if (path.type === 'RegularExpression') return { case: 'safeRegex', value: { regex: path.value } };
  const prefix = path.value.replace(/\/+$/, '');
  return prefix === '' ? { case: 'prefix', value: '/' } : { case: 'pathSeparatedPrefix', value: prefix };
}

function headerMatcher(match: NamedMatch): MessageInitShape<typeof HeaderMatcherSchema> {
  if (match.type === 'Present')
    return { name: match.name, headerMatchSpecifier: { case: 'presentMatch', value: true } };
  return { name: match.name, headerMatchSpecifier: { case: 'stringMatch', value: stringMatcher(match) } };
}

function queryMatcher(match: NamedMatch): MessageInitShape<typeof QueryParameterMatcherSchema> {
  if (match.type === 'Present')
    return { name: match.name, queryParameterMatchSpecifier: { case: 'presentMatch', value: true } };
  return { name: match.name, queryParameterMatchSpecifier: { case: 'stringMatch', value: stringMatcher(match) } };
}

function stringMatcher(match: NamedMatch) {
  return match.type === 'RegularExpression'
    ? ({ matchPattern: { case: 'safeRegex', value: { regex: match.value } } } as const)
    : ({ matchPattern: { case: 'exact', value: match.value } } as const);
}

/** One rule under one of its matches. */
export interface RuleMatch {
  readonly rule: RouteRule;
  readonly match: RouteMatch;
}

/** Gateway API, HTTPRouteRule: exact path, longest path, method, most headers, most query parameters; then as written. */
export function inOrder(rules: readonly RouteRule[]): readonly RuleMatch[] {
  const pairs = rules.flatMap((rule) => rule.matches.map((match) => ({ rule, match })));
  return pairs
    .map((pair, position) => ({ pair, rank: [...rank(pair.match), -position] }))
    .sort((a, b) => compare(b.rank, a.rank))
    .map(({ pair }) => pair);
}

function rank({ path, method, headers, queryParams }: RouteMatch): number[] {
  const kind = { Exact: 2, RegularExpression: 1, PathPrefix: 0 }[path.type];
  return [kind, path.value.replace(/\/+$/, '').length, method === null ? 0 : 1, headers.length, queryParams.length];
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, i) => value !== b[i]);
  return at < 0 ? 0 : (a[at] as number) - (b[at] as number);
}

export interface HeaderChanges {
  readonly requestHeadersToAdd: MessageInitShape<typeof HeaderValueOptionSchema>[];
  readonly requestHeadersToRemove: string[];
  readonly responseHeadersToAdd: MessageInitShape<typeof HeaderValueOptionSchema>[];
  readonly responseHeadersToRemove: string[];
}

export function headerChanges(filters: readonly RouteFilter[]): HeaderChanges {
  const request = filters.flatMap((filter) => (filter.type === 'RequestHeaderModifier' ? [filter.change] : []));
  const response = filters.flatMap((filter) => (filter.type === 'ResponseHeaderModifier' ? [filter.change] : []));
  return {
    requestHeadersToAdd: request.flatMap(additions),
    requestHeadersToRemove: request.flatMap((change) => change.remove),
    responseHeadersToAdd: response.flatMap(additions),
    responseHeadersToRemove: response.flatMap((change) => change.remove),
  };
}

/** A literal `%` is doubled: these values are texts, not Envoy's substitution formats. */
function additions(change: HeaderChange): MessageInitShape<typeof HeaderValueOptionSchema>[] {
  const option = (appendAction: Append) => (pair: { readonly name: string; readonly value: string }) => ({
    header: { key: pair.name, value: pair.value.replaceAll('%', '%%') },
    appendAction,
  });
  return [
    ...change.set.map(option(Append.OVERWRITE_IF_EXISTS_OR_ADD)),
    ...change.add.map(option(Append.APPEND_IF_EXISTS_OR_ADD)),
  ];
}
