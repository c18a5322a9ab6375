// Who meets whom in the tests of TLS: an authority and a stranger's, a sidecar, the one friend it lets in; and
// the two doors, a strict listener and a cluster that speaks to that friend alone.

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect, type ConnectionOptions, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { openClient } from '../../mesh/client.ts';
import { makeLeaf, makeRoot, type Pair, type Root } from '../../mesh/pki.ts';
import { bootstrapText, startProxy, type TestProxy } from '../../mesh/proxy.ts';

export const OURS = 'spiffe://mesh.test/ns/default/sa/server';
export const FRIEND = 'spiffe://mesh.test/ns/default/sa/friend';
export const TLS = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3';
/** As discovery writes it for listeners: whoever is of the trust domain. */
export const OF_THE_MESH = '{san_type: URI, matcher: {prefix: "spiffe://mesh.test/"}}';
export const THE_FRIEND = `{san_type: URI, matcher: {exact: "${FRIEND}"}}`;
export const GET = 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n';

export interface Parties {
  readonly root: Root;
  readonly stranger: Root;
  readonly own: Pair;
  readonly friend: Pair;
}

export async function makeParties(): Promise<Parties> {
  const root = await makeRoot('mesh');
  return {
    root,
    stranger: await makeRoot('stranger'),
    own: await makeLeaf(root, { uris: [OURS] }),
    friend: await makeLeaf(root, { uris: [FRIEND] }),
  };
}

export interface ContextOptions {
  /** A YAML list's content. */
  readonly names?: string;
  readonly from?: 'TLSv1_2' | 'TLSv1_3';
  readonly to?: 'TLSv1_2' | 'TLSv1_3';
  readonly alpn?: readonly string[];
  /** What is trusted, PEM; the root of the mesh where nothing is said. */
  readonly ca?: string;
}

export const inline = (text: string) => `{inline_string: ${JSON.stringify(text)}}`;

function common({ own, root }: Parties, options: ContextOptions): string {
  const { names = THE_FRIEND, from = 'TLSv1_3', to = 'TLSv1_3', alpn = [], ca = root.cert } = options;
  return `common_tls_context: {tls_params: {tls_minimum_protocol_version: ${from}, tls_maximum_protocol_version: ${to}}, alpn_protocols: [${alpn.join(', ')}], tls_certificates: [{certificate_chain: ${inline(own.cert)}, private_key: ${inline(own.key)}}], validation_context: {trusted_ca: ${inline(ca)}, match_typed_subject_alt_names: [${names}]}}`;
}

/** Lines of a filter chain that lets nobody in without a certificate. */
export function strictListener(parties: Parties, options: ContextOptions = {}): string {
  return `transport_socket: {name: envoy.transport_sockets.tls, typed_config: {"@type": ${TLS}.DownstreamTlsContext, require_client_certificate: true, ${common(parties, options)}}}`;
}

/** Lines of a cluster. */
export function strictCluster(parties: Parties, options: ContextOptions = {}, connectTimeout = '2s'): string {
  return `connect_timeout: ${connectTimeout}\ntransport_socket: {name: envoy.transport_sockets.tls, typed_config: {"@type": ${TLS}.UpstreamTlsContext, ${common(parties, options)}}}`;
}

export interface Asked {
  /** '' where nothing came back. */
  readonly text: string;
  readonly sessions: readonly Buffer[];
  readonly reused: boolean;
  /** What the handshake or the connection failed with. */
  readonly error: string | null;
}

/** Sends a request over TLS and reads to the end. */
export function askTls(port: number, options: ConnectionOptions, request = GET): Promise<Asked> {
  const { promise, resolve } = Promise.withResolvers<Asked>();
  const sessions: Buffer[] = [];
  let text = '';
  let reused = false;
  let error: string | null = null;
  const to = { port, host: '127.0.0.1', rejectUnauthorized: false, servername: 'server' };
  const socket: TLSSocket = connect({ ...to, ...options });
  socket.on('session', (session: Buffer) => void sessions.push(session));
  socket.on('secureConnect', () => {
    reused = socket.isSessionReused();
    const session = socket.getProtocol() === 'TLSv1.2' ? socket.getSession() : undefined;
    if (session !== undefined) sessions.push(session);
    socket.write(request);
  });
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1');
  });
  socket.on('error', ({ code = '' }: NodeJS.ErrnoException) => {
    error = code;
  });
  socket.on('close', () => resolve({ text, sessions, reused, error }));
  return promise;
}

/** A server with that certificate, which asks its clients for theirs and answers `secret`. */
export async function tlsOrigin(pair: Pair, root: Root) {
  let reached = 0;
  let connections = 0;
  const http: Server = createServer((_request, response) => {
    reached++;
    response.end('secret');
  });
  const options = { cert: pair.cert, key: pair.key, ca: root.cert, requestCert: true, minVersion: 'TLSv1.3' } as const;
  const server = createTlsServer(options, (socket) => {
    connections++;
    http.emit('connection', socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    /** Requests that came. */
    reached: () => reached,
    connections: () => connections,
    close: () => void server.close(),
  };
}

export function proxyTo(parties: Parties, port: number, options: ContextOptions = {}, connectTimeout = '2s') {
  const cluster = { o1: strictCluster(parties, options, connectTimeout) };
  return startProxy(bootstrapText({ origins: { o1: port }, cluster }));
}

/** The answer that a client of the proxy gets. */
export async function askPlain(proxy: TestProxy): Promise<string> {
  const client = await openClient(proxy.port());
  await client.send(GET);
  return client.ended();
}

/** Who is on the other side is `pair`: the answer, and whether the request reached it. */
export async function through(parties: Parties, pair: Pair, options: ContextOptions = {}) {
  const origin = await tlsOrigin(pair, parties.root);
  const proxy = await proxyTo(parties, origin.port, options);
  const text = await askPlain(proxy);
  const { ssl } = proxy.stats.cluster('o1');
  await proxy.close();
  origin.close();
  return { text, reached: origin.reached(), ssl };
}
