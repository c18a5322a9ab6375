// The two gRPC ports: plaintext on loopback, and TLS with optional client certificates.

import { constants } from 'node:crypto';
import { logVerbosity, Server, ServerCredentials, type ServerOptions, setLogVerbosity } from '@grpc/grpc-js';
import type { ServingIdentity, ServingMaterial } from './ca/serving.ts';
import { type HostPort, printHostPort } from './config.ts';
import type { GrpcService } from './xds/server.ts';

// The library would print to stderr what is told as an error anyway.
if (process.env['GRPC_VERBOSITY'] === undefined) setLogVerbosity(logVerbosity.NONE);

export const SERVER_OPTIONS = {
  // Requests are small; a larger one is an accident or an attack.
  'grpc.max_receive_message_length': 4 * 1024 * 1024,
  'grpc.max_send_message_length': -1,
  // A client that vanished without a word is noticed within this time.
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 10_000,
} as const;

const NO_RESUMPTION = constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION;

export interface GrpcPort {
  readonly address: HostPort;
  readonly stop: () => void;
}

/** gRPC wraps the system's error; what is inside is what helps. */
function bindFailure(address: HostPort, error: Error, flag: string): string {
  const inner = /\[(.*)\]/.exec(error.message)?.[1] ?? error.message;
  return `cannot listen on ${printHostPort(address)}: ${inner}; choose another address with ${flag}`;
}

/** Throws with the address, and the flag that changes it, when it cannot be bound. */
export function openPort(
  address: HostPort,
  services: readonly GrpcService[],
  credentials: ServerCredentials,
  flag: string,
  options: ServerOptions = SERVER_OPTIONS,
): Promise<GrpcPort> {
  const server = new Server(options);
  for (const { definition, implementation } of services) server.addService(definition, implementation);
  return new Promise((resolve, reject) => {
    server.bindAsync(printHostPort(address), credentials, (error, port) => {
      if (error !== null) reject(new Error(bindFailure(address, error, flag)));
      else resolve({ address: { host: address.host, port }, stop: () => server.forceShutdown() });
    });
  });
}

export function plaintext(): ServerCredentials {
  return ServerCredentials.createInsecure();
}

/**
 * Client certificates are asked for and not required; an unverified one counts as none. No session is taken up
 * again: the certificate it was made with may have ended since, and nobody would look (decision 5).
 */
class MeshCredentials extends ServerCredentials {
  constructor({ material }: ServingIdentity) {
    super({ requestCert: true, rejectUnauthorized: false });
    this.#use(material.value);
    material.subscribe((next) => this.#use(next));
  }

  #use(material: ServingMaterial | null): void {
    this.updateSecureContextOptions(material === null ? null : { ...material, secureOptions: NO_RESUMPTION });
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}

export function tls(identity: ServingIdentity): ServerCredentials {
  return new MeshCredentials(identity);
}
