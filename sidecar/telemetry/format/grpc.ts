// The gRPC status of a request, where it is one: from trailers, else headers, else what the HTTP status
// stands for (gRPC's http-grpc-status-mapping).

import type { RequestFacts } from '../facts.ts';
import { FormatError, type Provider } from './value.ts';

const CAMEL = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
];
const SNAKE = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
];
const BY_HTTP: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  429: 14,
  502: 14,
  503: 14,
  504: 14,
};
const UNKNOWN = 2;

/** null: no gRPC request. */
export function grpcStatusOf(facts: RequestFacts): number | null {
  const type = facts.requestHeader('content-type');
  return type === null || !/^application\/grpc(\+|$)/.test(type) ? null : anyGrpcStatus(facts);
}

/** The same whatever the request was. */
export function anyGrpcStatus(facts: RequestFacts): number {
  const said = facts.responseTrailer('grpc-status') ?? facts.responseHeader('grpc-status');
  if (said !== null && /^\d{1,9}$/.test(said)) return Number(said);
  return BY_HTTP[facts.responseCode] ?? UNKNOWN;
}

export function grpcStatus(form: string): Provider {
  if (form === 'NUMBER') return grpcStatusOf;
  const names = form === '' || form === 'CAMEL_STRING' ? CAMEL : form === 'SNAKE_STRING' ? SNAKE : null;
  if (names === null) throw new FormatError(`GRPC_STATUS takes CAMEL_STRING, SNAKE_STRING or NUMBER, not "${form}"`);
  return (facts) => {
    const status = grpcStatusOf(facts);
    return status === null ? null : (names[status] ?? String(status));
  };
}

/** The number of a status given by name in either form, or by number; null when there is none. */
export function grpcStatusNumber(name: string): number | null {
  const found = Math.max(SNAKE.indexOf(name), CAMEL.indexOf(name));
  if (found >= 0) return found;
  return /^\d{1,2}$/.test(name) ? Number(name) : null;
}
