// Any, canonical bytes, JSON, scalars and service definitions.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { AnySchema, DurationSchema } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { ADS, ADS_PATH, serviceDefinition } from '../../proto/ads.ts';
import { ListenerSchema } from '../../proto/gen/envoy/config/listener/v3/listener_pb.ts';
import { FractionalPercentSchema } from '../../proto/gen/envoy/type/v3/percent_pb.ts';
import { IstioCertificateRequestSchema, IstioCertificateService } from '../../proto/gen/istio/v1/auth/ca_pb.ts';
import {
  encodeCanonical,
  fromProtoJson,
  packAny,
  schemaOf,
  toProtoJson,
  typeUrl,
  unpackAny,
  unpackAs,
} from '../../proto/registry.ts';
import { byTypeUrl, CLUSTER, ENDPOINT, LISTENER, RESOURCE_TYPES, ROUTE, SECRET } from '../../proto/resources.ts';
import {
  durationMs,
  durationProblem,
  fractionOf,
  structToPlain,
  toDuration,
  toTimestamp,
} from '../../proto/scalars.ts';

test('equal content gives equal bytes, whatever the order of map entries', () => {
  const one = { name: 'l', metadata: { filter_metadata: { b: { z: 1, a: { q: 1, b: [{ y: 1, x: 2 }] } }, a: {} } } };
  const other = { metadata: { filter_metadata: { a: {}, b: { a: { b: [{ x: 2, y: 1 }], q: 1 }, z: 1 } } }, name: 'l' };
  const bytes = (json: typeof one) =>
    Buffer.from(encodeCanonical(ListenerSchema, fromProtoJson(ListenerSchema, json))).toString('hex');
  assert.equal(bytes(one), bytes(other));
});

test('canonical bytes read back to the same message, which is not changed by it', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ minLength: 1 }), fc.dictionary(fc.string(), fc.integer())), (metadata) => {
      const message = create(ListenerSchema, { name: 'l', metadata: { filterMetadata: metadata } });
      const before = Buffer.from(toBinary(ListenerSchema, message));
      encodeCanonical(ListenerSchema, message);
      assert.deepEqual(Buffer.from(toBinary(ListenerSchema, message)), before);
    }),
    { numRuns: 50 },
  );
});

test('an Any opens by the name after the last slash', () => {
  const any = packAny(ListenerSchema, create(ListenerSchema, { name: 'x' }));
  assert.equal(any.typeUrl, 'type.googleapis.com/envoy.config.listener.v3.Listener');
  assert.equal(unpackAs(any, ListenerSchema)?.name, 'x');
  assert.equal(unpackAs(any, FractionalPercentSchema), null);
  assert.equal(
    unpackAny(create(AnySchema, { ...any, typeUrl: `example.com/a/${ListenerSchema.typeName}` }))?.schema.typeName,
    ListenerSchema.typeName,
  );
  assert.equal(unpackAny(create(AnySchema, { typeUrl: 'type.googleapis.com/no.such.Type' })), null);
  assert.equal(schemaOf(typeUrl(ListenerSchema)), ListenerSchema);
});

test('JSON reads both spellings and writes snake_case', () => {
  const message = fromProtoJson(ListenerSchema, { statPrefix: 'p', traffic_direction: 'INBOUND' });
  assert.deepEqual(toProtoJson(ListenerSchema, message), { stat_prefix: 'p', traffic_direction: 'INBOUND' });
});

test('resource types stand in order of delivery', () => {
  assert.deepEqual(RESOURCE_TYPES, [CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET]);
  assert.equal(byTypeUrl.get('type.googleapis.com/envoy.config.cluster.v3.Cluster'), CLUSTER);
  assert.deepEqual(
    RESOURCE_TYPES.filter(({ fullState }) => fullState),
    [CLUSTER, LISTENER],
  );
});

test('durations, timestamps, fractions', () => {
  assert.equal(durationMs(create(DurationSchema, { seconds: 1n, nanos: 500_000 })), 1000.5);
  assert.match(durationProblem(create(DurationSchema, { seconds: 1n, nanos: -1 })) ?? '', /different sign/);
  assert.match(durationProblem(create(DurationSchema, { seconds: 400_000_000_000n })) ?? '', /range/);
  assert.throws(() => durationMs(create(DurationSchema, { nanos: 2_000_000_000 })), RangeError);
  fc.assert(
    fc.property(fc.integer({ min: -1_000_000_000, max: 1_000_000_000 }), (ms) =>
      assert.equal(durationMs(toDuration(ms)), ms),
    ),
  );
  assert.deepEqual({ ...toTimestamp(1500) }.seconds, 1n);
  assert.equal(fractionOf(create(FractionalPercentSchema, { numerator: 30 })), 0.3);
  assert.equal(fractionOf(create(FractionalPercentSchema, { numerator: 20_000, denominator: 1 })), 1);
  assert.ok(Object.isFrozen(structToPlain({ a: { b: [1] } })['a']));
});

test('services become gRPC definitions; ADS moves raw bytes', () => {
  const { createCertificate } = serviceDefinition(IstioCertificateService);
  assert.equal(createCertificate.path, '/istio.v1.auth.IstioCertificateService/CreateCertificate');
  const request = create(IstioCertificateRequestSchema, { csr: 'pem' });
  assert.equal(createCertificate.requestDeserialize(createCertificate.requestSerialize(request)).csr, 'pem');
  const bytes = Buffer.from('x');
  assert.equal(ADS.streamAggregatedResources.requestSerialize(bytes), bytes);
  assert.equal(ADS.streamAggregatedResources.path, ADS_PATH);
});
