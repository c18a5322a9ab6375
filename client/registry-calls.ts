// The registry of discovery as three calls. Loads proto/fairlead/registry/v1 at run time, so that an
// integrator needs no generated code and sees the same text that any other gRPC client would be made from.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { fileURLToPath } from 'node:url';
import {
  type ChannelCredentials,
  type Client,
  type ClientOptions,
  credentials,
  loadPackageDefinition,
  Metadata,
  type ServiceClientConstructor,
} from '@grpc/grpc-js';
import { load } from '@grpc/proto-loader';

/** An instance as the wire carries it: '' and 0 stand for "not said". */
export interface WireInstance {
  readonly name: string;
  readonly service: string;
  readonly namespace: string;
  readonly address: string;
  readonly port: number;
  readonly appPort: number;
  readonly zone: string;
  readonly weight: number;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Lease {
  readonly id: string;
  readonly grantedSeconds: number;
}

export interface Registered {
  readonly lease: Lease;
  readonly instance: WireInstance;
}

/** Each rejects with the ServiceError of @grpc/grpc-js: a `code` and `details`. */
export interface RegistryCalls {
  register(instance: WireInstance, leaseSeconds: number): Promise<Registered>;
  renew(leaseId: string): Promise<Lease>;
  leave(leaseId: string): Promise<void>;
  close(): void;
}

export interface RegistryAddress {
  /** HOST:PORT. */
  readonly target: string;
  /** PEM file by which discovery is recognised; null: plaintext. */
  readonly rootFile: string | null;
  /** Asked before each call; null: none. */
  readonly token: (() => string) | null;
}

/** Discovery's certificate carries this name whatever its address; the root says whose discovery it is. */
const DISCOVERY_NAME = 'discovery';
/** A call that discovery does not answer within this is given up. */
const CALL_TIMEOUT_MS = 5000;
/** Waits between our own attempts are ours; the channel must not sleep longer than they do. */
const CHANNEL_BACKOFF: ClientOptions = {
  'grpc.initial_reconnect_backoff_ms': 200,
  'grpc.max_reconnect_backoff_ms': 2000,
};
const TEXT = 'proto/fairlead/registry/v1/registry.proto';

export async function openRegistry(address: RegistryAddress): Promise<RegistryCalls> {
  const Registry = registryOf(loadPackageDefinition(await load(protoFile(), { defaults: true })));
  const tlsName = address.rootFile === null ? {} : { 'grpc.ssl_target_name_override': DISCOVERY_NAME };
  const client = new Registry(address.target, await channelCredentials(address.rootFile), {
    ...CHANNEL_BACKOFF,
    ...tlsName,
  });
  const call = caller(client, address.token);
  return {
    register: (instance, leaseSeconds) => call<Registered>('register', { instance, leaseSeconds }),
    renew: async (leaseId) => (await call<{ lease: Lease }>('renew', { leaseId })).lease,
    leave: async (leaseId) => void (await call('leave', { leaseId })),
    close: () => client.close(),
  };
}

/** The text stands beside the sources; compiled, one folder further up. */
function protoFile(): string {
  const places = [`../${TEXT}`, `../../${TEXT}`].map((place) => fileURLToPath(new URL(place, import.meta.url)));
  const found = places.find((place) => existsSync(place));
  if (found === undefined) throw new Error(`${TEXT} is missing from the package`);
  return found;
}

function registryOf(definitions: ReturnType<typeof loadPackageDefinition>): ServiceClientConstructor {
  const { fairlead } = definitions as unknown as {
    readonly fairlead: { readonly registry: { readonly v1: { readonly Registry: ServiceClientConstructor } } };
  };
  return fairlead.registry.v1.Registry;
}

async function channelCredentials(rootFile: string | null): Promise<ChannelCredentials> {
  if (rootFile === null) return credentials.createInsecure();
  const context = createSecureContext({ minVersion: 'TLSv1.3', ca: await readFile(rootFile) });
  return credentials.createFromSecureContext(context, { rejectUnauthorized: true });
}

type Method = (
  request: unknown,
  metadata: Metadata,
  options: { readonly deadline: number },
  done: (error: Error | null, response: unknown) => void,
) => void;

function caller(client: Client, token: (() => string) | null) {
  const methods = client as unknown as Readonly<Record<string, Method>>;
  return <Response>(name: string, request: unknown): Promise<Response> =>
    new Promise((resolve, reject) => {
      const metadata = new Metadata();
      if (token !== null) metadata.set('authorization', `Bearer ${token().trim()}`);
      const deadline = Date.now() + CALL_TIMEOUT_MS;
      methods[name]?.call(client, request, metadata, { deadline }, (error, response) => {
        if (error !== null) reject(error);
        else resolve(response as Response);
      });
    });
}
