// The only writer of our own answers: what went wrong becomes a status, a short text that users can
// search for, and the headers that Envoy sends with it. HTTP here; gRPC clients get trailers-only.

import { FAILURE, type FailureRow, type ProxyError } from '../errors.ts';
import type { LocalReply } from '../filters/filter.ts';
import type { Fault } from '../http/server.ts';
import type { HeaderList, RequestHead } from '../http/head.ts';
import { isGrpc } from './match.ts';

/** Reset reasons as Envoy words them, by failure. */
const RESET_REASONS = new Map<FailureRow, string>([
  [FAILURE.connectFailure, 'remote connection failure'],
  [FAILURE.connectTimeout, 'connection timeout'],
  [FAILURE.overflow, 'overflow'],
  [FAILURE.closedAtOnce, 'connection termination'],
  [FAILURE.reusedClosed, 'connection termination'],
  [FAILURE.upstreamClosed, 'connection termination'],
  [FAILURE.upstreamReset, 'remote reset'],
  [FAILURE.refusedStream, 'remote refused stream reset'],
  [FAILURE.upstreamProtocol, 'protocol error'],
  [FAILURE.upgradeNotOffered, 'extended CONNECT not announced'],
  [FAILURE.upstreamCut, 'protocol error'],
]);

/** The answer to a request whose upstream failed before its answer began. */
export function upstreamFailureReply(error: ProxyError, attempts: number, suppressEnvoyHeaders: boolean): LocalReply {
  const reason = RESET_REASONS.get(error.row);
  if (reason === undefined) return replyOf(error.row, timeoutBody(error.row));
  const before = 'upstream connect error or disconnect/reset before headers. ';
  const body = `${before}${attempts > 1 ? 'retried and the latest ' : ''}reset reason: ${reason}`;
  const headers: HeaderList =
    error.row === FAILURE.overflow && !suppressEnvoyHeaders ? ['x-envoy-overloaded', 'true'] : [];
  return { ...replyOf(error.row, body), details: failureDetails(error), headers };
}

/** `upstream_reset_before_response_started{reason|what the transport said}`. */
export function failureDetails(error: ProxyError): string {
  const { details } = error.row;
  if (!isTransportFailure(error) || error.context === '' || !details.endsWith('}')) return details;
  return `${details.slice(0, -1)}|${error.context.replaceAll(/\s/g, '_')}}`;
}

export function isTransportFailure(error: ProxyError): boolean {
  return error.row === FAILURE.connectFailure;
}

function timeoutBody(row: FailureRow): string {
  if (row === FAILURE.overload) return 'envoy overloaded';
  if (row === FAILURE.noHealthyUpstream) return 'no healthy upstream';
  if (row === FAILURE.streamIdle) return 'stream timeout';
  if (row === FAILURE.responseTimeout || row === FAILURE.perTryTimeout || row === FAILURE.perTryIdleTimeout)
    return 'upstream request timeout';
  if (row === FAILURE.requestTimeout) return 'request timeout';
  if (row === FAILURE.upstreamMaxStreamDuration) return 'upstream max stream duration reached';
  if (row === FAILURE.maxStreamDuration) return 'downstream duration timeout';
  if (row === FAILURE.dropOverload || row === FAILURE.unconditionalDropOverload) return 'drop overload';
  return '';
}

export function replyOf(row: FailureRow, body = timeoutBody(row)): LocalReply {
  return { status: row.status, body, details: row.details, flag: row.flag, headers: [] };
}

/** gRPC codes for HTTP statuses (grpc/doc/http-grpc-status-mapping.md). */
const GRPC_CODES: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  429: 14,
  502: 14,
  503: 14,
  504: 14,
};

/** Whether an answer of ours must take gRPC's form. */
export function wantsGrpc(request: RequestHead): boolean {
  return isGrpc(request);
}

export function grpcCode(status: number): number {
  return GRPC_CODES[status] ?? 2;
}

/** Trailers-only: HTTP 200, the code and text in headers. */
export function grpcHeaders(code: number, message: string): HeaderList {
  const headers: HeaderList = ['content-type', 'application/grpc', 'grpc-status', String(code)];
  if (message !== '') headers.push('grpc-message', percentEncode(message));
  return headers;
}

/** grpc-message: visible ASCII but `%`; the rest percent-encoded. `text` as bodies of ours are: a byte a character. */
function percentEncode(text: string): string {
  return [...Buffer.from(text, 'latin1')]
    .map((byte) =>
      byte < 0x20 || byte > 0x7e || byte === 0x25
        ? `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
        : String.fromCharCode(byte),
    )
    .join('');
}

/** The answer to a request that cannot be read to its end. */
export function faultReply({ status, details }: Fault, flag: number): LocalReply {
  const body = status === 408 ? 'request header timeout' : faultText(status);
  return { status, body, details, flag, headers: [] };
}

function faultText(status: number): string {
  if (status === 405) return 'Method Not Allowed';
  if (status === 426) return 'Upgrade Required';
  if (status === 431) return 'Request Header Fields Too Large';
  if (status === 501) return 'Not Implemented';
  if (status === 417) return 'Expectation Failed';
  return 'Bad Request';
}
