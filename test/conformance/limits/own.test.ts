// Limits that Envoy does not have, or has without saying so: chunk framing, interim answers, early requests.

import { describe } from 'node:test';
import { answer } from '../../mesh/origin.ts';
import { likeEnvoy, ourOwn } from './row.ts';

const GET = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';
const CHUNKED = 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n';
const PROTOCOL_ERROR = /^http\.main\.downstream_cx_protocol_error$/;

describe('limits of our own', () => {
  ourOwn({
    limit: 'the extension of one chunk: 256 bytes',
    say: [`${CHUNKED}1;${'a'.repeat(257)}\r\nx\r\n0\r\n\r\n`],
    status: /^HTTP\/1.1 400 /,
    log: '400 DPE http1.codec_error',
    metric: PROTOCOL_ERROR,
  });

  ourOwn({
    limit: 'the extensions of one body: 4 KiB',
    say: [`${CHUNKED}${`1;${'a'.repeat(250)}\r\nx\r\n`.repeat(17)}0\r\n\r\n`],
    status: /^HTTP\/1.1 400 /,
    log: '400 DPE http1.codec_error',
    metric: PROTOCOL_ERROR,
  });

  ourOwn({
    limit: 'interim answers before the final one: 8',
    origin: () => `${'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(9)}${answer('ok')}`,
    say: [GET],
    until: /protocol error$/,
    status: /^HTTP\/1.1 502 /,
    log: '502 UPE upstream_reset_before_response_started{protocol_error}',
    metric: /^cluster\.o1\.upstream_cx_protocol_error$/,
  });

  ourOwn({
    limit: 'bytes of early requests: 64 KiB',
    origin: (_, __, socket) => {
      // Long enough for all that the client sends to be on its way.
      setTimeout(() => socket.write(answer('ok')), 200);
      return null;
    },
    say: [`${GET}POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 200000\r\n\r\n${'x'.repeat(200_000)}`],
    until: /ok.*ok$/s,
    status: /^HTTP\/1.1 200 /,
    log: '200 - via_upstream',
    metric: /^http\.main\.downstream_flow_control_paused_reading_total$/,
  });

  likeEnvoy({
    limit: 'fields of an answer: max_headers_count of the cluster',
    origin: () => `HTTP/1.1 200 OK\r\n${'x: 1\r\n'.repeat(150)}content-length: 0\r\n\r\n`,
    say: [GET],
    until: /protocol error$/,
    status: /^HTTP\/1.1 502 /,
    log: '502 UPE upstream_reset_before_response_started{protocol_error}',
    metric: /^cluster\.o1\.upstream_cx_protocol_error$/,
  });
});
