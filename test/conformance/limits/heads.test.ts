// What the head of a request may be: its size, its fields, its version, its path.

import { describe } from 'node:test';
import { common, likeEnvoy } from './row.ts';

const PROTOCOL_ERROR = /^http\.main\.downstream_cx_protocol_error$/;
const FIELD = 'x: 0123456789\r\n';

function get(fields: string, path = '/', version = '1.1'): string {
  return `GET ${path} HTTP/${version}\r\nhost: a\r\n${fields}\r\n`;
}

describe('limits of heads', () => {
  likeEnvoy({
    limit: 'max_request_headers_kb',
    pieces: { hcm: 'max_request_headers_kb: 1' },
    say: [get(`x: ${'a'.repeat(2000)}\r\n`)],
    status: /^HTTP\/1.1 431 Request Header Fields Too Large\r\n/,
    log: '431 DPE http1.headers_too_large',
    metric: PROTOCOL_ERROR,
  });

  likeEnvoy({
    limit: 'max_request_headers_kb, in pieces that each stay below',
    pieces: { hcm: 'max_request_headers_kb: 1' },
    say: ['GET / HTTP/1.1\r\nhost: a\r\n', ...Array.from({ length: 120 }, () => FIELD)],
    status: /^HTTP\/1.1 431 /,
    log: '431 DPE http1.headers_too_large',
    metric: PROTOCOL_ERROR,
  });

  likeEnvoy({
    limit: 'max_request_headers_kb, a long target',
    pieces: { hcm: 'max_request_headers_kb: 1' },
    say: [get('', `/${'a'.repeat(2000)}`)],
    status: /^HTTP\/1.1 431 /,
    log: '431 DPE http1.headers_too_large',
    metric: PROTOCOL_ERROR,
  });

  likeEnvoy({
    limit: 'max_headers_count',
    pieces: { hcm: common('max_headers_count: 10') },
    say: [get(FIELD.repeat(11))],
    status: /^HTTP\/1.1 431 /,
    log: '431 DPE http1.too_many_headers',
    metric: PROTOCOL_ERROR,
  });

  likeEnvoy({
    limit: 'headers_with_underscores_action: REJECT_REQUEST',
    pieces: { hcm: common('headers_with_underscores_action: REJECT_REQUEST') },
    say: [get('a_b: 1\r\n')],
    status: /^HTTP\/1.1 400 /,
    log: '400 DPE http1.unexpected_underscore',
    metric: /^http1\.requests_rejected_with_underscores_in_headers$/,
  });

  likeEnvoy({
    limit: 'headers_with_underscores_action: DROP_HEADER',
    pieces: { hcm: common('headers_with_underscores_action: DROP_HEADER') },
    say: [get('a_b: 1\r\nc_d: 2\r\n')],
    until: /ok$/,
    status: /^HTTP\/1.1 200 /,
    log: '200 - via_upstream',
    metric: /^http1\.dropped_headers_with_underscores$/,
    by: 2,
  });

  likeEnvoy({
    limit: 'accept_http_10, not given',
    say: [get('', '/', '1.0')],
    status: /^HTTP\/1.1 426 Upgrade Required\r\n/,
    log: '426 DPE low_version',
    metric: PROTOCOL_ERROR,
  });

  likeEnvoy({
    limit: 'accept_http_10',
    pieces: { hcm: 'http_protocol_options: {accept_http_10: true}' },
    say: [get('', '/', '1.0')],
    status: /^HTTP\/1.[01] 200 /,
    log: '200 - via_upstream',
    metric: /^http\.main\.downstream_rq_2xx$/,
  });

  likeEnvoy({
    limit: 'normalize_path: a path that leaves the root',
    pieces: { hcm: 'normalize_path: true' },
    say: [get('', '/a/../../b')],
    until: /ok$/,
    status: /^HTTP\/1.1 200 /,
    log: '200 - via_upstream',
    metric: /^http\.main\.downstream_rq_2xx$/,
  });

  likeEnvoy({
    limit: 'merge_slashes',
    pieces: {
      hcm: 'merge_slashes: true',
      routes: '- {match: {path: /a/b}, direct_response: {status: 204}}',
    },
    say: [get('', '/a///b')],
    until: /\r\n\r\n/,
    status: /^HTTP\/1.1 204 /,
    log: '204 - direct_response',
    metric: /^http\.main\.downstream_rq_2xx$/,
  });

  likeEnvoy({
    limit: 'path_with_escaped_slashes_action: REJECT_REQUEST',
    pieces: { hcm: 'path_with_escaped_slashes_action: REJECT_REQUEST' },
    say: [get('', '/a%2fb')],
    status: /^HTTP\/1.1 400 /,
    log: '400 - path_normalization_failed',
    metric: /^http\.main\.downstream_rq_failed_path_normalization$/,
  });

  likeEnvoy({
    limit: 'path_with_escaped_slashes_action: UNESCAPE_AND_REDIRECT',
    pieces: { hcm: 'path_with_escaped_slashes_action: UNESCAPE_AND_REDIRECT' },
    say: [get('', '/a%2fb')],
    until: /\r\n\r\n/,
    status: /^HTTP\/1.1 307 /,
    log: '307 - path_normalization_failed',
    metric: /^http\.main\.downstream_rq_redirected_with_normalized_path$/,
  });
});
