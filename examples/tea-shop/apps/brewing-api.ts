// The service of brewing.proto for both its ends, read at run time.

import { fileURLToPath } from 'node:url';
import { loadPackageDefinition, type ServiceClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const TEXT = fileURLToPath(new URL('brewing.proto', import.meta.url));

export interface GetRecipeRequest {
  readonly tea: string;
}

export interface Recipe {
  readonly celsius: number;
  readonly minutes: number;
  readonly instance: string;
  readonly caller: string;
  readonly self: string;
}

export interface Kettle {
  readonly celsius: number;
}

const loaded = loadPackageDefinition(loadSync(TEXT)) as unknown as {
  readonly fairlead: { readonly teashop: { readonly Brewing: ServiceClientConstructor } };
};

export const Brewing = loaded.fairlead.teashop.Brewing;
