// How long a request may take: the route's limits, and what an inside client asks for in headers
// (Envoy's router, "x-envoy-upstream-rq-timeout-ms" and its kin).

import { field, type RequestHead, removeField, setField } from '../http/head.ts';
import type { ForwardAction } from '../model/route.ts';

/** Milliseconds; 0: no limit. */
export interface RequestTimeouts {
  readonly globalMs: number;
  readonly perTryMs: number;
  readonly perTryIdleMs: number;
}

/** Reads the limits and takes the headers that set them off the request; `steered`: there may be some. */
export function requestTimeouts(
  head: RequestHead,
  action: ForwardAction,
  perTry: { readonly perTryTimeoutMs: number; readonly perTryIdleTimeoutMs: number } | null,
  respectExpected: boolean,
  steered: boolean,
): RequestTimeouts {
  let globalMs = action.timeoutMs;
  if (!steered) return limitsOf(globalMs, perTry?.perTryTimeoutMs ?? 0, perTry);
  const expected = respectExpected ? milliseconds(head, 'x-envoy-expected-rq-timeout-ms') : null;
  const asked = milliseconds(head, 'x-envoy-upstream-rq-timeout-ms');
  if (expected !== null) globalMs = expected;
  else if (asked !== null) globalMs = asked;
  if (asked !== null) removeField(head.headers, 'x-envoy-upstream-rq-timeout-ms');
  const askedPerTry = milliseconds(head, 'x-envoy-upstream-rq-per-try-timeout-ms');
  if (askedPerTry !== null) removeField(head.headers, 'x-envoy-upstream-rq-per-try-timeout-ms');
  return limitsOf(globalMs, askedPerTry ?? perTry?.perTryTimeoutMs ?? 0, perTry);
}

/** A try's limit that is not below that of the whole is none. */
function limitsOf(
  globalMs: number,
  wanted: number,
  perTry: { readonly perTryIdleTimeoutMs: number } | null,
): RequestTimeouts {
  const perTryMs = globalMs !== 0 && wanted >= globalMs ? 0 : wanted;
  return { globalMs, perTryMs, perTryIdleMs: perTry?.perTryIdleTimeoutMs ?? 0 };
}

function milliseconds(head: RequestHead, name: string): number | null {
  const value = field(head.headers, name);
  return value !== null && /^\d{1,12}$/.test(value) ? Number(value) : null;
}

const GRPC_UNITS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1 / 1000,
  n: 1 / 1e6,
};

/** As gRPC over HTTP/2 has it: eight digits at most, and a unit. */
const GRPC_TIMEOUT = /^(\d{1,8})([HMSmun])$/;

/** Whether a stated deadline is none: neither we nor the service could keep it. */
export function misstatesDeadline(head: RequestHead): boolean {
  const stated = field(head.headers, 'grpc-timeout');
  return stated !== null && !GRPC_TIMEOUT.test(stated);
}

/** How long the whole may last: the deadline that a gRPC client states, where it is heard, or the route's limit. */
export function longestDuration(head: RequestHead, action: ForwardAction): number | null {
  const limits = action.maxStreamDuration;
  if (limits === null) return null;
  const parts = GRPC_TIMEOUT.exec(field(head.headers, 'grpc-timeout') ?? '');
  if (limits.grpcTimeoutHeaderMaxMs === null || parts === null) return limits.maxMs;
  const stated = Number(parts[1]) * (GRPC_UNITS[parts[2] as string] as number);
  const max = limits.grpcTimeoutHeaderMaxMs;
  const capped = max > 0 && stated > max ? max : stated;
  return capped > limits.grpcTimeoutHeaderOffsetMs ? capped - limits.grpcTimeoutHeaderOffsetMs : capped;
}

/** Tells the upstream how long it has: what is left of the whole, or the time of this try. */
export function setExpectedTimeout(head: RequestHead, timeouts: RequestTimeouts, elapsedMs: number): void {
  let expected = timeouts.perTryMs || timeouts.globalMs;
  if (expected === 0) return;
  if (timeouts.globalMs > 0) {
    expected = elapsedMs >= timeouts.globalMs ? 1 : Math.min(expected, timeouts.globalMs - elapsedMs);
  }
  setField(head.headers, 'x-envoy-expected-rq-timeout-ms', String(Math.floor(expected)));
}
