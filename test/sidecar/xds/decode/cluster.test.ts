// Clusters and endpoints: defaults, and what is refused.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '@bufbuild/protobuf';
import { CLUSTER, ENDPOINT } from '../../../../proto/resources.ts';
import type { Cluster } from '../../../../sidecar/model/cluster.ts';
import type { ClusterLoadAssignment } from '../../../../sidecar/model/endpoint.ts';
import { accept, assignmentJson, clusterJson, edsClusterJson, refusals, TYPE } from '../messages.ts';

const cluster = (more: JsonObject = {}) => accept<Cluster>(CLUSTER, clusterJson('a', more));
const refused = (more: JsonObject) => refusals(CLUSTER, clusterJson('a', more));

test("a cluster has Envoy's defaults", () => {
  const { connectTimeoutMs, lb, common, limits, http, outlier, bufferLimit } = cluster();
  assert.equal(connectTimeoutMs, 5_000);
  assert.deepEqual(lb, { kind: 'round-robin', slowStart: null });
  assert.equal(common.panicThreshold, 50);
  assert.equal(common.localityWeighted, false);
  assert.equal(limits.default.maxConnections, 1024);
  assert.equal(limits.high.maxRetries, 3);
  assert.equal(http.idleTimeoutMs, 3_600_000);
  assert.equal(http.protocol, 'http1');
  assert.equal(outlier, null);
  assert.equal(bufferLimit, 1024 * 1024);
});

test('outlier detection has its own defaults, and what compares hosts must be off', () => {
  const { outlier } = cluster({ outlier_detection: {} });
  assert.equal(outlier?.consecutive5xx, 5);
  assert.equal(outlier?.intervalMs, 10_000);
  assert.equal(outlier?.maxEjectionPercent, 10);
  assert.equal(outlier?.enforcingConsecutiveGatewayFailure, 0);
  assert.equal(outlier?.maxEjectionMs, 300_000);
  assert.equal(cluster({ outlier_detection: { base_ejection_time: '600s' } }).outlier?.maxEjectionMs, 600_000);
  cluster({
    outlier_detection: { enforcing_success_rate: 0, enforcing_failure_percentage: 0, success_rate_stdev_factor: 1900 },
  });
  assert.equal(refused({ outlier_detection: { enforcing_failure_percentage: 50 } }).length, 1);
});

test('circuit breakers by priority, the first of each counts', () => {
  const thresholds = [{ max_requests: 1 }, { priority: 'HIGH', max_retries: 0, retry_budget: {} }, { max_requests: 9 }];
  const { limits } = cluster({ circuit_breakers: { thresholds } });
  assert.equal(limits.default.maxRequests, 1);
  assert.equal(limits.high.maxRetries, 0);
  assert.deepEqual(limits.high.retryBudget, { percent: 20, minConcurrency: 3 });
});

test('addresses: names only where they are resolved', () => {
  const named = { load_assignment: assignmentJson('a', [['svc.test', 80]]) };
  assert.match(
    refused(named)[0] ?? '',
    /^load_assignment\.endpoints\[0\]\.lb_endpoints\[0\]\.endpoint\.address\.socket_address\.address: "svc\.test" is not an IP address/,
  );
  assert.equal(cluster({ ...named, type: 'STRICT_DNS' }).discovery.kind, 'strict-dns');
  const two = {
    load_assignment: assignmentJson('a', [
      ['x.test', 80],
      ['y.test', 80],
    ]),
  };
  assert.match(refused({ ...two, type: 'LOGICAL_DNS' })[0] ?? '', /single locality_lb_endpoint/);
  assert.equal(accept<Cluster>(CLUSTER, { name: 'dead', type: 'STATIC' }).discovery.kind, 'static');
});

test('EDS clusters get their endpoints over ADS', () => {
  assert.deepEqual(accept<Cluster>(CLUSTER, edsClusterJson('a')).discovery, { kind: 'eds', serviceName: 'a' });
  assert.match(refusals(CLUSTER, { name: 'a', type: 'EDS' })[0] ?? '', /eds_cluster_config/);
  assert.match(refused({ eds_cluster_config: { eds_config: { ads: {} } } })[0] ?? '', /for clusters of type EDS only/);
  assert.match(
    refusals(
      CLUSTER,
      edsClusterJson('a', { eds_cluster_config: { eds_config: { path_config_source: { path: '/x' } } } }),
    )[0] ?? '',
    /path_config_source: .*over ADS/,
  );
});

const policy = (type: string, more: JsonObject = {}) => ({
  typed_extension_config: {
    name: 'p',
    typed_config: { '@type': `${TYPE}envoy.extensions.load_balancing_policies.${type}`, ...more },
  },
});
const unknownPolicy = {
  typed_extension_config: {
    name: 'm',
    typed_config: { '@type': `${TYPE}xds.type.v3.TypedStruct`, type_url: `${TYPE}no.such.Policy` },
  },
};

