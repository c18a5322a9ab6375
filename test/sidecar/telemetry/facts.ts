// A request to write log lines of, with everything that a test does not care about filled in.

import type { CertificateFacts, RequestFacts } from '../../../sidecar/telemetry/facts.ts';

export interface FactsWith extends Partial<Omit<RequestFacts, 'requestHeader' | 'responseHeader' | 'responseTrailer'>> {
  readonly request?: Readonly<Record<string, string>>;
  readonly response?: Readonly<Record<string, string>>;
  readonly trailers?: Readonly<Record<string, string>>;
}

/** 2026-11-21T07:47:39.233Z */
export const START_WALL_MS = 1795247259233;

export function factsWith({ request = {}, response = {}, trailers = {}, ...rest }: FactsWith = {}): RequestFacts {
  return {
    connection: {
      id: 7,
      direct: { host: '10.0.0.9', port: 4000 },
      local: { host: '127.0.0.1', port: 18941 },
      serverName: null,
      tls: null,
      terminationDetails: null,
    },
    remote: { host: '10.1.2.3', port: 5000 },
    startWallMs: START_WALL_MS,
    startMs: 1000,
    requestEndMs: 1002,
    upstreamTxStartMs: 1003,
    upstreamTxEndMs: 1004,
    upstreamRxStartMs: 1010,
    upstreamRxEndMs: 1015.75,
    responseStartMs: 1011,
    endMs: 1016,
    protocol: 'HTTP/1.1',
    requestHeader: (name) => request[name] ?? null,
    requestHeaderJoined: (name) => request[name] ?? null,
    responseHeader: (name) => response[name] ?? null,
    responseHeaderJoined: (name) => response[name] ?? null,
    responseTrailer: (name) => trailers[name] ?? null,
    responseCode: 200,
    responseFlags: 0,
    responseCodeDetails: 'via_upstream',
    bytesReceived: 3,
    bytesSent: 5,
    requestHeaderBytes: 100,
    responseHeaderBytes: 90,
    upstreamBytesSent: 110,
    upstreamBytesReceived: 120,
    routeName: 'named',
    virtualHostName: 'host',
    upstreamCluster: 'o1',
    upstreamHost: { host: '127.0.0.1', port: 18942 },
    upstreamHostname: null,
    upstreamLocal: { host: '127.0.0.1', port: 59576 },
    upstreamTls: null,
    upstreamProtocol: 'HTTP/1.1',
    upstreamFailureReason: null,
    attemptCount: 1,
    requestId: null,
    traceId: null,
    sampled: false,
    localReplyBody: '',
    routeMetadata: () => null,
    clusterMetadata: () => null,
    ...rest,
  };
}

export const CERTIFICATE: CertificateFacts = {
  subject: 'CN=web',
  issuer: 'CN=mesh',
  serial: '0a',
  fingerprint256: 'ab'.repeat(32),
  uriSans: ['spiffe://mesh/web'],
  dnsSans: ['web.test', 'www.test'],
  validFromMs: Date.UTC(2026, 0, 1),
  validToMs: Date.UTC(2027, 0, 1),
  pem: '',
};
