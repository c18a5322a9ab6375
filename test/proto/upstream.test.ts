// Our texts against the definitions shipped in @grpc/grpc-js-xds: every message, field name, number, type
// and label, and every enum value. What is newer than that copy is listed below with its source.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { test } from 'node:test';
import type { DescEnum, DescField, DescMessage } from '@bufbuild/protobuf';
import { ScalarType } from '@bufbuild/protobuf';
import { registry } from '../../proto/registry.ts';

/**
 * What the shipped copy (data-plane-api of 2024-07) does not have yet: fields and enum values by their
 * message or enum, whole types by themselves ('*'). The first three come from xDS TP3, the others are those of
 * Envoy 1.40.
 */
const NEWER: Readonly<Record<string, string>> = {
  'envoy.service.discovery.v3.DiscoveryResponse': 'resource_errors',
  'envoy.service.discovery.v3.DeltaDiscoveryResponse': 'resource_errors',
  'envoy.service.discovery.v3.ResourceError': '*',
  'envoy.admin.v3.ClientResourceStatus': 'RECEIVED_ERROR TIMEOUT',
  'envoy.config.accesslog.v3.ComparisonFilter.Op': 'NE',
  'envoy.config.bootstrap.v3.Admin': 'allow_paths',
  'envoy.config.cluster.v3.CircuitBreakers.Thresholds.RetryBudget': 'budget_interval',
  'envoy.config.cluster.v3.Cluster': 'dns_jitter per_connection_buffer_high_watermark_timeout transport_socket_matcher',
  'envoy.config.cluster.v3.OutlierDetection': 'detect_degraded_hosts',
  'envoy.config.core.v3.Http1ProtocolOptions': 'ignore_http_11_upgrade',
  'envoy.config.core.v3.HttpProtocolOptions': 'max_response_headers_kb max_connection_duration_jitter',
  'envoy.config.core.v3.SocketAddress': 'network_namespace_filepath',
  'envoy.config.endpoint.v3.Endpoint': 'observability_name',
  'envoy.config.listener.v3.Listener': 'tcp_keepalive per_connection_buffer_high_watermark_timeout',
  'envoy.config.route.v3.CookieMatcher': '*',
  'envoy.config.route.v3.DirectResponseAction': 'body_format',
  'envoy.config.route.v3.RedirectAction': 'path_rewrite',
  'envoy.config.route.v3.RetryPolicy': 'refresh_cluster_on_retry',
  'envoy.config.route.v3.Route': 'request_body_buffer_limit',
  'envoy.config.route.v3.RouteAction': 'path_rewrite host_rewrite flush_timeout',
  'envoy.config.route.v3.RouteAction.RequestMirrorPolicy': 'host_rewrite_literal',
  'envoy.config.route.v3.RouteConfiguration': 'vhost_header',
  'envoy.config.route.v3.RouteMatch': 'cookies',
  'envoy.config.route.v3.Tracing': 'operation upstream_operation',
  'envoy.config.route.v3.VirtualHost': 'request_body_buffer_limit',
  'envoy.config.route.v3.WeightedCluster': 'use_hash_policy',
  'envoy.extensions.filters.http.router.v3.Router': 'reject_connect_request_early_data',
  'envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector':
    'enable_ja4_fingerprinting close_connection_on_client_hello_parsing_errors max_client_hello_size',
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager':
    'http1_safe_max_connection_duration stream_flush_timeout forward_client_cert_matcher drain_timeout_jitter record_route_resolution_stats',
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.ForwardClientCertFormat': '*',
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.SetCurrentClientCertDetails':
    'format issuer',
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.Tracing':
    'operation upstream_operation no_context_propagation',
  'envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext': 'suppress_client_ca_list',
  'envoy.extensions.transport_sockets.tls.v3.CommonTlsContext': 'custom_tls_certificate_selector',
  'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext': 'prefer_client_ciphers',
  'envoy.extensions.transport_sockets.tls.v3.TlsParameters': 'compliance_policies',
  'envoy.extensions.transport_sockets.tls.v3.TlsParameters.CompliancePolicy': '*',
  'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext': 'auto_host_sni auto_sni_san_validation',
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': 'request_mirror_policies hash_policy retry_policy',
  'envoy.type.tracing.v3.CustomTag': 'value',
};

function isNewer(type: string, member = '*'): boolean {
  return NEWER[type]?.split(' ').includes(member) ?? false;
}

/** Ours, or of projects that the copy does not hold. */
const NOT_UPSTREAM = /^(?:fairlead|istio|grpc\.health|validate)\./;

interface UpstreamField {
  readonly id: number;
  readonly type: string;
  readonly repeated: boolean;
  readonly map: boolean;
  readonly keyType?: string;
  readonly partOf: { readonly name: string } | null;
  readonly resolvedType: { readonly fullName: string } | null;
  resolve(): UpstreamField;
}

