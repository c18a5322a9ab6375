// Accepting: listening sockets, and TLS on accepted ones. The TLS server never listens itself; it is given
// sockets whose first bytes have been looked at already, and its context is replaced on rotation.

import { createServer, type Server, type Socket } from 'node:net';
import type { Server as TlsServer, TLSSocket } from 'node:tls';
import { nodeTls } from '../../core/node-tls.ts';
import type { TlsFault } from '../model/peer.ts';
import type { DownstreamTls } from '../model/tls.ts';
import type { TlsFacts } from '../telemetry/facts.ts';
import type { Certificate } from '../../core/certificate.ts';
import {
  contextOptions,
  identityFault,
  leafOf,
  peerCertificate,
  RESUMED,
  type TlsMaterial,
  tlsFacts,
  untrusted,
} from './tls.ts';

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly backlog: number;
  readonly reusePort: boolean;
  /** An IPv6 wildcard takes IPv4 connections as well. */
  readonly ipv4Compat: boolean;
}

/** A listening socket; rejects with the operating system's error where it cannot be bound. */
export function listen(options: ListenOptions, onConnection: (socket: Socket) => void): Promise<Server> {
  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: false }, onConnection);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const { host, port, backlog, reusePort, ipv4Compat } = options;
    server.listen({ host, port, backlog, reusePort, ipv6Only: host.includes(':') && !ipv4Compat }, () => {
      server.removeListener('error', reject);
      resolve(server);
    });
  });
}

/** From accept to the end of the handshake, where the chain says nothing: Envoy has no limit then, and Node two minutes. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

export interface TlsHandler {
  onSecure(socket: TLSSocket, facts: TlsFacts, serverName: string | null): void;
  /** The handshake failed or the peer is not who it must be; the socket is gone. */
  onRefused(fault: TlsFault): void;
  /** The handshake did not end in time; the socket is gone. */
  onTimeout(): void;
}

export interface TlsSettings {
  readonly tls: DownstreamTls;
  /** 0: not said. */
  readonly transportSocketConnectTimeoutMs: number;
}

export class TlsAcceptor {
  #server: TlsServer | null = null;
  #material: TlsMaterial | null = null;
  #local: Certificate | null = null;
  readonly #tls: DownstreamTls;
  readonly #timeoutMs: number;
  readonly #handler: TlsHandler;

  constructor(settings: TlsSettings, handler: TlsHandler) {
    this.#tls = settings.tls;
    this.#timeoutMs = settings.transportSocketConnectTimeoutMs || HANDSHAKE_TIMEOUT_MS;
    this.#handler = handler;
  }

  /** Takes new material; open connections live on. Throws OpenSSL's error and keeps what there is. */
  use(material: TlsMaterial): void {
    const options = contextOptions(material);
    const local = material.certificates[0] === undefined ? null : leafOf(material.certificates[0].chain);
    if (this.#server === null) this.#server = this.#create(material, options);
    else this.#server.setSecureContext(options);
    this.#material = material;
    this.#local = local;
  }

  #create(material: TlsMaterial, options: ReturnType<typeof contextOptions>): TlsServer {
    const { validation } = material;
    const strict = validation?.trustedCa != null && !validation.acceptUntrusted;
    const server = nodeTls().createServer({
      ...options,
      allowHalfOpen: true,
      requestCert: validation !== null || this.#tls.requireClientCertificate,
      rejectUnauthorized: this.#tls.requireClientCertificate && strict,
      handshakeTimeout: this.#timeoutMs,
      ...(this.#tls.alpn.length > 0 ? { ALPNProtocols: [...this.#tls.alpn] } : {}),
    });
    server.on('secureConnection', (socket) => this.#onSecure(socket));
    server.on('tlsClientError', (error, socket) => {
      socket.destroy();
      if ((error as NodeJS.ErrnoException).code === 'ERR_TLS_HANDSHAKE_TIMEOUT') this.#handler.onTimeout();
      else this.#handler.onRefused(handshakeFault(error, socket));
    });
    return server;
  }

  /** Starts the handshake. Without material the connection is closed: nobody is let in unchecked. */
  accept(socket: Socket): void {
    if (this.#server === null) {
      socket.destroy();
      this.#handler.onRefused(broken('the certificate has not arrived yet'));
      return;
    }
    this.#server.emit('connection', socket);
  }

  #onSecure(socket: TLSSocket): void {
    // A fatal alert of the peer arrives as an error, and nobody reads the socket yet.
    socket.on('error', () => socket.destroy());
    const peer = peerCertificate(socket);
    const fault = this.#faultOf(socket, peer);
    if (fault !== null) {
      socket.destroy();
      this.#handler.onRefused(fault);
      return;
    }
    const serverName = typeof socket.servername === 'string' && socket.servername !== '' ? socket.servername : null;
    this.#handler.onSecure(socket, tlsFacts(socket, peer, peer !== null && socket.authorized, this.#local), serverName);
  }

  #faultOf(socket: TLSSocket, peer: Certificate | null): TlsFault | null {
    if (socket.isSessionReused()) return RESUMED;
    if (this.#tls.requireSni && !socket.servername) return broken('the client sent no server name');
    if (peer === null) return this.#tls.requireClientCertificate ? NO_CERTIFICATE : null;
    const chainError = socket.authorized ? null : String(socket.authorizationError);
    return identityFault(this.#material?.validation ?? null, peer, chainError);
  }
}

const NO_CERTIFICATE: TlsFault = { counted: 'fail_verify_no_cert', reason: 'the client sent no certificate' };

function broken(reason: string): TlsFault {
  return { counted: 'connection_error', reason };
}

/** Node ends a connection whose chain it does not trust without an error; the verdict stands at the socket. */
function handshakeFault(error: Error, { authorizationError }: TLSSocket): TlsFault {
  if ((error as NodeJS.ErrnoException).code === 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE') return NO_CERTIFICATE;
  return authorizationError ? untrusted(String(authorizationError)) : broken(error.message);
}
