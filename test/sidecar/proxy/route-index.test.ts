// A host with an index finds what a host without one finds: the first route in order that matches, whatever the
// routes are, and with the same draws of chance.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Exchange } from '../../../sidecar/exchange.ts';
import type { HeaderMatch, QueryMatch } from '../../../sidecar/model/match.ts';
import { NO_MUTATIONS, type Route, type RouteConfiguration, type RouteMatch } from '../../../sidecar/model/route.ts';
import { matchRoute } from '../../../sidecar/proxy/match.ts';
import { type CompiledHost, compileRouteTable } from '../../../sidecar/proxy/route-table.ts';
import { chance } from '../lb/hosts.ts';
import { factsWith } from '../telemetry/facts.ts';

/** Few letters and both cases, so that texts are often each other's beginnings. */
const text = fc
  .array(fc.constantFrom('a', 'A', 'b', '/', 'ab', '/a', 'é'), { maxLength: 6 })
  .map((pieces) => `/${pieces.join('')}`);

const path: fc.Arbitrary<RouteMatch['path']> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom('prefix' as const, 'exact' as const, 'path-separated-prefix' as const),
      value: fc.oneof(text, fc.constant('')),
      caseSensitive: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: text.map((part) => ({ kind: 'regex' as const, regex: regexOf(part) })) },
  { weight: 1, arbitrary: fc.constant({ kind: 'connect' as const }) },
);

function regexOf(part: string) {
  return { source: part, full: (whole: string) => whole.endsWith(part), replaceAll: (whole: string) => whole };
}

const header: HeaderMatch = {
  name: 'x-h',
  test: { kind: 'string', match: { kind: 'exact', value: '1', ignoreCase: false } },
  invert: false,
  treatMissingAsEmpty: false,
};
const query: QueryMatch = { name: 'q', value: null, present: true };

const match: fc.Arbitrary<RouteMatch> = fc.record({
  path,
  headers: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.constant([header]) }),
  query: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.constant([query]) }),
  cookies: fc.constant([]),
  grpc: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  runtimeFraction: fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.constant(0.5) }),
  tls: fc.constant(null),
});

const asked = fc.record({
  path: fc.tuple(text, fc.constantFrom('', '?', '?q=1', '?x=/a')).map((parts) => parts.join('')),
  header: fc.boolean(),
  method: fc.constantFrom('GET', 'GET', 'GET', 'CONNECT'),
  seed: fc.integer({ min: 1, max: 1_000_000 }),
});

function hostOf(matches: readonly RouteMatch[]): CompiledHost {
  const empty = { headers: NO_MUTATIONS, requestMirrors: [], typedPerFilterConfig: new Map(), metadata: {} };
  const routes: Route[] = matches.map((one, i) => ({
    ...empty,
    name: `r${i}`,
    match: one,
    action: { kind: 'none' },
    decorator: null,
  }));
  const config: RouteConfiguration = {
    ...empty,
    name: 'routes',
    virtualHosts: [
      {
        ...empty,
        name: 'all',
        domains: ['*'],
        routes,
        requireTls: 'none',
        retryPolicy: null,
        includeRequestAttemptCount: false,
        includeAttemptCountInResponse: false,
      },
    ],
    internalOnlyHeaders: [],
    mostSpecificHeaderMutationsWins: false,
    ignorePortInHostMatching: false,
  };
  return compileRouteTable(config, [], () => null).any as CompiledHost;
}

function exchange(wanted: { readonly path: string; readonly header: boolean; readonly method: string }): Exchange {
  const x = new Exchange(factsWith().connection, 0, 0);
  const headers = wanted.header ? ['x-h', '1', 'content-type', 'application/grpc'] : [];
  x.request = { ...x.request, method: wanted.method, path: wanted.path, headers };
  return x;
}

test('the first route in order, as without an index', () => {
  const tables = fc.array(match, { minLength: 13, maxLength: 40 });
  fc.assert(
    fc.property(tables, fc.array(asked, { minLength: 1, maxLength: 10 }), (matches, requests) => {
      const host = hostOf(matches);
      assert.notEqual(host.index, null);
      for (const request of requests) {
        const x = exchange(request);
        const found = matchRoute(host, x, chance(request.seed));
        const expected = matchRoute({ ...host, index: null }, x, chance(request.seed));
        assert.equal(found?.route.name, expected?.route.name);
      }
    }),
    { numRuns: 2000 },
  );
});

test('ten thousand routes: only those that may match are looked at', () => {
  const plain = { headers: [], query: [], cookies: [], grpc: false, runtimeFraction: null, tls: null };
  let looked = 0;
  const counting = { ...header, name: 'x-h' };
  Object.defineProperty(counting, 'test', {
    get() {
      looked++;
      return header.test;
    },
  });
  const matches: RouteMatch[] = Array.from({ length: 10_000 }, (_, i) => ({
    ...plain,
    headers: [counting],
    path: { kind: 'prefix', value: `/things/${i}/`, caseSensitive: true },
  }));
  const x = exchange({ path: '/things/9999/part', header: true, method: 'GET' });
  assert.equal(matchRoute(hostOf(matches), x, chance(1))?.route.name, 'r9999');
  assert.equal(looked, 1);
});