interface UpstreamType {
  readonly fields?: Readonly<Record<string, UpstreamField>>;
  readonly values?: Readonly<Record<string, number>>;
}

interface Root {
  addJSON(nested: object): unknown;
  lookup(name: string): UpstreamType | null;
}

interface Protobuf {
  readonly Root: new () => Root;
  readonly common: { get(file: string): { nested: object } | null };
  parse(text: string, root: Root, options: object): { imports?: string[] };
}

const root = loadUpstream();

/** The files of the copy that mirror ours, with what they import, parsed by protobufjs (it comes with proto-loader). */
function loadUpstream(): Root {
  const require = createRequire(import.meta.url);
  const protobuf = createRequire(require.resolve('@grpc/proto-loader'))('protobufjs') as Protobuf;
  const loaded = new protobuf.Root();
  const seen = new Set<string>();
  const load = (file: string) => {
    if (seen.has(file)) return;
    seen.add(file);
    const known = protobuf.common.get(file);
    if (known !== null) loaded.addJSON(known.nested);
    const place = placeOf(file);
    if (place === undefined) return;
    for (const name of protobuf.parse(fs.readFileSync(place, 'utf8'), loaded, { keepCase: true }).imports ?? [])
      load(name);
  };
  for (const desc of registry) load(`${desc.file.name}.proto`);
  return loaded;
}

/** Undefined for what the copy leaves out. */
function placeOf(file: string): string | undefined {
  const deps = path.join(import.meta.dirname, '../../node_modules/@grpc/grpc-js-xds/deps');
  const places = ['envoy-api', 'xds', 'googleapis'].map((folder) => path.join(deps, folder, file));
  return places.find((place) => fs.existsSync(place));
}

test('every message and enum of ours is upstream, or listed as newer', () => {
  let compared = 0;
  for (const desc of registry) {
    if ((desc.kind !== 'message' && desc.kind !== 'enum') || NOT_UPSTREAM.test(desc.typeName) || isNewer(desc.typeName))
      continue;
    const upstream = root.lookup(desc.typeName);
    assert.ok(upstream, `${desc.typeName} is not upstream`);
    if (desc.kind === 'enum') compareEnum(desc, upstream);
    else compareMessage(desc, upstream);
    compared++;
  }
  assert.ok(compared > 500, `only ${compared} compared`);
});

function compareEnum(desc: DescEnum, upstream: UpstreamType): void {
  for (const { name, number } of desc.values) {
    if (!isNewer(desc.typeName, name)) assert.equal(number, upstream.values?.[name], `${desc.typeName}.${name}`);
  }
}

function compareMessage(desc: DescMessage, upstream: UpstreamType): void {
  for (const field of desc.fields) {
    const name = `${desc.typeName}.${field.name}`;
    if (isNewer(desc.typeName, field.name)) continue;
    const theirs = upstream.fields?.[field.name]?.resolve();
    assert.ok(theirs, `${name} is not upstream`);
    assert.equal(field.number, theirs.id, `number of ${name}`);
    assert.equal(typeOf(field), upstreamType(theirs), `type of ${name}`);
    assert.equal(field.oneof?.name ?? null, theirs.partOf?.name ?? null, `oneof of ${name}`);
  }
}

function typeOf(field: DescField): string {
  const single =
    field.message?.typeName ??
    field.enum?.typeName ??
    (field.scalar === undefined ? '?' : ScalarType[field.scalar].toLowerCase());
  if (field.fieldKind === 'map') return `map<${ScalarType[field.mapKey].toLowerCase()}, ${single}>`;
  return field.fieldKind === 'list' ? `repeated ${single}` : single;
}

function upstreamType(field: UpstreamField): string {
  const single = field.resolvedType?.fullName.slice(1) ?? field.type;
  if (field.map) return `map<${field.keyType}, ${single}>`;
  return field.repeated ? `repeated ${single}` : single;
}

test('what is listed as newer is really there, and really newer', () => {
  for (const [type, members] of Object.entries(NEWER)) {
    const upstream = root.lookup(type);
    if (members === '*') assert.equal(upstream, null, `${type} is upstream by now`);
    const ours: readonly string[] = membersOf(type);
    for (const member of members === '*' ? [] : members.split(' ')) {
      assert.ok(ours.includes(member), `${type}.${member} is not ours`);
      assert.ok(
        !upstream?.fields?.[member] && upstream?.values?.[member] === undefined,
        `${type}.${member} is upstream by now`,
      );
    }
  }
});

function membersOf(type: string): string[] {
  const message = registry.getMessage(type)?.fields ?? registry.getEnum(type)?.values;
  assert.ok(message, `${type} is not ours`);
  return message.map(({ name }) => name);
}
