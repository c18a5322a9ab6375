// What becomes of a field that stands in a head more than once. Most are kept apart, in order. Fields that
// Envoy holds in one slot are joined by a comma, also when the configuration adds a value; and the few
// whose repetition would let two readers disagree are refused.

const REFUSED = 'authorization sec-websocket-key content-type';

const JOINED =
  'accept accept-encoding access-control-allow-credentials access-control-allow-headers ' +
  'access-control-allow-methods access-control-allow-origin access-control-expose-headers access-control-max-age ' +
  'access-control-request-headers access-control-request-method age cache-control content-encoding date etag expires ' +
  'grpc-message grpc-status grpc-timeout if-match if-none-match last-modified location origin pragma proxy-status referer te user-agent vary via ' +
  'x-client-trace-id x-envoy-attempt-count x-envoy-decorator-operation x-envoy-degraded ' +
  'x-envoy-downstream-service-cluster x-envoy-downstream-service-node x-envoy-expected-rq-timeout-ms ' +
  'x-envoy-external-address x-envoy-force-trace x-envoy-hedge-on-per-try-timeout x-envoy-immediate-health-check-fail ' +
  'x-envoy-ip-tags x-envoy-max-retries x-envoy-original-host x-envoy-original-path x-envoy-ratelimited ' +
  'x-envoy-retriable-header-names x-envoy-retriable-status-codes x-envoy-retry-grpc-on x-envoy-retry-on ' +
  'x-envoy-upstream-alt-stat-name x-envoy-upstream-canary x-envoy-upstream-rq-per-try-timeout-ms ' +
  'x-envoy-upstream-rq-timeout-alt-response x-envoy-upstream-rq-timeout-ms x-envoy-upstream-service-time ' +
  'x-envoy-upstream-stream-duration-ms x-forwarded-client-cert x-forwarded-for x-forwarded-host x-forwarded-port ' +
  'x-forwarded-proto x-request-id';

const RULES: ReadonlyMap<string, 'refuse' | 'join'> = new Map([
  ...REFUSED.split(' ').map((name) => [name, 'refuse'] as const),
  ...JOINED.split(' ').map((name) => [name, 'join'] as const),
]);

/** null: each stays a field of its own. `name` in lower case. */
export function repetition(name: string): 'refuse' | 'join' | null {
  return RULES.get(name) ?? null;
}
