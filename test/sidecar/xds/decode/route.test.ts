// Routes: what is taken with which default, what is refused at which path.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '@bufbuild/protobuf';
import { ROUTE } from '../../../../proto/resources.ts';
import type { Route, RouteConfiguration } from '../../../../sidecar/model/route.ts';
import { accept, refusals, routesJson, routeTo, TYPE } from '../messages.ts';

function route(json: JsonObject): Route {
  const [host] = accept<RouteConfiguration>(ROUTE, routesJson('r', [json])).virtualHosts;
  const [first] = host?.routes ?? [];
  assert.ok(first);
  return first;
}

function forward(json: JsonObject) {
  const { action } = route({ match: { prefix: '/' }, route: { cluster: 'a', ...json } });
  assert.equal(action.kind, 'forward');
  return action.kind === 'forward' ? action : assert.fail();
}

function refused(json: JsonObject): string[] {
  return refusals(ROUTE, routesJson('r', [json]));
}

test("a forwarding action has Envoy's defaults", () => {
  const action = forward({});
  assert.equal(action.timeoutMs, 15_000);
  assert.equal(action.idleTimeoutMs, null);
  assert.equal(action.clusterNotFoundStatus, 503);
  assert.equal(action.retryPolicy, null);
  assert.equal(action.priority, 'default');
  assert.deepEqual(action.target, { kind: 'cluster', name: 'a' });
});

test("a retry policy has Envoy's defaults, and unknown predicates are refused", () => {
  const { retryPolicy } = forward({ retry_policy: { retry_on: '5xx, reset' } });
  assert.deepEqual(retryPolicy?.retryOn, ['5xx', 'reset']);
  assert.equal(retryPolicy?.numRetries, 1);
  assert.deepEqual(retryPolicy?.backoff, { baseMs: 25, maxMs: 250 });
  assert.equal(retryPolicy?.hostSelectionAttempts, 1);
  assert.deepEqual(forward({ retry_policy: { retry_back_off: { base_interval: '0.005s' } } }).retryPolicy?.backoff, {
    baseMs: 5,
    maxMs: 50,
  });
  assert.equal(forward({ retry_policy: { num_retries: 0 } }).retryPolicy?.numRetries, 0);
  const previous = {
    name: 'x',
    typed_config: { '@type': `${TYPE}envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate` },
  };
  assert.equal(forward({ retry_policy: { retry_host_predicate: [previous] } }).retryPolicy?.avoidPreviousHosts, true);
  assert.deepEqual(
    refused(routeTo('a', { retry_policy: { retry_back_off: { base_interval: '1s', max_interval: '0.5s' } } })),
    [
      'virtual_hosts[0].routes[0].route.retry_policy.retry_back_off.max_interval: must be greater than or equal to base_interval',
    ],
  );
  assert.equal(refused(routeTo('a', { retry_policy: { retry_host_predicate: [{ name: 'x' }] } })).length, 1);
});

test('safe retries are asked for in typed metadata', () => {
  const metadata = {
    typed_filter_metadata: {
      'fairlead.policy.retry': { '@type': `${TYPE}fairlead.policy.v1.SafeRetry`, safe_only: true },
    },
  };
  const { action } = route({ ...routeTo('a', { retry_policy: { retry_on: '5xx' } }), metadata });
  assert.equal(action.kind === 'forward' && action.retryPolicy?.safeOnly, true);
  assert.equal(forward({ retry_policy: {} }).retryPolicy?.safeOnly, false);
});

test('weights', () => {
  const weighted = (clusters: JsonObject[]) => ({ match: { prefix: '/' }, route: { weighted_clusters: { clusters } } });
  const place = 'virtual_hosts[0].routes[0].route.weighted_clusters';
  assert.deepEqual(refused(weighted([{ name: 'a', weight: 0 }])), [
    `${place}: the sum of weights must be greater than 0`,
  ]);
  assert.deepEqual(refused(weighted([{ name: 'a' }, { name: 'b', weight: 1 }])), [
    `${place}.clusters[0].weight: is required`,
  ]);
  assert.deepEqual(
    refused(
      weighted([
        { name: 'a', weight: 4_000_000_000 },
        { name: 'b', weight: 4_000_000_000 },
      ]),
    ),
    [`${place}: the sum of weights must be at most 4294967295`],
  );
  assert.match(
    refused(weighted([{ name: 'a', cluster_header: 'x-c', weight: 1 }]))[0] ?? '',
    /only one of name and cluster_header/,
  );
  const { action } = route(
    weighted([
      { cluster_header: 'X-C', weight: 3 },
      { name: 'b', weight: 1 },
    ]),
  );
  assert.equal(action.kind === 'forward' && action.target.kind === 'weighted' && action.target.total, 4);
});

test('headers: host and pseudo-headers stay as they are, formats are checked', () => {
  const add = (key: string, value: string, more: JsonObject = {}) => ({ header: { key, value }, ...more });
  assert.deepEqual(refused({ ...routeTo('a'), request_headers_to_remove: ['host', 'x'] }), [
    'virtual_hosts[0].routes[0].request_headers_to_remove[0]: "host": ":"-prefixed or host headers may not be removed',
  ]);
  assert.match(
    refused({ ...routeTo('a'), request_headers_to_add: [add(':path', '/')] })[0] ?? '',
    /may not be modified/,
  );
  assert.match(
    refused({ ...routeTo('a'), response_headers_to_add: [add('x', '%NO_SUCH%')] })[0] ?? '',
    /response_headers_to_add\[0\]\.header\.value: /,
  );
  const { headers } = route({
    ...routeTo('a'),
    request_headers_to_add: [
      add('X-A', '1'),
      add('x-b', '2', { append: false }),
      add('x-c', '3', { append_action: 'ADD_IF_ABSENT' }),
    ],
  });
  assert.deepEqual(
    headers.requestAdd.map(({ name, action }) => [name, action]),
    [
      ['x-a', 'append'],
      ['x-b', 'overwrite-or-add'],
      ['x-c', 'add-if-absent'],
    ],
  );
});

