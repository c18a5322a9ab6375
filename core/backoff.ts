// The wait before attempt n: exponential with full jitter, so that many clients do not come back at once.

export interface BackoffPolicy {
  readonly baseMs: number;
  readonly maxMs: number;
}

/**
 * Milliseconds to wait before retry number `attempt` (1 is the first retry).
 * Uniform in [0, min(max, base * (2^attempt - 1))), as Envoy does for `retry_back_off`.
 */
export function backoffMs(policy: BackoffPolicy, attempt: number, random: () => number): number {
  const ceiling = Math.min(policy.maxMs, policy.baseMs * (2 ** Math.min(attempt, 30) - 1));
  return Math.max(random() * ceiling, 0);
}
