// The service of greeter.proto for both ends, read at run time.

import { fileURLToPath } from 'node:url';
import { loadPackageDefinition, type ServiceClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const TEXT = fileURLToPath(new URL('greeter.proto', import.meta.url));

export interface GreetRequest {
  readonly name: string;
}

export interface GreetResponse {
  readonly text: string;
  readonly from: string;
}

const loaded = loadPackageDefinition(loadSync(TEXT)) as unknown as {
  readonly fairlead: { readonly examples: { readonly Greeter: ServiceClientConstructor } };
};

export const Greeter = loaded.fairlead.examples.Greeter;