test('redirects and direct answers', () => {
  const redirect = (json: JsonObject) => route({ match: { prefix: '/' }, redirect: json }).action;
  assert.deepEqual(redirect({}), {
    kind: 'redirect',
    scheme: null,
    host: null,
    port: null,
    path: null,
    stripQuery: false,
    status: 301,
  });
  assert.deepEqual(
    redirect({ https_redirect: true, port_redirect: 443, prefix_rewrite: '/x', response_code: 'PERMANENT_REDIRECT' }),
    {
      kind: 'redirect',
      scheme: 'https',
      host: null,
      port: 443,
      path: { kind: 'prefix', value: '/x' },
      stripQuery: false,
      status: 308,
    },
  );
  const direct = (size: number) => ({
    match: { prefix: '/' },
    direct_response: { status: 200, body: { inline_string: 'x'.repeat(size) } },
  });
  assert.equal(route(direct(4096)).action.kind, 'direct');
  assert.match(refused(direct(4097))[0] ?? '', /response body size is 4097 bytes; maximum is 4096/);
});

test('domains may stand once', () => {
  const host = (name: string, domains: string[]) => ({ name, domains, routes: [] });
  const twice = { name: 'r', virtual_hosts: [host('a', ['x.test', '*']), host('b', ['X.TEST', '*'])] };
  assert.deepEqual(refusals(ROUTE, twice), [
    'virtual_hosts[1].domains[0]: "X.TEST" stands twice',
    'virtual_hosts[1].domains[1]: only a single wildcard domain is permitted',
  ]);
});

test('clusters are checked only where it is asked for', () => {
  const json = routesJson('r', [routeTo('nowhere')], { validate_clusters: true });
  assert.deepEqual(refusals(ROUTE, json, { clusters: new Set(['a']) }), [
    'virtual_hosts[0].routes[0].route.cluster: unknown cluster "nowhere"',
  ]);
  accept(ROUTE, routesJson('r', [routeTo('nowhere')]), { clusters: new Set(['a']) });
});

test('patterns and rewrites are checked where they stand', () => {
  assert.match(
    refused({ match: { safe_regex: { regex: '(' } }, direct_response: { status: 200 } })[0] ?? '',
    /^virtual_hosts\[0\]\.routes\[0\]\.match\.safe_regex\.regex: is not a pattern in RE2 syntax/,
  );
  assert.match(
    refused(routeTo('a', { regex_rewrite: { pattern: { regex: '(a)' }, substitution: '\\x' } }))[0] ?? '',
    /regex_rewrite\.substitution: after a backslash only/,
  );
  assert.match(
    refused(routeTo('a', { prefix_rewrite: '/x', regex_rewrite: { pattern: { regex: 'a' }, substitution: 'b' } }))[0] ??
      '',
    /only one of prefix_rewrite/,
  );
});

test('what is not honoured is named, and a warning only where that is safe', () => {
  const json = routesJson('r', [routeTo('a', { hedge_policy: { hedge_on_per_try_timeout: true } })]);
  assert.deepEqual(refusals(ROUTE, json), [
    'virtual_hosts[0].routes[0].route.hedge_policy: is not supported by fairlead',
  ]);
  accept(ROUTE, json, { allowUnsupported: true });
  const guarded = routesJson('r', [
    {
      ...routeTo('a'),
      typed_per_filter_config: {
        x: {
          '@type': `${TYPE}xds.type.v3.TypedStruct`,
          type_url: `${TYPE}envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig`,
        },
      },
    },
  ]);
  assert.match(
    refusals(ROUTE, guarded, { allowUnsupported: true })[0] ?? '',
    /typed_per_filter_config\["x"\]: the extension .*PerRouteConfig is not supported/,
  );
});

test('matchers', () => {
  const { match } = route({
    match: {
      path: '/X',
      case_sensitive: false,
      grpc: {},
      runtime_fraction: { default_value: { numerator: 25 } },
      headers: [
        { name: 'X-A', exact_match: 'b', invert_match: true },
        { name: 'x-n', range_match: { start: -5, end: 10 } },
        { name: 'x-p' },
      ],
      query_parameters: [
        { name: 'q', string_match: { prefix: 'a', ignore_case: true } },
        { name: 'gone', present_match: false },
      ],
      cookies: [{ name: 'c', string_match: { exact: 'v' } }],
    },
    direct_response: { status: 200 },
  });
  assert.deepEqual(match, {
    path: { kind: 'exact', value: '/X', caseSensitive: false },
    headers: [
      {
        name: 'x-a',
        test: { kind: 'string', match: { kind: 'exact', value: 'b', ignoreCase: false } },
        invert: true,
        treatMissingAsEmpty: false,
      },
      { name: 'x-n', test: { kind: 'range', start: -5, end: 10 }, invert: false, treatMissingAsEmpty: false },
      { name: 'x-p', test: { kind: 'present', present: true }, invert: false, treatMissingAsEmpty: false },
    ],
    query: [
      { name: 'q', value: { kind: 'prefix', value: 'a', ignoreCase: true }, present: true },
      { name: 'gone', value: null, present: false },
    ],
    cookies: [{ name: 'c', match: { kind: 'exact', value: 'v', ignoreCase: false }, invert: false }],
    grpc: true,
    runtimeFraction: 0.25,
    tls: null,
  });
});
