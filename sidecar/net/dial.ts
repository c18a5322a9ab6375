// Opens one connection to an upstream: TCP, then TLS where the cluster says so, within one deadline. The
// peer's identity is checked before a byte of a request is written.

import { connect, isIP, type Socket } from 'node:net';
import type { ConnectionOptions, SecureContext, TLSSocket } from 'node:tls';
import { isPipe, pipePath } from '../../core/addresses.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import { nodeTls } from '../../core/node-tls.ts';
import { FAILURE, ProxyError, reasonOf } from '../errors.ts';
import type { ValidationContext } from '../model/secret.ts';
import type { TlsStats } from '../telemetry/cells/tls.ts';
import type { TlsFacts } from '../telemetry/facts.ts';
import type { Certificate } from '../../core/certificate.ts';
import { type ProxyAddresses, type ProxyVersion, writeProxyHeader } from './proxy-protocol.ts';
import { identityFault, peerCertificate, RESUMED, tlsFacts } from './tls.ts';

export interface DialTls {
  readonly context: SecureContext;
  readonly validation: ValidationContext | null;
  /** '' sends none. */
  readonly serverName: string;
  readonly alpn: readonly string[];
  readonly local: Certificate | null;
  readonly stats: TlsStats;
}

export interface DialTarget {
  /** An IP address, or a Unix socket (core/addresses.ts). */
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
  readonly tls: DialTls | null;
  readonly bind: { readonly host: string; readonly port: number } | null;
  readonly keepAliveSeconds: number | null;
  /** What is written before everything else; null: nothing. */
  readonly preface: Preface | null;
}

/** A PROXY header. */
export interface Preface {
  readonly version: ProxyVersion;
  /** null: the ends of this very connection. */
  readonly addresses: ProxyAddresses | null;
}

/** Where the bytes of a dialled connection are read from. */
export interface Incoming {
  /** The memory of every read of any connection: what is handed over lies in it, to be used or copied at once. */
  readonly lent: Buffer | null;
  onBytes(take: (bytes: Buffer) => void): void;
}

export interface Dialled {
  onConnected(socket: Socket, incoming: Incoming, tls: TlsFacts | null): void;
  onFailed(error: ProxyError): void;
}

/** Every plain connection reads into it: no memory is asked for per read. */
const LENT = Buffer.allocUnsafeSlow(64 * 1024);

class LentBytes implements Incoming {
  readonly lent = LENT;
  #take: ((bytes: Buffer) => void) | null = null;

  onBytes(take: (bytes: Buffer) => void): void {
    this.#take = take;
  }

  readonly reader = {
    buffer: LENT,
    callback: (size: number) => {
      this.#take?.(LENT.subarray(0, size));
      return true;
    },
  };
}

/** Every read has memory of its own. */
export class OwnBytes implements Incoming {
  readonly lent = null;
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  onBytes(take: (bytes: Buffer) => void): void {
    this.#socket.on('data', take);
  }
}

/** Starts connecting; exactly one of the callbacks follows, unless the returned stop is called first. */
export function dial(target: DialTarget, clock: Clock, dialled: Dialled): () => void {
  // What is said before TLS begins takes a socket of its own, on which TLS is put later.
  const lent = target.tls === null || target.preface === null ? new LentBytes() : null;
  const attempt = new Attempt(open(target, lent), lent, target, clock, dialled);
  return () => attempt.stop();
}

/** With TLS at once, where nothing comes before it. */
function open(target: DialTarget, lent: LentBytes | null): Socket {
  const options = {
    ...(lent === null ? {} : { onread: lent.reader }),
    ...placeOf(target),
    allowHalfOpen: true,
    noDelay: true,
    ...(target.keepAliveSeconds === null
      ? {}
      : { keepAlive: true, keepAliveInitialDelay: target.keepAliveSeconds * 1000 }),
  };
  if (target.tls === null || lent === null) return connect(options);
  return nodeTls().connect({ ...options, ...tlsOptions(target.tls) });
}

/** A bind address is one of IP: towards a Unix socket it says nothing. */
function placeOf({ host, port, bind }: DialTarget) {
  if (isPipe(host)) return { path: pipePath(host) };
  return { host, port, ...(bind === null ? {} : { localAddress: bind.host, localPort: bind.port }) };
}

function tlsOptions(tls: DialTls): ConnectionOptions {
  return {
    secureContext: tls.context,
    ...(tls.serverName !== '' && isIP(tls.serverName) === 0 ? { servername: tls.serverName } : {}),
    ...(tls.alpn.length > 0 ? { ALPNProtocols: [...tls.alpn] } : {}),
    // The chain's verdict is read and judged below together with the names; Node's own check of names
    // knows only DNS, and on a resumed session none at all.
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  };
}

/** A timer that comes so late says that the thread did not run. */
const STARVED_MS = 50;

class Attempt {
  #socket: Socket;
  #done = false;
  #timer: Timer | null = null;
  #dueMs = 0;
  #extended = false;
  readonly #clock: Clock;
  readonly #lent: LentBytes | null;
  readonly #target: DialTarget;
  readonly #dialled: Dialled;

