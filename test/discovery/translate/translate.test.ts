import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, fromBinary, type JsonObject } from '@bufbuild/protobuf';
import { readConfig } from '../../../core/config-file.ts';
import { mergeCatalog } from '../../../discovery/catalog/catalog.ts';
import { readMesh } from '../../../discovery/catalog/mesh-documents.ts';
import { share } from '../../../discovery/catalog/share.ts';
import type { Catalog, Instance } from '../../../discovery/catalog/types.ts';
import { describeNode, parseSidecarId } from '../../../discovery/translate/node.ts';
import type { EncodedResource } from '../../../discovery/translate/resource.ts';
import { translator } from '../../../discovery/translate/translate.ts';
import { NodeSchema } from '../../../proto/gen/envoy/config/core/v3/base_pb.ts';
import { toProtoJson } from '../../../proto/registry.ts';
import { decodeBytes } from '../../../sidecar/xds/decode/resource.ts';

const SECRETS = { bundle: { pem: '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n' }, own: null };
const MESH = `
services:
  web: {port: 80, upstreams: [{service: catalog, port: 9100}, {service: store, port: 9200}]}
  catalog:
    port: 9000
    instances:
      - {name: c1, address: 127.0.0.1, port: 15006, appPort: 9001, version: v1, zone: a, weight: 3}
      - {name: c2, address: 127.0.0.2, port: 15006, appPort: 9001, version: v2, zone: b}
    allow: [web]
    traffic: {limits: {requests: 7}, outlierDetection: {consecutive5xx: 3}}
  plain: {port: 81, instances: ['127.0.0.1:8181']}
  rpc: {port: 50051, protocol: grpc, instances: [{address: 127.0.0.1, port: 15006, appPort: 50051}]}
  h2: {port: 82, protocol: http2, instances: ['127.0.0.1:8182']}
  store: {port: 5432, protocol: tcp, instances: [{address: 127.0.0.1, port: 15006, appPort: 5433}], allow: [web], traffic: {idleTimeout: 5m, retry: {attempts: 1}}}
gateways: {edge: {listeners: [{name: http, port: 8080}]}}
routes:
  split: {parentRefs: [{kind: Service, name: catalog}], rules: [{backendRefs: [{name: catalog, version: v1, weight: 9}, {name: catalog, version: v2}]}]}
  edge: {parentRefs: [{name: edge}], rules: [{matches: [{path: {value: /}}, {path: {value: /shop/}}, {path: {type: Exact, value: /x}}], backendRefs: [{name: web}]}]}
`;

function catalogOf(text: string): Catalog {
  const { part, errors } = readMesh(readConfig(text, 'm.yaml', {}).documents);
  assert.deepEqual(errors, []);
  return mergeCatalog(part, []);
}

function node(fairlead: JsonObject, more: { userAgentName?: string; cluster?: string; id?: string } = {}) {
  return describeNode(
    create(NodeSchema, { id: 'n', userAgentName: 'fairlead', ...more, metadata: { fairlead } }),
    false,
  );
}

const WEB = node({ service: 'web', app_port: 8080, features: ['identity'] });
const PLAIN_WEB = node({ service: 'web', app_port: 8080 });
const ENVOY = node({}, { userAgentName: 'envoy', cluster: 'web' });
const EDGE = node({ service: 'edge', kind: 'gateway', features: ['identity'] });
const GRPC = node({}, { userAgentName: 'gRPC C-core' });

function names(resources: readonly EncodedResource[], shortName: string): string[] {
  return resources.filter(({ type }) => type.shortName === shortName).map(({ name }) => name);
}

function json(resources: readonly EncodedResource[], name: string, shortName: string) {
  const found = resources.find((one) => one.name === name && one.type.shortName === shortName);
  assert.ok(found, `${shortName} ${name}`);
  return JSON.stringify(toProtoJson(found.type.schema, fromBinary(found.type.schema, found.bytes)));
}

const CATALOG = 'outbound|9000||catalog.default.svc.cluster.local';

test('a sidecar gets its listeners, tables, clusters, endpoints and roots', () => {
  const resources = translator()(catalogOf(MESH), SECRETS, WEB);
  assert.deepEqual(names(resources, 'LDS'), ['outbound', 'upstream|9100|catalog', 'upstream|9200|store', 'inbound']);
  assert.deepEqual(names(resources, 'RDS'), [
    'outbound',
    'service|9000||catalog.default.svc.cluster.local',
    'inbound|8080||web',
  ]);
  assert.deepEqual(names(resources, 'SDS'), ['ROOTCA']);
  assert.ok(names(resources, 'CDS').includes('outbound|9000|v2|catalog.default.svc.cluster.local'));
  assert.deepEqual(
    names(resources, 'EDS').sort(),
    names(resources, 'CDS')
      .filter((name) => name.startsWith('outbound'))
      .sort(),
  );
});

