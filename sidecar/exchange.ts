// One request and its response, as they stand now: what came in, where it is going, what was answered.
// It captures its route when it starts, so that a new configuration never changes a request under way.
// It is also the RequestFacts that log lines, added headers and spans are written from.

import { FLAG } from './errors.ts';
import {
  copyFields,
  field,
  fields,
  type HeaderList,
  type RequestHead,
  type ResponseHead,
  requestField,
  requestFields,
} from './http/head.ts';
import type { Metadata } from './model/route.ts';
import type { WireBytes } from './http/stream.ts';
import type { AddressFacts, ConnectionFacts, RequestFacts, TlsFacts } from './telemetry/facts.ts';
import type { GrpcCall } from './telemetry/grpc-call.ts';

const NO_REQUEST: RequestHead = {
  method: '',
  path: '',
  authority: '',
  scheme: 'http',
  version: 11,
  headers: [],
  upgrade: null,
  expectsContinue: false,
  wireBytes: 0,
};

const NOT_YET = -1;
const NO_DATA: Metadata = Object.freeze({});
const NO_HOSTS: readonly AddressFacts[] = Object.freeze([]);

/** How filters read and change heads. */
export { field, type HeaderList, isGrpcType, removeField, setField } from './http/head.ts';

export class Exchange implements RequestFacts {
  readonly connection: ConnectionFacts;
  remote: AddressFacts;
  readonly startWallMs: number;
  readonly startMs: number;
  requestEndMs = NOT_YET;
  upstreamTxStartMs = NOT_YET;
  upstreamTxEndMs = NOT_YET;
  upstreamRxStartMs = NOT_YET;
  upstreamRxEndMs = NOT_YET;
  responseStartMs = NOT_YET;
  endMs = NOT_YET;

  /** As it will be matched and forwarded; filters may change it. */
  request: RequestHead = NO_REQUEST;
  /** The answer that goes to the client, ours or an upstream's. */
  response: ResponseHead | null = null;
  responseTrailers: HeaderList | null = null;
  /** A head was read: false only for what failed before. */
  hasRequest = false;
  /** The client is inside: its `x-envoy-*` words are obeyed. */
  internal = false;

  responseFlags = 0;
  responseCodeDetails: string | null = null;
  /** Status of a mapped or cut answer where it is not the head's. */
  statusOverride = 0;
  bytesReceived = 0;
  bytesSent = 0;
  downstreamWire: WireBytes | null = null;
  upstreamWire: WireBytes | null = null;
  upstreamBytesSent = 0;
  upstreamBytesReceived = 0;

  routeName = '';
  virtualHostName = '';
  upstreamCluster: string | null = null;
  upstreamClusterRaw: string | null = null;
  upstreamConnectionId: number | null = null;
  /** Of the connection that was taken last; null: a tunnel's. */
  upstreamVersion: 'HTTP/1.1' | 'HTTP/2' | null = null;
  hostsAttempted: readonly AddressFacts[] = NO_HOSTS;
  upstreamHost: AddressFacts | null = null;
  upstreamHostname: string | null = null;
  upstreamLocal: AddressFacts | null = null;
  upstreamTls: TlsFacts | null = null;
  upstreamFailureReason: string | null = null;
  attemptCount = 0;
  traceId: string | null = null;
  sampled = false;
  localReplyBody = '';
  /** Where a filter counts gRPC calls, and this is one. */
  grpcCall: GrpcCall | null = null;
  routeData: Metadata = NO_DATA;
  virtualHostData: Metadata = NO_DATA;
  hostData: Metadata = NO_DATA;
  clusterData: Metadata = NO_DATA;

  constructor(connection: ConnectionFacts, startMs: number, startWallMs: number) {
    this.connection = connection;
    this.remote = connection.proxied ?? connection.direct;
    this.startMs = startMs;
    this.startWallMs = startWallMs;
  }

  get protocol(): string | null {
    // A request that could not be read counts as HTTP/1.1, as in Envoy's log.
    if (!this.hasRequest) return 'HTTP/1.1';
    return this.request.version === 10 ? 'HTTP/1.0' : this.request.version === 11 ? 'HTTP/1.1' : 'HTTP/2';
  }

  get upstreamProtocol(): string | null {
    return this.upstreamLocal === null ? null : this.upstreamVersion;
  }

  get responseCode(): number {
    return this.statusOverride || (this.response?.status ?? 0);
  }

  /** Names and values as they are now, without what stands between them on a wire. */
  get requestHeaderBytes(): number {
    if (!this.hasRequest) return 0;
    let bytes = sizeOf(this.request.headers);
    for (const name of PSEUDO) {
      const value = requestField(this.request, name);
      if (value !== null) bytes += name.length + value.length;
    }
    return bytes;
  }

  get responseHeaderBytes(): number {
    const { response } = this;
    if (response === null) return 0;
    const closing = response.close === true ? 'connectionclose'.length : 0;
    return sizeOf(response.headers) + ':status200'.length + closing;
  }

  get requestId(): string | null {
    return field(this.request.headers, 'x-request-id');
  }

  /** The exchange that a followed redirect starts: the same client and request, nothing answered yet. */
  successor(startMs: number, startWallMs: number): Exchange {
    const next = new Exchange(this.connection, startMs, startWallMs);
    next.remote = this.remote;
    next.request = { ...this.request, headers: copyFields(this.request.headers) };
    next.hasRequest = true;
    next.internal = this.internal;
    return next;
  }

  /** Flags and details of a failure; the first details stand, flags add up. */
  fail(flag: number, details: string): void {
    this.responseFlags |= flag;
    this.responseCodeDetails = details;
  }

  hasFlag(flag: keyof typeof FLAG): boolean {
    return (this.responseFlags & FLAG[flag]) !== 0;
  }

  requestHeader(name: string): string | null {
    return this.hasRequest ? requestField(this.request, name) : null;
  }

  requestHeaderValues(name: string): readonly string[] {
    return this.hasRequest ? requestFields(this.request, name) : [];
  }

  requestHeaderJoined(name: string): string | null {
    return this.hasRequest ? joined(requestFields(this.request, name)) : null;
  }

  responseHeader(name: string): string | null {
    if (name === ':status') return this.response === null ? null : String(this.response.status);
    return this.response === null ? null : field(this.response.headers, name);
  }

  responseHeaderJoined(name: string): string | null {
    if (name === ':status') return this.responseHeader(name);
    return this.response === null ? null : joined(fields(this.response.headers, name));
  }

  responseTrailer(name: string): string | null {
    return this.responseTrailers === null ? null : field(this.responseTrailers, name);
  }

  routeMetadata(namespace: string, path: readonly string[]): unknown {
    return inside(this.routeData[namespace], path);
  }

  virtualHostMetadata(namespace: string, path: readonly string[]): unknown {
    return inside(this.virtualHostData[namespace], path);
  }

  upstreamHostMetadata(namespace: string, path: readonly string[]): unknown {
    return inside(this.hostData[namespace], path);
  }

  clusterMetadata(namespace: string, path: readonly string[]): unknown {
    return inside(this.clusterData[namespace], path);
  }
}

const PSEUDO = [':authority', ':path', ':method', ':scheme'];

function sizeOf(list: HeaderList): number {
  let bytes = 0;
  for (const text of list) bytes += text.length;
  return bytes;
}

function joined(values: readonly string[]): string | null {
  return values.length === 0 ? null : values.join(',');
}

function inside(value: unknown, path: readonly string[]): unknown {
  let at = value;
  for (const key of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  return at;
}
