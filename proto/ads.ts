// gRPC method definitions for both ends. ADS moves raw bytes, so that a resource is encoded once for all
// clients and decoded where it is judged; every other service is typed from its protobuf description.

import type { DescMessage, DescMethod, DescService, MessageShape } from '@bufbuild/protobuf';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import type { MethodDefinition } from '@grpc/grpc-js';

/** The methods of a service as @grpc/grpc-js wants them, for `server.addService` and `makeClientConstructor`. */
export type GrpcService<S extends DescService> = {
  readonly [K in keyof S['method']]: MethodDefinition<
    MessageShape<S['method'][K]['input']>,
    MessageShape<S['method'][K]['output']>
  >;
};

export const ADS_PATH = '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources';
export const DELTA_ADS_PATH = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';

const same = (bytes: Buffer): Buffer => bytes;

function rawStream(path: string): MethodDefinition<Buffer, Buffer> {
  return {
    path,
    requestStream: true,
    responseStream: true,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}

/** envoy.service.discovery.v3.AggregatedDiscoveryService over raw (encoded) messages. */
export const ADS = {
  streamAggregatedResources: rawStream(ADS_PATH),
  deltaAggregatedResources: rawStream(DELTA_ADS_PATH),
} as const;

/** A service's methods with messages in and out. */
export function serviceDefinition<S extends DescService>(service: S): GrpcService<S> {
  const methods = service.methods.map((method) => [method.localName, methodDefinition(service, method)]);
  return Object.fromEntries(methods) as GrpcService<S>;
}

function methodDefinition(service: DescService, method: DescMethod): MethodDefinition<unknown, unknown> {
  const request = serialiser(method.input);
  const response = serialiser(method.output);
  return {
    path: `/${service.typeName}/${method.name}`,
    requestStream: method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming',
    responseStream: method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming',
    requestSerialize: request.write,
    requestDeserialize: request.read,
    responseSerialize: response.write,
    responseDeserialize: response.read,
  };
}

function serialiser(schema: DescMessage) {
  return {
    write: (message: unknown): Buffer => {
      const bytes = toBinary(schema, message as MessageShape<typeof schema>);
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    },
    read: (bytes: Buffer): unknown => fromBinary(schema, bytes),
  };
}
