// Waiting as an upstream asks for it: Retry-After and its kin (rate_limited_retry_back_off).

import type { Clock } from '../../core/clock.ts';
import { field, type ResponseHead } from '../http/head.ts';
import type { RateLimitedBackoff } from '../model/route.ts';

/** Milliseconds, with up to half as much again at random; null: the answer does not say, or too much. */
export function rateLimitedWait(policy: RateLimitedBackoff | null, head: ResponseHead, clock: Clock): number | null {
  for (const { name, format } of policy?.resetHeaders ?? []) {
    const value = field(head.headers, name);
    if (value === null || !/^\d{1,12}$/.test(value)) continue;
    const ms = format === 'seconds' ? Number(value) * 1000 : Number(value) * 1000 - clock.wall();
    if (ms > 0 && policy !== null && ms <= policy.maxMs) return ms * (1 + clock.random() / 2);
  }
  return null;
}
