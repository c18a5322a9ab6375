// May this be tried again? Envoy's `retry_on` words against an answer or a failure. Pure: counters, timers
// and circuit breakers are the caller's.

import { FAILURE, FLAG, type ProxyError } from '../errors.ts';
import { field, fields, type RequestHead, type ResponseHead, requestFields } from '../http/head.ts';
import { headerMatches } from '../model/matching.ts';
import type { HeaderMatch } from '../model/match.ts';
import type { RetryPolicy } from '../model/route.ts';

/** What a request may be retried on, the route's policy and the words of an inside client together. */
export interface RetryRules {
  readonly policy: RetryPolicy;
  readonly words: ReadonlySet<string>;
  readonly numRetries: number;
  readonly statusCodes: readonly number[];
  readonly headers: readonly HeaderMatch[];
  /** RFC 9110 9.2.2. */
  readonly idempotent: boolean;
  /** An answer below 400 may be a reason too. */
  readonly heedsSuccess: boolean;
}

/** A route's policy made ready: what holds for requests that say nothing of retries themselves. */
export interface CompiledRetry {
  readonly policy: RetryPolicy;
  readonly idempotent: RetryRules | null;
  readonly others: RetryRules | null;
}

export function compileRetry(policy: RetryPolicy | null): CompiledRetry | null {
  if (policy === null) return null;
  return { policy, idempotent: rulesOf(policy, [], [], true), others: rulesOf(policy, [], [], false) };
}

export const NO_POLICY: RetryPolicy = {
  retryOn: [],
  numRetries: 1,
  perTryTimeoutMs: 0,
  perTryIdleTimeoutMs: 0,
  retriableStatusCodes: [],
  retriableHeaders: [],
  retriableRequestHeaders: [],
  backoff: { baseMs: 25, maxMs: 250 },
  rateLimitedBackoff: null,
  avoidPreviousHosts: false,
  omitCanaryHosts: false,
  previousPriorities: null,
  hostSelectionAttempts: 1,
  safeOnly: false,
};

const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

export function isIdempotent(method: string): boolean {
  return method === 'GET' || IDEMPOTENT.has(method);
}

/**
 * null: nothing is ever retried. `steered`: the request may say more than the route; what clients outside
 * said was taken off before this is asked.
 */
export function retryRules(compiled: CompiledRetry | null, head: RequestHead, steered: boolean): RetryRules | null {
  if (compiled === null && !steered) return null;
  const policy = compiled?.policy ?? NO_POLICY;
  const wanted = policy.retriableRequestHeaders;
  if (wanted.length > 0 && !wanted.some((match) => headerMatches(match, requestFields(head, match.name)))) return null;
  const idempotent = isIdempotent(head.method);
  if (steered) return steeredRules(policy, head, idempotent);
  return idempotent ? (compiled?.idempotent ?? null) : (compiled?.others ?? null);
}

function steeredRules(policy: RetryPolicy, head: RequestHead, idempotent: boolean): RetryRules | null {
  const words = [
    ...wordsOf(field(head.headers, 'x-envoy-retry-on')),
    ...wordsOf(field(head.headers, 'x-envoy-retry-grpc-on')),
  ];
  const rules = rulesOf(
    policy,
    words,
    wordsOf(field(head.headers, 'x-envoy-retriable-status-codes')).map(Number),
    idempotent,
  );
  if (rules === null) return null;
  const maxRetries = field(head.headers, 'x-envoy-max-retries');
  const names = wordsOf(field(head.headers, 'x-envoy-retriable-header-names'));
  return {
    ...rules,
    numRetries: maxRetries !== null && /^\d{1,9}$/.test(maxRetries) ? Number(maxRetries) : rules.numRetries,
    headers: [...rules.headers, ...names.map(presence)],
  };
}

function rulesOf(
  policy: RetryPolicy,
  moreWords: readonly string[],
  moreCodes: readonly number[],
  idempotent: boolean,
): RetryRules | null {
  const words = new Set([...policy.retryOn, ...moreWords]);
  if (words.size === 0) return null;
  return {
    policy,
    words,
    numRetries: policy.numRetries,
    statusCodes: [...policy.retriableStatusCodes, ...moreCodes],
    headers: policy.retriableHeaders,
    idempotent,
    heedsSuccess: HEEDING_SUCCESS.some((word) => words.has(word)),
  };
}

function wordsOf(value: string | null): string[] {
  return value === null
    ? []
    : value
        .split(',')
        .map((word) => word.trim())
        .filter((word) => word !== '');
}

function presence(name: string): HeaderMatch {
  return {
    name: name.toLowerCase(),
    test: { kind: 'present', present: true },
    invert: false,
    treatMissingAsEmpty: false,
  };
}

const GATEWAY_ERRORS = new Set([502, 503, 504]);

export function answerIsRetriable(rules: RetryRules, head: ResponseHead): boolean {
  if (head.status < 400 && !rules.heedsSuccess) return false;
  if (rules.policy.safeOnly && !rules.idempotent) return false;
  const { words } = rules;
  const { status } = head;
  if (field(head.headers, 'x-envoy-ratelimited') !== null) return words.has('envoy-ratelimited');
  if (status >= 500 && words.has('5xx')) return true;
  if (words.has('gateway-error') && GATEWAY_ERRORS.has(status)) return true;
  if (status === 409 && words.has('retriable-4xx')) return true;
  if (words.has('retriable-status-codes') && rules.statusCodes.includes(status)) return true;
  if (words.has('retriable-headers') && anyHeader(rules.headers, head)) return true;
  return grpcStatusIsRetriable(words, head);
}

function anyHeader(matches: readonly HeaderMatch[], head: ResponseHead): boolean {
  return matches.some((match) =>
    headerMatches(match, match.name === ':status' ? [String(head.status)] : fields(head.headers, match.name)),
  );
}

const GRPC_WORDS: Readonly<Record<string, string>> = {
  '1': 'cancelled',
  '4': 'deadline-exceeded',
  '8': 'resource-exhausted',
  '13': 'internal',
  '14': 'unavailable',
};

/** Words that may find a reason in an answer of any status. */
const HEEDING_SUCCESS = [
  'envoy-ratelimited',
  'retriable-status-codes',
  'retriable-headers',
  ...Object.values(GRPC_WORDS),
];

function grpcStatusIsRetriable(words: ReadonlySet<string>, head: ResponseHead): boolean {
  const status = field(head.headers, 'grpc-status');
  const word = status === null ? undefined : GRPC_WORDS[status];
  return word !== undefined && words.has(word);
}

/** `started`: bytes of the request were handed to a connection. */
export function failureIsRetriable(rules: RetryRules, error: ProxyError, started: boolean): boolean {
  const { row } = error;
  if (row === FAILURE.overflow || row.retry === 'never') return false;
  if (rules.policy.safeOnly && !rules.idempotent && row.retry !== 'not-sent') return false;
  const { words } = rules;
  if (words.has('5xx') || words.has('gateway-error') || words.has('reset')) return true;
  if (words.has('reset-before-request') && !started) return true;
  if (words.has('refused-stream') && row === FAILURE.refusedStream) return true;
  return words.has('connect-failure') && row.flag === FLAG.UF;
}
