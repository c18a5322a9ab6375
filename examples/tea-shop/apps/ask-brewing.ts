// web's calls to brewing: gRPC to the sidecar at $MESH, which finds the service by the name in :authority.

import {
  type Client,
  type ClientReadableStream,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { Brewing, type GetRecipeRequest, type Kettle, type Recipe } from './brewing-api.ts';

type BrewingClient = Client & {
  getRecipe(
    request: GetRecipeRequest,
    metadata: Metadata,
    options: { readonly deadline: number },
    done: (error: ServiceError | null, recipe?: Recipe) => void,
  ): void;
  watchKettle(request: object, metadata: Metadata): ClientReadableStream<Kettle>;
};

type Headers = Readonly<Record<string, string>>;

/** Goes along in grpc-timeout: sidecars on the way hold to it too. */
const DEADLINE_MS = 2000;

const client = new Brewing(
  new URL(process.env['MESH'] ?? 'http://127.0.0.1:15001').host,
  credentials.createInsecure(),
  // Whatever proxy this machine has for the web, the sidecar is asked without it.
  { 'grpc.default_authority': 'brewing', 'grpc.enable_http_proxy': 0 },
) as unknown as BrewingClient;

function metadataOf(headers: Headers): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return metadata;
}

/** null: no tea has the name. */
export function recipeOf(tea: string, headers: Headers): Promise<Recipe | null> {
  return new Promise((resolve, reject) => {
    client.getRecipe({ tea }, metadataOf(headers), { deadline: Date.now() + DEADLINE_MS }, (error, recipe) => {
      if (error !== null && error.code !== status.NOT_FOUND) reject(error);
      else resolve(recipe ?? null);
    });
  });
}

/** Tells until it is told to stop, which is what it returns; `ended` where the stream ends by itself. */
export function watchKettle(headers: Headers, tell: (kettle: Kettle) => void, ended: () => void): () => void {
  const call = client.watchKettle({}, metadataOf(headers));
  call.on('data', tell);
  call.on('error', (error: ServiceError) => {
    if (error.code !== status.CANCELLED) process.stdout.write(`the kettle is out of sight: ${error.message}\n`);
    ended();
  });
  call.on('end', ended);
  return () => call.cancel();
}
