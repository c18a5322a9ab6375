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

/** Fields and messages that the shipped copy (data-plane-api of 2024-07) does not have yet. */
const NEWER: ReadonlyMap<string, string> = new Map([
  ['envoy.service.discovery.v3.DiscoveryResponse.resource_errors', 'xDS TP3; data-plane-api 84e84367'],
  ['envoy.service.discovery.v3.DeltaDiscoveryResponse.resource_errors', 'xDS TP3; data-plane-api 84e84367'],
  ['envoy.service.discovery.v3.ResourceError', 'xDS TP3; data-plane-api 84e84367'],
  ['envoy.config.route.v3.CookieMatcher', 'data-plane-api 84e84367'],
  ['envoy.config.route.v3.RouteMatch.cookies', 'data-plane-api 84e84367'],
  ['envoy.config.route.v3.WeightedCluster.use_hash_policy', 'data-plane-api 84e84367'],
  ['envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext.auto_host_sni', 'data-plane-api 84e84367'],
  ['envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext.auto_sni_san_validation', 'data-plane-api 84e84367'],
]);

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
    if (
      (desc.kind !== 'message' && desc.kind !== 'enum') ||
      NOT_UPSTREAM.test(desc.typeName) ||
      NEWER.has(desc.typeName)
    )
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
  const ours = Object.fromEntries(desc.values.map(({ name, number }) => [name, number]));
  const theirs = Object.fromEntries(Object.entries(upstream.values ?? {}).filter(([name]) => name in ours));
  assert.deepEqual(ours, theirs, desc.typeName);
}

function compareMessage(desc: DescMessage, upstream: UpstreamType): void {
  for (const field of desc.fields) {
    const name = `${desc.typeName}.${field.name}`;
    if (NEWER.has(name)) continue;
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
  for (const name of NEWER.keys()) {
    const field = registry
      .getMessage(name.slice(0, name.lastIndexOf('.')))
      ?.fields.find((one) => name.endsWith(`.${one.name}`));
    assert.ok(registry.getMessage(name) ?? field, `${name} is not ours`);
    const parent = root.lookup(name.slice(0, name.lastIndexOf('.')));
    assert.ok(
      !root.lookup(name) && !parent?.fields?.[name.slice(name.lastIndexOf('.') + 1)],
      `${name} is upstream by now`,
    );
  }
});