/** Protocol options and ALPN of a cluster. */
function spokenTo(text: string): readonly [string | undefined, string | undefined] {
  const options = /"(explicit_http_config":\{"[a-z0-9_]*|auto_config":\{.*?\}\})/.exec(text)?.[1];
  return [options, /"alpn_protocols":(\[[^\]]*\])/.exec(text)?.[1]];
}

test('between sidecars ALPN chooses, HTTP/2 first; elsewhere the port says', () => {
  const resources = translator()(catalogOf(MESH), SECRETS, WEB);
  const cluster = (name: string) => spokenTo(json(resources, `outbound|${name}.default.svc.cluster.local`, 'CDS'));
  const auto =
    'auto_config":{"http_protocol_options":{"enable_trailers":true},"http2_protocol_options":{"allow_connect":true}}';
  assert.deepEqual(cluster('9000||catalog'), [auto, '["h2","http/1.1"]']);
  assert.deepEqual(cluster('50051||rpc'), [auto, '["h2","http/1.1"]']);
  assert.deepEqual(cluster('81||plain'), ['explicit_http_config":{"http_protocol_options', undefined]);
  assert.deepEqual(cluster('82||h2'), ['explicit_http_config":{"http2_protocol_options', undefined]);
  assert.deepEqual(cluster('5432||store'), [undefined, undefined]);
  assert.equal(spokenTo(json(resources, 'inbound', 'LDS'))[1], '["h2","http/1.1"]');
  for (const [service, expected] of [
    ['catalog', 'http_protocol_options'],
    ['h2', 'http2_protocol_options'],
    ['rpc', 'http2_protocol_options'],
  ] as const) {
    const own = translator()(catalogOf(MESH), SECRETS, node({ service, app_port: 7, features: ['identity'] }));
    assert.equal(spokenTo(json(own, 'inbound|7||', 'CDS'))[0], `explicit_http_config":{"${expected}`, service);
  }
});

test("a gRPC call has its caller's time, other requests the usual", () => {
  const routes = json(translator()(catalogOf(MESH), SECRETS, WEB), 'outbound', 'RDS');
  const action = (cluster: string) => new RegExp(`"cluster":"outbound\\|${cluster}[^"]*","timeout":"0s".*?"max_stream`);
  assert.match(routes, action('50051'));
  assert.doesNotMatch(routes, action('81'));
});