  constructor(socket: Socket, lent: LentBytes | null, target: DialTarget, clock: Clock, dialled: Dialled) {
    this.#socket = socket;
    this.#lent = lent;
    this.#target = target;
    this.#dialled = dialled;
    this.#clock = clock;
    this.#waitFor(target.timeoutMs);
    socket.once('error', this.#onError);
    if (target.tls !== null && lent !== null) this.#awaitTls(socket as TLSSocket, target.tls);
    else socket.once('connect', () => this.#onConnect());
  }

  /** TLS that was begun with the connection. */
  #awaitTls(secure: TLSSocket, tls: DialTls): void {
    const { keepAliveSeconds } = this.#target;
    // A TLS socket does not hand these on.
    secure.once('connect', () => {
      secure.setNoDelay(true);
      if (keepAliveSeconds !== null) secure.setKeepAlive(true, keepAliveSeconds * 1000);
    });
    this.#followTls(secure, tls);
  }

  #followTls(secure: TLSSocket, tls: DialTls): void {
    secure.once('close', () =>
      this.#fail(new ProxyError(FAILURE.connectFailure, { context: 'closed during the TLS handshake' })),
    );
    secure.once('secureConnect', () => this.#onSecure(secure, tls));
  }

  /**
   * A thread that was kept from running finds its timers due before it has read what came meanwhile: the
   * connection may be there. One look at the sockets comes before it is given up; and where much of the time
   * was not ours to use, a handshake gets as much again, once.
   */
  #onLate(): void {
    const late = this.#clock.now() - this.#dueMs;
    if (late > STARVED_MS && !this.#extended) {
      this.#extended = true;
      this.#waitFor(Math.min(late, this.#target.timeoutMs));
      return;
    }
    setImmediate(() => this.#fail(new ProxyError(FAILURE.connectTimeout)));
  }

  #waitFor(ms: number): void {
    this.#dueMs = this.#clock.now() + ms;
    this.#timer = this.#clock.after(ms, () => this.#onLate());
  }

  readonly #onError = (error: Error) => {
    // A refusal is another error: this one says that the connection came about and was reset at once.
    if (this.#target.tls === null && (error as NodeJS.ErrnoException).code === 'ECONNRESET') {
      this.#fail(new ProxyError(FAILURE.closedAtOnce, { cause: error, context: reasonOf(error) }));
      return;
    }
    const { tls } = this.#target;
    const failed = tls !== null && isTlsError(error);
    if (failed && !this.#done) tls.stats.connection_error++;
    const prefix = failed ? 'TLS_error: ' : '';
    this.#fail(new ProxyError(FAILURE.connectFailure, { cause: error, context: `${prefix}${reasonOf(error)}` }));
  };

  #onConnect(): void {
    if (this.#done) return;
    const { tls, preface } = this.#target;
    if (preface !== null) this.#socket.write(writeProxyHeader(preface.version, preface.addresses ?? this.#ends()));
    if (tls === null) this.#succeed(null);
    else this.#startTls(tls);
  }

  #ends(): ProxyAddresses {
    const { localAddress = '', localPort = 0, remoteAddress = '', remotePort = 0 } = this.#socket;
    return {
      source: { host: localAddress, port: localPort },
      destination: { host: remoteAddress, port: remotePort },
    };
  }

  #startTls(tls: DialTls): void {
    const secure = nodeTls().connect({ socket: this.#socket, ...tlsOptions(tls) });
    this.#socket.removeListener('error', this.#onError);
    this.#socket.on('error', () => secure.destroy());
    this.#socket = secure;
    secure.once('error', this.#onError);
    this.#followTls(secure, tls);
  }

  #onSecure(secure: TLSSocket, tls: DialTls): void {
    if (this.#done) return;
    const peer = peerCertificate(secure);
    const chainError = secure.authorized ? null : String(secure.authorizationError);
    const fault = secure.isSessionReused() ? RESUMED : identityFault(tls.validation, peer, chainError);
    if (fault !== null) {
      tls.stats[fault.counted]++;
      this.#fail(new ProxyError(FAILURE.connectFailure, { context: `TLS_error: ${fault.reason}` }));
      return;
    }
    tls.stats.handshake++;
    if (peer === null) tls.stats.no_certificate++;
    this.#succeed(tlsFacts(secure, peer, secure.authorized, tls.local));
  }

  #succeed(facts: TlsFacts | null): void {
    this.#done = true;
    this.#timer?.cancel();
    this.#socket.removeListener('error', this.#onError);
    this.#dialled.onConnected(this.#socket, this.#lent ?? new OwnBytes(this.#socket), facts);
  }

  #fail(error: ProxyError): void {
    if (this.#done) return;
    this.stop();
    this.#dialled.onFailed(error);
  }

  stop(): void {
    this.#done = true;
    this.#timer?.cancel();
    // An error after this has no reader any more, and needs none: the attempt is over.
    this.#socket.on('error', () => {});
    this.#socket.destroy();
  }
}

/** Node names OpenSSL's errors ERR_SSL_* and verification errors by their reason. */
export function isTlsError(error: Error): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return code.startsWith('ERR_SSL') || code.startsWith('ERR_TLS') || code === 'EPROTO';
}
