// Looks at the first bytes of a connection before a filter chain is chosen: the PROXY header of a balancer, which
// is taken off, then whether it is TLS and for which name, which is left where it is.

import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../core/clock.ts';
import type { ProxyProtocol } from '../model/listener.ts';
import { LONGEST_CLIENT_HELLO, sniff } from '../net/client-hello.ts';
import { type ProxyAddresses, type ProxyHeader, readProxyHeader } from '../net/proxy-protocol.ts';
import type { ProxyProtocolStats } from '../telemetry/cells/proxy-protocol.ts';

export interface ListenerFiltersWanted {
  readonly proxyProtocol: ProxyProtocol | null;
  readonly inspectTls: boolean;
  /** null: no PROXY header is read. */
  readonly stats: ProxyProtocolStats | null;
}

export interface Found {
  /** What a balancer says; null: the connection's own addresses. */
  readonly proxied: ProxyAddresses | null;
  /** null: not TLS, or not looked. */
  readonly tls: { readonly serverName: string; readonly alpn: readonly string[] } | null;
}

export const NOTHING_FOUND: Found = { proxied: null, tls: null };

/** Exactly one is called. */
export interface ListenerFiltersHandler {
  onFound(found: Found): void;
  /** No PROXY header, a bad one, or one of a version that is not allowed; the socket is to go. */
  onRefused(): void;
  /** With what was found until then. */
  onTimeout(found: Found): void;
  onGone(): void;
}

export class ListenerFilters {
  #seen: Buffer | null = null;
  #proxied: ProxyAddresses | null = null;
  #headerDone: boolean;
  #done = false;
  #timer: Timer | null = null;
  readonly #socket: Socket;
  readonly #wanted: ListenerFiltersWanted;
  readonly #handler: ListenerFiltersHandler;

  /** `timeoutMs` 0: none. */
  constructor(
    socket: Socket,
    wanted: ListenerFiltersWanted,
    timeoutMs: number,
    clock: Clock,
    handler: ListenerFiltersHandler,
  ) {
    this.#socket = socket;
    this.#wanted = wanted;
    this.#handler = handler;
    this.#headerDone = wanted.proxyProtocol === null;
    if (timeoutMs > 0) this.#timer = clock.after(timeoutMs, () => this.#onTimeout());
    socket.on('readable', this.#look);
    socket.once('close', this.#onGone);
    socket.once('end', this.#onGone);
  }

  readonly #look = (): void => {
    const bytes = this.#socket.read() as Buffer | null;
    if (bytes === null) return;
    this.#seen = this.#seen === null ? bytes : Buffer.concat([this.#seen, bytes]);
    if (!this.#headerDone && !this.#readHeader(this.#seen)) return;
    const { inspectTls } = this.#wanted;
    const rest = this.#seen;
    if (!inspectTls) this.#found(null);
    else if (rest !== null && rest.length > 0) this.#readHello(rest);
  };

  /** Whether one may go on behind it. */
  #readHeader(bytes: Buffer): boolean {
    const header = readProxyHeader(bytes);
    if (header.kind === 'more') return false;
    if (!this.#mayPass(header)) {
      this.#seen = null;
      if (this.#decide()) this.#handler.onRefused();
      return false;
    }
    this.#headerDone = true;
    if (header.kind !== 'found') return true;
    this.#proxied = header.addresses;
    this.#seen = bytes.length === header.length ? null : bytes.subarray(header.length);
    return true;
  }

  /** Counted as well. */
  #mayPass(header: Exclude<ProxyHeader, { kind: 'more' }>): boolean {
    const { proxyProtocol, stats } = this.#wanted;
    if (proxyProtocol === null || stats === null) return true;
    const { allowWithout, disallowedVersions } = proxyProtocol;
    if (header.kind === 'none') {
      stats[allowWithout ? 'not_found_allowed' : 'not_found_disallowed']++;
      return allowWithout;
    }
    const disallowed = disallowedVersions.includes(header.version);
    stats.versions[header.version][disallowed ? 'disallowed' : header.kind === 'bad' ? 'error' : 'found']++;
    return !disallowed && header.kind === 'found';
  }

  #readHello(bytes: Buffer): void {
    const sniffed = sniff(bytes);
    if (sniffed.kind === 'more' && bytes.length < LONGEST_CLIENT_HELLO) return;
    this.#found(sniffed.kind === 'tls' ? sniffed : null);
  }

  #found(tls: Found['tls']): void {
    if (this.#decide()) this.#handler.onFound({ proxied: this.#proxied, tls });
  }

  #onTimeout(): void {
    if (this.#decide()) this.#handler.onTimeout({ proxied: this.#proxied, tls: null });
  }

  readonly #onGone = (): void => {
    if (this.#decide()) this.#handler.onGone();
  };

  /**
   * Puts back what is not ours. Not before it is decided: bytes that were put back are announced again at once,
   * and a client that says no more would keep the thread busy with nothing.
   */
  #decide(): boolean {
    if (this.#done) return false;
    this.#done = true;
    this.#timer?.cancel();
    this.#socket.removeListener('readable', this.#look);
    this.#socket.removeListener('close', this.#onGone);
    this.#socket.removeListener('end', this.#onGone);
    if (this.#seen !== null && !this.#socket.destroyed) this.#socket.unshift(this.#seen);
    return true;
  }
}
