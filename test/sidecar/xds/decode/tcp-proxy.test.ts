// The TCP proxy and what stands before and behind it: defaults, and each field that is refused by name.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '@bufbuild/protobuf';
import { CLUSTER, LISTENER } from '../../../../proto/resources.ts';
import type { Cluster } from '../../../../sidecar/model/cluster.ts';
import type { Listener } from '../../../../sidecar/model/listener.ts';
import { accept, clusterJson, listenerJson, refusals, TYPE } from '../messages.ts';

const PROXY = 'filter_chains[0].filters[0].typed_config';
const tcpJson = (more: JsonObject = { cluster: 'a' }): JsonObject => ({
  '@type': `${TYPE}envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy`,
  stat_prefix: 'p',
  ...more,
});

function tcp(more?: JsonObject) {
  const [chain] = accept<Listener>(LISTENER, listenerJson('l', 1, tcpJson(more))).chains;
  return chain?.kind === 'tcp' ? chain.tcp : assert.fail();
}

const refused = (more: JsonObject, options = {}) => refusals(LISTENER, listenerJson('l', 1, tcpJson(more)), options);

test("a TCP proxy has Envoy's defaults", () => {
  assert.deepEqual(tcp(), {
    statPrefix: 'p',
    clusters: [{ name: 'a', weight: 1 }],
    totalWeight: 1,
    idleTimeoutMs: 3_600_000,
    maxConnectAttempts: 1,
    maxConnectionDurationMs: 0,
    accessLogs: [],
    accessLogIntervalMs: 0,
    logOnConnected: false,
  });
});

test('what is said is taken, in the newer place and the older one', () => {
  const weighted = tcp({
    weighted_clusters: {
      clusters: [
        { name: 'a', weight: 3 },
        { name: 'b', weight: 4 },
      ],
    },
    idle_timeout: '0s',
    max_connect_attempts: 7,
    max_downstream_connection_duration: '5s',
    access_log_options: { access_log_flush_interval: '2s', flush_access_log_on_connected: true },
  });
  assert.deepEqual([weighted.totalWeight, weighted.clusters.length], [7, 2]);
  assert.deepEqual(
    [weighted.idleTimeoutMs, weighted.maxConnectAttempts, weighted.maxConnectionDurationMs],
    [0, 7, 5_000],
  );
  assert.deepEqual([weighted.accessLogIntervalMs, weighted.logOnConnected], [2_000, true]);
  const old = tcp({ cluster: 'a', access_log_flush_interval: '3s', flush_access_log_on_connected: true });
  assert.deepEqual([old.accessLogIntervalMs, old.logOnConnected], [3_000, true]);
});

test('what is not done is refused by name', () => {
  const fields: Readonly<Record<string, JsonObject>> = {
    metadata_match: { filter_metadata: { 'envoy.lb': { a: 'b' } } },
    hash_policy: [{ source_ip: {} }] as unknown as JsonObject,
    tunneling_config: { hostname: 'h' },
    on_demand: {},
    upstream_idle_timeout: '1s' as unknown as JsonObject,
    downstream_idle_timeout: '1s' as unknown as JsonObject,
  };
  for (const [name, value] of Object.entries(fields)) {
    const problems = refused({ cluster: 'a', [name]: value });
    assert.ok(
      problems.some((problem) => problem.startsWith(`${PROXY}.${name}`)),
      problems.join('\n'),
    );
  }
  assert.match(
    refused({ weighted_clusters: { clusters: [{ name: 'a', weight: 1, metadata_match: {} }] } }).join('\n'),
    /weighted_clusters\.clusters\[0\]\.metadata_match: /,
  );
  assert.match(refused({}).join('\n'), /one of cluster, weighted_clusters is required/);
  assert.match(refused({ weighted_clusters: { clusters: [{ name: 'a', weight: 0 }] } }).join('\n'), /weight: must be/);
});

test('a terminal filter is the last, and there is one', () => {
  const json = listenerJson('l', 1, tcpJson());
  const filter = { name: 'tcp', typed_config: tcpJson() };
  assert.match(
    refusals(LISTENER, { ...json, filter_chains: [{ filters: [filter, filter] }] }).join('\n'),
    /filters\[0\]: a terminal filter must be the last of the chain/,
  );
  assert.match(
    refusals(LISTENER, { ...json, filter_chains: [{ filters: [] }] }).join('\n'),
    /needs an HTTP connection manager or a TCP proxy/,
  );
});

const INSPECTOR = {
  name: 't',
  typed_config: { '@type': `${TYPE}envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector` },
};
const proxyFilter = (more: JsonObject = {}) => ({
  name: 'p',
  typed_config: { '@type': `${TYPE}envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol`, ...more },
});

test('the PROXY protocol comes before what looks at the bytes behind it, and once', () => {
  const listener = (...listener_filters: JsonObject[]) => listenerJson('l', 1, tcpJson(), { listener_filters });
  const taken = accept<Listener>(LISTENER, listener(proxyFilter({ disallowed_versions: ['V1'] }), INSPECTOR));
  assert.deepEqual(taken.proxyProtocol, { allowWithout: false, disallowedVersions: [1], statPrefix: '' });
  assert.equal(taken.inspectTls, true);
  assert.equal(accept<Listener>(LISTENER, listener(INSPECTOR)).proxyProtocol, null);
  assert.match(
    refusals(LISTENER, listener(INSPECTOR, proxyFilter())).join('\n'),
    /listener_filters\[0\]: before the PROXY/,
  );
  assert.match(
    refusals(LISTENER, listener(proxyFilter(), proxyFilter())).join('\n'),
    /listener_filters\[1\]: a second/,
  );
  assert.match(
    refusals(LISTENER, listener(proxyFilter({ rules: [{ tlv_type: 1 }] }))).join('\n'),
    /listener_filters\[0\]\.typed_config\.rules: /,
  );
});

test('towards an upstream the header stands before TLS or plain bytes', () => {
  const socket = (inner: JsonObject, config: JsonObject = {}) => ({
    transport_socket: {
      name: 'p',
      typed_config: {
        '@type': `${TYPE}envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport`,
        config,
        transport_socket: inner,
      },
    },
  });
  const plain = {
    name: 'r',
    typed_config: { '@type': `${TYPE}envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer` },
  };
  const tls = {
    name: 't',
    typed_config: { '@type': `${TYPE}envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext`, sni: 'a' },
  };
  const cluster = (inner: JsonObject, config?: JsonObject) =>
    accept<Cluster>(CLUSTER, clusterJson('a', socket(inner, config)));
  assert.equal(cluster(plain).proxyProtocol, 1);
  assert.equal(cluster(plain, { version: 'V2' }).proxyProtocol, 2);
  assert.equal(cluster(tls, { version: 'V2' }).tls?.sni, 'a');
  assert.equal(accept<Cluster>(CLUSTER, clusterJson('a')).proxyProtocol, null);
  assert.match(
    refusals(CLUSTER, clusterJson('a', socket(socket(plain).transport_socket))).join('\n'),
    /may not be a second PROXY header/,
  );
  assert.match(
    refusals(CLUSTER, clusterJson('a', socket(plain, { pass_through_tlvs: {} }))).join('\n'),
    /config\.pass_through_tlvs: /,
  );
});
