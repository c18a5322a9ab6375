// What can be wrong with a request over HTTP/2 and is answered or logged, in Envoy's words where it has one.

import type { Fault } from '../server.ts';

function fault(details: string, reason: string, status = 400): Fault {
  return { details, status, reason, protocolError: true };
}

export const H2_FAULT = {
  field: fault('http2.invalid.header.field', 'a field name or value with forbidden characters'),
  messaging: fault('http2.violation.of.messaging.rule', 'a head that breaks the rules of HTTP/2'),
  length: fault('http2.violation.of.messaging.rule', 'a body of another length than Content-Length says'),
  trailers: fault('http2.violation.of.messaging.rule', 'trailers that are none'),
  window: fault('http2.flow_control_error', 'more data than the window allows'),
  closedStream: fault('http2.stream_closed', 'frames after the end of the request'),
  tooLarge: fault('http2.headers_too_large', 'the head is larger than allowed', 431),
  tooMany: fault('http2.too_many_headers', 'more header fields than allowed', 431),
  underscore: fault('http2.unexpected_underscore', 'a header name with an underscore'),
  trace: fault('http2.trace_not_allowed', 'TRACE, which would show credentials to whoever asks', 405),
  expectation: fault('http2.codec_error', 'an expectation other than "100-continue"', 417),
} as const satisfies Record<string, Fault>;
