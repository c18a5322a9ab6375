// A gRPC service that needs no .proto: it answers with its own name.

import type { ServiceDefinition } from '@grpc/grpc-js';

const same = (bytes: Buffer) => bytes;

function unaryMethod(path: string) {
  return {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}

export const ECHO = {
  say: unaryMethod('/test.Echo/Say'),
  shout: unaryMethod('/test.Echo/Shout'),
} as const satisfies ServiceDefinition;
