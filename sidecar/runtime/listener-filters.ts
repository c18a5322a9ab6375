// Looks at the first bytes of a connection before a filter chain is chosen: the PROXY header of a balancer, which
// is taken off, then whether it is TLS and for which name, or HTTP in plain text and of which version, which is left
// where it is.

import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../core/clock.ts';
import { FirstLine, type HttpName } from '../http/first-line.ts';
import type { ProxyProtocol } from '../model/listener.ts';
import { LONGEST_CLIENT_HELLO, sniff } from '../net/client-hello.ts';
import { type ProxyAddresses, type ProxyHeader, readProxyHeader } from '../net/proxy-protocol.ts';
import { SeenBytes } from '../net/seen-bytes.ts';
import type { HttpInspectorStats } from '../telemetry/cells/http-inspector.ts';
import type { ProxyProtocolStats } from '../telemetry/cells/proxy-protocol.ts';

export interface ListenerFiltersWanted {
  readonly proxyProtocol: ProxyProtocol | null;
  readonly inspectTls: boolean;
  /** null: no PROXY header is read. */
  readonly stats: ProxyProtocolStats | null;
  /** null: nobody asks whether it is HTTP. */
  readonly httpStats: HttpInspectorStats | null;
}

export interface Found {
  /** What a balancer says; null: the connection's own addresses. */
  readonly proxied: ProxyAddresses | null;
  /** null: not TLS, or not looked. */
  readonly tls: { readonly serverName: string; readonly alpn: readonly string[] } | null;
  /** null: not HTTP in plain text, or not looked. */
  readonly http: HttpName | null;
}

export const NOTHING_FOUND: Found = { proxied: null, tls: null, http: null };

/** Exactly one is called. */
export interface ListenerFiltersHandler {
  onFound(found: Found): void;
  /** No PROXY header, a bad one, or one of a version that is not allowed; the socket is to go. */
  onRefused(): void;
  /** With what was found until then. */
  onTimeout(found: Found): void;
  onGone(): void;
}

const FIGURES = {
  'http/1.0': 'http10_found',
  'http/1.1': 'http11_found',
  h2c: 'http2_found',
  other: 'http_not_found',
} as const;

export class ListenerFilters {
  readonly #seen = new SeenBytes();
  /** Of those seen, how many `#firstLine` has been shown. */
  #shown = 0;
  #isPlain: boolean;
  readonly #firstLine = new FirstLine();
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
    this.#isPlain = !wanted.inspectTls;
    if (timeoutMs > 0) this.#timer = clock.after(timeoutMs, () => this.#onTimeout());
    socket.on('readable', this.#look);
    socket.once('close', this.#onGone);
    socket.once('end', this.#onGone);
  }

  readonly #look = (): void => {
    const bytes = this.#socket.read() as Buffer | null;
    if (bytes === null) return;
    this.#seen.add(bytes);
    if (!this.#headerDone && !this.#readHeader(this.#seen.bytes)) return;
    const { inspectTls, httpStats } = this.#wanted;
    if (!inspectTls && httpStats === null) this.#found({ tls: null, http: null });
    else if (this.#seen.bytes.length > 0) this.#inspect(this.#seen.bytes);
  };

  #inspect(bytes: Buffer): void {
    if (!this.#isPlain && !this.#readHello(bytes)) return;
    const { httpStats } = this.#wanted;
    if (httpStats === null) this.#found({ tls: null, http: null });
    else this.#readFirstLine(bytes, httpStats);
  }

  /** Whether one may go on behind it. */
  #readHeader(bytes: Buffer): boolean {
    const header = readProxyHeader(bytes);
    if (header.kind === 'more') return false;
    if (!this.#mayPass(header)) {
      this.#seen.drop(bytes.length);
      if (this.#decide()) this.#handler.onRefused();
      return false;
    }
    this.#headerDone = true;
    if (header.kind !== 'found') return true;
    this.#proxied = header.addresses;
    this.#seen.drop(header.length);
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

  /** Whether it is known to be plain text. */
  #readHello(bytes: Buffer): boolean {
    const sniffed = sniff(bytes);
    if (sniffed.kind === 'more' && bytes.length < LONGEST_CLIENT_HELLO) return false;
    if (sniffed.kind === 'tls') this.#found({ tls: sniffed, http: null });
    this.#isPlain = sniffed.kind !== 'tls';
    return this.#isPlain;
  }

  #readFirstLine(bytes: Buffer, stats: HttpInspectorStats): void {
    const verdict = this.#firstLine.look(bytes.subarray(this.#shown));
    this.#shown = bytes.length;
    if (verdict === 'more') return;
    stats[FIGURES[verdict]]++;
    this.#found({ tls: null, http: verdict === 'other' ? null : verdict });
  }

  #found(found: Omit<Found, 'proxied'>): void {
    if (this.#decide()) this.#handler.onFound({ ...found, proxied: this.#proxied });
  }

  #onTimeout(): void {
    if (this.#decide()) this.#handler.onTimeout({ ...NOTHING_FOUND, proxied: this.#proxied });
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
    if (this.#seen.bytes.length > 0 && !this.#socket.destroyed) this.#socket.unshift(this.#seen.bytes);
    return true;
  }
}