test('gRPC calls are counted by method, on routes and at ports of gRPC alone', () => {
  const ON = /"typed_per_filter_config":\{"envoy\.filters\.http\.grpc_stats":\{[^}]*"config":\{\}/;
  const web = translator()(catalogOf(MESH), SECRETS, WEB);
  const hosts = json(web, 'outbound', 'RDS').split('"domains"');
  for (const [cluster, counted] of [
    ['50051', true],
    ['81', false],
    ['82', false],
  ] as const) {
    const host = hosts.find((text) => text.includes(`"cluster":"outbound|${cluster}|`)) ?? '';
    assert.equal(ON.test(host), counted, cluster);
  }
  const OFF = /grpc_stats","typed_config":\{[^}]*"stats_for_all_methods":true[^}]*\},"disabled":true/;
  assert.match(json(web, 'outbound', 'LDS'), OFF);
  const inbound = (service: string) =>
    json(
      translator()(catalogOf(MESH), SECRETS, node({ service, app_port: 7, features: ['identity'] })),
      'inbound',
      'LDS',
    );
  assert.match(
    inbound('rpc'),
    /rbac\.allow.*grpc_stats","typed_config":\{[^}]*"stats_for_all_methods":true[^}]*\}\}.*router/,
  );
  assert.ok(!inbound('catalog').includes('grpc_stats') && !inbound('h2').includes('grpc_stats'));
});

test('an undeclared port: HTTP and connections side by side, until something speaks of its requests', () => {
  const mesh = `services:
  web: {port: 80, protocol: http, upstreams: [{service: open, port: 9300}]}
  open: {port: 83, instances: [{address: 127.0.0.1, port: 15006, appPort: 83}], allow: [web]}
`;
  const OPEN = node({ service: 'open', app_port: 83, features: ['identity'] });
  const told = (text: string) => ({
    upstream: json(translator()(catalogOf(text), SECRETS, WEB), 'upstream|9300|open', 'LDS'),
    cluster: json(translator()(catalogOf(text), SECRETS, WEB), 'outbound|83||open.default.svc.cluster.local', 'CDS'),
    inbound: json(translator()(catalogOf(text), SECRETS, OPEN), 'inbound', 'LDS'),
  });
  const detected = told(mesh);
  for (const listener of [detected.upstream, told(`mesh: {mtls: DISABLE}\n${mesh}`).inbound]) {
    assert.match(
      listener,
      /"application_protocols":\["http\/1.0","http\/1.1","h2c"\].*http_connection_manager.*tcp_proxy/,
    );
    assert.match(
      listener,
      /http_inspector.*"listener_filters_timeout":"1s".*"continue_on_listener_filters_timeout":true/,
    );
  }
  assert.match(
    detected.inbound,
    /"alpn_protocols":\["h2","http\/1.1"\].*"mtls-http".*rbac\.allow".*tcp_proxy.*"mtls-tcp"/,
  );
  assert.ok(!detected.inbound.includes('http_inspector') && !detected.inbound.includes('raw_buffer'));
  // Requests and connections share the cluster: each pool offers its own.
  assert.match(detected.cluster, /auto_config/);
  assert.ok(!detected.cluster.includes('alpn_protocols'));
  const rule = (more: string) =>
    `${mesh}---\nkind: AuthorizationPolicy\nmetadata: {name: p}\nspec: {action: DENY, rules: [{to: [{paths: [/x]}]}]${more}}`;
  const speaking = [
    rule(', targetRefs: [{name: open}]'),
    rule(''),
    `${mesh}routes: {r: {parentRefs: [{kind: Service, name: open}], rules: [{backendRefs: [{name: open}]}]}}`,
    `${mesh}routes: {r: {hostnames: [a.test], rules: [{backendRefs: [{name: open}]}]}}`,
    mesh.replace('port: 83,', 'port: 83, protocol: http,'),
  ];
  for (const text of speaking) {
    const { upstream, cluster, inbound } = told(text);
    assert.ok(!upstream.includes('tcp_proxy') && !inbound.includes('tcp_proxy'), text);
    assert.match(cluster, /"alpn_protocols":\["h2","http\/1.1"\]/);
  }
});

const STORE = node({ service: 'store', app_port: 5433, features: ['identity'] });

test('a service of connections: a loopback port for callers, no host in tables, a chain of rules and TLS', () => {
  const catalog = catalogOf(MESH);
  const web = translator()(catalog, SECRETS, WEB);
  const outbound = json(web, 'upstream|9200|store', 'LDS');
  assert.match(outbound, /tcp_proxy.*"cluster":"outbound\|5432\|\|store/);
  assert.match(outbound, /"max_connect_attempts":2,"idle_timeout":"300s"/);
  assert.ok(!json(web, 'outbound', 'RDS').includes('store'));
  assert.ok(!translator()(catalog, SECRETS, GRPC).some(({ name }) => name.includes('store')));

  const own = translator()(catalog, SECRETS, STORE);
  const inbound = json(own, 'inbound', 'LDS');
  assert.match(inbound, /rbac\.allow.*"exact":"spiffe:\/\/cluster\.local\/ns\/default\/sa\/web".*tcp_proxy/);
  assert.match(inbound, /"require_client_certificate":true/);
  assert.ok(!inbound.includes('alpn') && !inbound.includes('raw_buffer'));
  assert.deepEqual(
    names(own, 'RDS').filter((name) => name.startsWith('inbound')),
    [],
  );
  const permissive = translator()(catalogOf(`mesh: {mtls: PERMISSIVE}\n${MESH}`), SECRETS, STORE);
  // A client that waits for a greeting sends nothing by which it could be told from one of TLS.
  assert.match(
    json(permissive, 'inbound', 'LDS'),
    /"listener_filters_timeout":"1s".*"continue_on_listener_filters_timeout":true/,
  );
});

test('what rules say of requests allows no connection, and keeps no denial from one', () => {
  const rules = (yaml: string) =>
    json(
      translator()(
        catalogOf(`${MESH}---\nkind: AuthorizationPolicy\nmetadata: {name: p}\nspec: ${yaml}`),
        SECRETS,
        STORE,
      ),
      'inbound',
      'LDS',
    );
  const web = '{from: [{service: web}], to: [{paths: [/x], methods: [GET]}]}';
  const allowed = rules(`{action: ALLOW, rules: [${web}, {from: [{service: catalog}], to: [{}]}]}`);
  assert.ok(!allowed.includes('p[0]') && allowed.includes('"p[1]"'), allowed);
  const denied = rules(`{action: DENY, rules: [${web}]}`);
  assert.match(denied, /rbac\.deny.*"p\[0\]":\{"permissions":\[\{"any":true\}\],"principals":\[\{"authenticated"/);
  assert.match(denied, /rbac\.deny.*rbac\.allow.*tcp_proxy/);
  const nobody = `services: {store: {port: 1, protocol: tcp}}\n---\nkind: AuthorizationPolicy\nmetadata: {name: p}\nspec: {rules: [${web.replace('web', 'store')}]}`;
  // Rules that are there and name nobody let nobody in.
  assert.match(
    json(translator()(catalogOf(nobody), SECRETS, STORE), 'inbound', 'LDS'),
    /rbac\.allow","typed_config":\{"rules":\{\},/,
  );
});

test('a gateway gets its listener and table, and nothing of a sidecar', () => {
  const resources = translator()(catalogOf(MESH), SECRETS, EDGE);
  assert.deepEqual(names(resources, 'LDS'), ['gateway|edge|http']);
  assert.deepEqual(names(resources, 'RDS'), ['gateway|edge|http']);
  const matches = [...json(resources, 'gateway|edge|http', 'RDS').matchAll(/"match":(\{[^}]*\})/g)].map(
    ([, match]) => match,
  );
  assert.deepEqual(matches, ['{"path":"/x"}', '{"path_separated_prefix":"/shop"}', '{"prefix":"/"}']);
});

test("a gRPC client gets a listener under every name, no TLS, and the applications' own ports", () => {
  const resources = translator()(catalogOf(MESH), SECRETS, GRPC);
  for (const name of ['rpc', 'rpc:50051', 'rpc.default.svc.cluster.local:50051'])
    assert.ok(names(resources, 'LDS').includes(name), name);
  assert.deepEqual(names(resources, 'SDS'), []);
  assert.match(json(resources, 'outbound|50051||rpc.default.svc.cluster.local', 'EDS'), /"port_value":50051/);
  assert.ok(!json(resources, CATALOG, 'CDS').includes('transport_socket'));
});

test('mutual TLS goes from who holds a certificate to what stands behind sidecars, with the exact identity', () => {
  const catalog = catalogOf(MESH);
  const secured = json(translator()(catalog, SECRETS, WEB), CATALOG, 'CDS');
  assert.match(secured, /"exact":"spiffe:\/\/cluster\.local\/ns\/default\/sa\/catalog"/);
  assert.match(secured, /"tls_minimum_protocol_version":"TLSv1_3","tls_maximum_protocol_version":"TLSv1_3"/);
  assert.ok(
    !json(translator()(catalog, SECRETS, WEB), 'outbound|81||plain.default.svc.cluster.local', 'CDS').includes(
      'transport_socket',
    ),
  );
  for (const plain of [PLAIN_WEB, ENVOY])
    assert.ok(!json(translator()(catalog, SECRETS, plain), CATALOG, 'CDS').includes('transport_socket'));
});

test('one instance behind a sidecar keeps the service secured', () => {
  const catalog = catalogOf(
    'services: {a: {port: 1, instances: [{address: 127.0.0.1, port: 2, appPort: 3}, {address: 127.0.0.1, port: 4}]}}',
  );
  assert.match(
    json(translator()(catalog, SECRETS, WEB), 'outbound|1||a.default.svc.cluster.local', 'CDS'),
    /transport_socket/,
  );
});

test('a strict service has no plain door: none for who holds no certificate, none beside TLS', () => {
  const catalog = catalogOf(MESH);
  assert.deepEqual(names(translator()(catalog, SECRETS, PLAIN_WEB), 'LDS'), [
    'outbound',
    'upstream|9100|catalog',
    'upstream|9200|store',
  ]);
  const strict = json(translator()(catalog, SECRETS, WEB), 'inbound', 'LDS');
  assert.match(strict, /"require_client_certificate":true/);
  assert.ok(!strict.includes('raw_buffer'));
  const permissive = json(translator()(catalogOf(`mesh: {mtls: PERMISSIVE}\n${MESH}`), SECRETS, WEB), 'inbound', 'LDS');
  assert.match(permissive, /tls_inspector/);
  assert.match(permissive, /"transport_protocol":"raw_buffer"/);
});

test('who may call stands in the table of the inbound listener', () => {
  const own = node({ service: 'catalog', app_port: 9001, features: ['identity'] });
  const table = json(translator()(catalogOf(MESH), SECRETS, own), 'inbound|9001||catalog', 'RDS');
  assert.match(table, /envoy\.filters\.http\.rbac\.allow.*"exact":"spiffe:\/\/cluster\.local\/ns\/default\/sa\/web"/);
  assert.ok(!json(translator()(catalogOf(MESH), SECRETS, WEB), 'inbound|8080||web', 'RDS').includes('principals'));
});

test("safer defaults are spelled in Envoy's fields", () => {
  const resources = translator()(catalogOf(MESH), SECRETS, WEB);
  const routes = json(resources, 'outbound', 'RDS');
  assert.match(
    routes,
    /"retry_on":"connect-failure,refused-stream,reset-before-request,gateway-error","num_retries":2/,
  );
  assert.match(routes, /previous_hosts/);
  assert.match(routes, /fairlead\.policy\.retry/);
  const plain = json(resources, 'outbound|81||plain.default.svc.cluster.local', 'CDS');
  assert.match(plain, /"retry_budget":\{"budget_percent":\{"value":20\},"min_retry_concurrency":3\}/);
  assert.match(plain, /"consecutive_gateway_failure":5/);
  assert.match(plain, /"connect_timeout":"1s"/);
  assert.match(json(resources, 'outbound', 'LDS'), /"normalize_path":true/);
});

test('one changed part encodes one resource again; the rest are the same objects', () => {
  const translate = translator();
  const before = catalogOf(MESH);
  const first = translate(before, SECRETS, WEB);
  assert.deepEqual(
    translate(before, SECRETS, WEB).map((one, i) => one === first[i]),
    first.map(() => true),
  );

  const more: Instance = { ...(before.instances.get('catalog')?.[0] as Instance), name: 'c3', port: 7 };
  const after = share(before, mergeCatalog(before, [more]));
  const changed = translate(after, SECRETS, WEB).filter((one, i) => one !== first[i]);
  assert.deepEqual(
    changed.map(({ type, name }) => `${type.shortName} ${name}`),
    [
      `EDS ${CATALOG}`,
      'EDS outbound|9000|v1|catalog.default.svc.cluster.local',
      'EDS outbound|9000|v2|catalog.default.svc.cluster.local',
    ],
  );
});

test('endpoints: one group per zone, weights, draining ones marked', () => {
  const catalog = mergeCatalog(catalogOf(MESH), [
    { ...(catalogOf(MESH).instances.get('catalog')?.[0] as Instance), status: 'draining' },
  ]);
  const text = json(translator()(catalog, SECRETS, WEB), CATALOG, 'EDS');
  assert.match(text, /"zone":"a".*"health_status":"DRAINING".*"load_balancing_weight":3.*"zone":"b"/);
});

test('everything that discovery sends is taken whole by our own sidecar', () => {
  for (const mode of ['STRICT', 'PERMISSIVE', 'DISABLE']) {
    const catalog = catalogOf(`mesh: {mtls: ${mode}, accessLog: stdout}\n${MESH}`);
    for (const one of [WEB, PLAIN_WEB, EDGE, STORE]) {
      for (const { type, name, bytes } of translator()(catalog, SECRETS, one)) {
        if (type.shortName === 'SDS') continue;
        const decoded = decodeBytes(type.schema, bytes, { allowUnsupported: false });
        assert.deepEqual(decoded.ok ? decoded.warnings : decoded.problems, [], `${mode} ${type.shortName} ${name}`);
      }
    }
  }
});

test('a node is known by its metadata, its cluster, or its id', () => {
  assert.deepEqual(parseSidecarId('sidecar~10.0.0.1~web.shop~shop.svc.cluster.local'), {
    service: 'web',
    namespace: 'shop',
  });
  assert.deepEqual(parseSidecarId('anything'), { service: '', namespace: 'default' });
  const described = describeNode(create(NodeSchema, { id: 'sidecar~10.0.0.1~web.shop~shop.svc.cluster.local' }), true);
  assert.deepEqual(
    [described.service, described.namespace, described.holdsCertificate, described.kind],
    ['web', 'shop', true, 'sidecar'],
  );
  assert.equal(node({ inbound_port: '16006' }).inboundPort, 16006);
  assert.equal(node({ inbound_port: 'x' }).inboundPort, 15006);
});
