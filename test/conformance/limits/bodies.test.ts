// How much of a request's body is kept for another try (per_connection_buffer_limit_bytes).

import { describe } from 'node:test';
import { answer, type Script } from '../../mesh/origin.ts';
import { likeEnvoy } from './row.ts';

const RETRIED = {
  listener: 'per_connection_buffer_limit_bytes: 1000\nstat_prefix: main',
  routes:
    '- {match: {prefix: /}, route: {cluster: o1, retry_policy: {retry_on: 5xx, retry_back_off: {base_interval: 0.001s}}}}',
};

/** The first try fails. */
function failsOnce(): Script {
  return (_, n) => (n === 1 ? answer('no', 'HTTP/1.1 503 Service Unavailable') : answer('ok'));
}

function post(bytes: number): string {
  return `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${bytes}\r\n\r\n${'x'.repeat(bytes)}`;
}

describe('limits of bodies', () => {
  likeEnvoy({
    limit: 'a body that may be kept is sent again',
    pieces: RETRIED,
    origin: failsOnce(),
    say: [post(900)],
    until: /(?:ok|no)$/,
    status: /^HTTP\/1.1 200 /,
    log: '200 - via_upstream',
    metric: /^cluster\.o1\.upstream_rq_retry$/,
  });

  likeEnvoy({
    limit: 'a body that is too large to be kept is sent once',
    pieces: RETRIED,
    origin: failsOnce(),
    say: [post(5000)],
    until: /(?:ok|no)$/,
    status: /^HTTP\/1.1 503 /,
    log: '503 - via_upstream',
    metric: /^cluster\.o1\.retry_or_shadow_abandoned$/,
  });
});
