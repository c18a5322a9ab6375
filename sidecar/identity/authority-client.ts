// Calls to the certificate authority and the registry, which are both discovery's: over TLS by the root
// that the operator gave us, proving who we are by our certificate, or by the join token while we have none.

import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { type ChannelCredentials, Client, credentials, Metadata, type MethodDefinition } from '@grpc/grpc-js';
import type { KeyPair } from './key-pair.ts';

export interface AuthorityAddress {
  readonly target: string;
  /** PEM file of the root by which discovery is recognised; null: plaintext. */
  readonly rootFile: string | null;
  /** File of the join token; read at each use, so that it may be replaced. */
  readonly tokenFile: string | null;
}

/** Discovery's certificate carries this name whatever its address; the root says whose discovery it is. */
export const AUTHORITY_NAME = 'discovery';
/** A call that discovery does not answer within this is given up. */
const CALL_TIMEOUT_MS = 10_000;

/** One call on a connection of its own: calls are rare, and credentials change in between. Rejects with the status. */
export function call<Request, Response>(
  address: AuthorityAddress,
  method: MethodDefinition<Request, Response>,
  request: Request,
  own: KeyPair | null,
): Promise<Response> {
  const client = new Client(address.target, channelCredentials(address, own), {
    'grpc.ssl_target_name_override': AUTHORITY_NAME,
  });
  const metadata = new Metadata();
  const token = own === null ? readToken(address) : null;
  if (token !== null) metadata.set('authorization', `Bearer ${token}`);
  const deadline = Date.now() + CALL_TIMEOUT_MS;
  return new Promise<Response>((resolve, reject) => {
    client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      metadata,
      { deadline },
      (error, response) => {
        client.close();
        if (error !== null || response === undefined) reject(error ?? new Error('an empty answer'));
        else resolve(response);
      },
    );
  });
}

function channelCredentials({ rootFile }: AuthorityAddress, own: KeyPair | null): ChannelCredentials {
  if (rootFile === null) return credentials.createInsecure();
  const context = createSecureContext({
    minVersion: 'TLSv1.3',
    ca: readFileSync(rootFile),
    ...(own === null ? {} : { cert: own.chain, key: own.privateKey }),
  });
  return credentials.createFromSecureContext(context, { rejectUnauthorized: true });
}

function readToken({ tokenFile }: AuthorityAddress): string | null {
  return tokenFile === null ? null : readFileSync(tokenFile, 'utf8').trim();
}