test('the first known typed policy holds', () => {
  const typed = (...policies: JsonObject[]) => ({ load_balancing_policy: { policies } });
  assert.equal(cluster(typed(unknownPolicy, policy('random.v3.Random'))).lb.kind, 'random');
  const least = cluster(
    typed(policy('least_request.v3.LeastRequest', { choice_count: 3, selection_method: 'FULL_SCAN' })),
  ).lb;
  assert.deepEqual(least, { kind: 'least-request', choices: 3, activeBias: 1, slowStart: null, fullScan: true });
  assert.match(refused(typed(policy('maglev.v3.Maglev')))[0] ?? '', /maglev\.v3\.Maglev is not supported/);
  assert.match(refused(typed(unknownPolicy))[0] ?? '', /no load balancing policy that is known/);
  const inner = { endpoint_picking_policy: { policies: [policy('round_robin.v3.RoundRobin')] } };
  assert.equal(cluster(typed(policy('wrr_locality.v3.WrrLocality', inner))).common.localityWeighted, true);
});

test('what later versions will bring is refused by name', () => {
  assert.match(refused({ lb_policy: 'RING_HASH' })[0] ?? '', /^lb_policy: of RING_HASH/);
  assert.match(
    refused({
      health_checks: [
        { timeout: '1s', interval: '1s', unhealthy_threshold: 1, healthy_threshold: 1, tcp_health_check: {} },
      ],
    })[0] ?? '',
    /^health_checks: /,
  );
});

test('protocol options, new and old', () => {
  const typed = {
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': `${TYPE}envoy.extensions.upstreams.http.v3.HttpProtocolOptions`,
        common_http_protocol_options: { idle_timeout: '0.3s', max_requests_per_connection: 2 },
        explicit_http_config: {
          http_protocol_options: { enable_trailers: true, header_key_format: { proper_case_words: {} } },
        },
      },
    },
  };
  const { http } = cluster(typed);
  assert.equal(http.idleTimeoutMs, 300);
  assert.equal(http.maxRequestsPerConnection, 2);
  assert.equal(http.enableTrailers, true);
  assert.equal(http.headerCase, 'proper-case');
  assert.equal(
    cluster({ common_http_protocol_options: { idle_timeout: '2s' }, max_requests_per_connection: 7 }).http
      .maxRequestsPerConnection,
    7,
  );
});

test('SNI and names taken from the request are refused by name', () => {
  const type = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
  const upstream = { auto_sni: true, auto_san_validation: true };
  const options = {
    '@type': `${TYPE}${type}`,
    upstream_http_protocol_options: upstream,
    explicit_http_config: { http_protocol_options: {} },
  };
  const [sni, san] = refused({ typed_extension_protocol_options: { [type]: options } });
  assert.match(sni ?? '', /auto_sni: is not supported/);
  assert.match(san ?? '', /auto_san_validation: is not supported/);
});

test('a minimum of TLS 1.3 towards an upstream needs its maximum', () => {
  const tls = (params: JsonObject) => ({
    transport_socket: {
      name: 'tls',
      typed_config: {
        '@type': `${TYPE}envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext`,
        sni: 'a',
        common_tls_context: { tls_params: params },
      },
    },
  });
  assert.match(
    refused(tls({ tls_minimum_protocol_version: 'TLSv1_3' }))[0] ?? '',
    /tls_minimum_protocol_version: is higher than the maximum version \(towards an upstream the maximum is TLSv1_2 by default/,
  );
  assert.equal(
    cluster(tls({ tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' })).tls?.minVersion,
    'TLSv1.3',
  );
  assert.equal(cluster(tls({})).tls?.maxVersion, 'TLSv1.2');
  assert.match(refused(tls({ cipher_suites: ['NO-SUCH'] }))[0] ?? '', /unknown cipher suite/);
});

test('endpoints: weights, health, policy', () => {
  const json = {
    cluster_name: 'a',
    endpoints: [
      {
        locality: { zone: 'z' },
        load_balancing_weight: 3,
        priority: 1,
        lb_endpoints: [
          {
            health_status: 'DRAINING',
            load_balancing_weight: 5,
            endpoint: { hostname: 'h', address: { socket_address: { address: '::0001', port_value: 1 } } },
            metadata: { filter_metadata: { 'envoy.lb': { canary: true } } },
          },
        ],
      },
    ],
    policy: { overprovisioning_factor: 100, drop_overloads: [{ category: 'c', drop_percentage: { numerator: 5 } }] },
  };
  const assignment = accept<ClusterLoadAssignment>(ENDPOINT, json);
  assert.equal(assignment.overprovisioningFactor, 100);
  assert.deepEqual(assignment.dropOverloads, [{ category: 'c', share: 0.05 }]);
  assert.deepEqual(assignment.localities[0], {
    region: '',
    zone: 'z',
    subZone: '',
    weight: 3,
    priority: 1,
    endpoints: [
      {
        host: '::1',
        port: 1,
        hostname: 'h',
        weight: 5,
        health: 'draining',
        metadata: { 'envoy.lb': { canary: true } },
      },
    ],
  });
  assert.match(
    refusals(ENDPOINT, { cluster_name: 'a', endpoints: [{ priority: 129 }] })[0] ?? '',
    /endpoints\[0\]\.priority: must be at most 128/,
  );
  assert.match(
    refusals(ENDPOINT, { cluster_name: 'a', endpoints: [{ lb_endpoints: [{ load_balancing_weight: 0 }] }] }).join('\n'),
    /load_balancing_weight: must be at least 1/,
  );
});
