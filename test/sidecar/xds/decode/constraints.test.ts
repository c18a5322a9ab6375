// Constraints that travel with the descriptions: one check for every message.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, fromBinary } from '@bufbuild/protobuf';
import { ClusterSchema } from '../../../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts';
import { RouteConfigurationSchema } from '../../../../proto/gen/envoy/config/route/v3/route_pb.ts';
import { fromProtoJson } from '../../../../proto/registry.ts';
import { checkConstraints } from '../../../../sidecar/xds/decode/constraints.ts';

function problemsOf(
  ...[schema, message]: Parameters<typeof checkConstraints> extends [infer S, infer M, ...unknown[]] ? [S, M] : never
): string[] {
  const found: string[] = [];
  checkConstraints(schema, message, '', (kind, field, reason) => found.push(`${kind} ${field}: ${reason}`));
  return found;
}

test('lengths, ranges, required fields and oneofs are named with their paths, all at once', () => {
  const message = fromProtoJson(RouteConfigurationSchema, {
    virtual_hosts: [
      { domains: [], routes: [{ match: {}, direct_response: { status: 99 } }, { match: { prefix: '/' } }] },
    ],
  });
  assert.deepEqual(problemsOf(RouteConfigurationSchema, message), [
    'invalid virtual_hosts[0].name: must not be empty',
    'invalid virtual_hosts[0].domains: needs at least 1 item',
    'invalid virtual_hosts[0].routes[0].match.path_specifier: one of prefix, path, safe_regex, connect_matcher, path_separated_prefix, path_match_policy is required',
    'invalid virtual_hosts[0].routes[0].direct_response.status: must be at least 200',
    'invalid virtual_hosts[0].routes[1].action: one of route, redirect, direct_response, filter_action, non_forwarding_action is required',
  ]);
});

test('durations: limits, signs and ranges', () => {
  const cluster = (json: object) => problemsOf(ClusterSchema, fromProtoJson(ClusterSchema, { name: 'a', ...json }));
  assert.deepEqual(cluster({ connect_timeout: '0s' }), ['invalid connect_timeout: must be greater than 0s']);
  assert.deepEqual(cluster({ cleanup_interval: '-1s' }), ['invalid cleanup_interval: must not be negative']);
  const broken = create(ClusterSchema, { name: 'a', connectTimeout: { seconds: 1n, nanos: -1 } });
  assert.match(
    problemsOf(ClusterSchema, broken)[0] ?? '',
    /connect_timeout: has seconds and nanoseconds of different sign/,
  );
});

test('unknown enum values and unknown fields are named', () => {
  const cluster = create(ClusterSchema, { name: 'a', lbPolicy: 99 as never });
  assert.deepEqual(problemsOf(ClusterSchema, cluster), ['invalid lb_policy: 99 is not a value of this enum']);
  const future = fromBinary(ClusterSchema, Buffer.from([0x0a, 0x01, 0x61, 0xd2, 0x3e, 0x01, 0x00]));
  assert.deepEqual(problemsOf(ClusterSchema, future), [
    'unsupported : field number 1002 of envoy.config.cluster.v3.Cluster is not known to fairlead',
  ]);
});

test('an absent wrapper is not a zero', () => {
  const json = { name: 'a', outlier_detection: { max_ejection_percent: 101 }, least_request_lb_config: {} };
  assert.deepEqual(problemsOf(ClusterSchema, fromProtoJson(ClusterSchema, json)), [
    'invalid outlier_detection.max_ejection_percent: must be at most 100',
  ]);
});
