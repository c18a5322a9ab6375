// What can be wrong with an HTTP/1 message, each with the word that Envoy's log uses where it has one.
// A fault is judged once, in the parser; the server codec turns it into an answer, the client codec into
// a protocol error of the upstream.

import type { Fault } from '../server.ts';
import { TOO_MANY_LINES } from './head-scan.ts';

export type { Fault } from '../server.ts';

function fault(details: string, reason: string, status = 400): Fault {
  return { details, status, reason, protocolError: true };
}

export const FAULT = {
  characters: fault('http1.codec_error', 'a control character, bare CR or bare LF in the head'),
  requestLine: fault('http1.codec_error', 'the request line is not "METHOD SP target SP HTTP/1.1"'),
  statusLine: fault('http1.codec_error', 'the status line is not "HTTP/1.1 SP 3 digits"'),
  version: fault('http1.codec_error', 'a version other than HTTP/1.0 and HTTP/1.1'),
  lowVersion: fault('low_version', 'HTTP/1.0, which is not accepted here', 426),
  method: fault('http1.codec_error', 'a method that is not registered'),
  trace: fault('http1.trace_not_allowed', 'TRACE, which would show credentials to whoever asks', 405),
  target: fault('http1.codec_error', 'the request target has no allowed form'),
  fieldLine: fault('http1.codec_error', 'a field line without a valid name and colon'),
  folded: fault('http1.codec_error', 'a folded field line'),
  tooLarge: fault('http1.headers_too_large', 'the head is larger than allowed', 431),
  tooMany: fault('http1.too_many_headers', 'more header fields than allowed', 431),
  trailersTooLarge: fault('http1.trailers_too_large', 'the trailers are larger than allowed', 431),
  underscore: fault('http1.unexpected_underscore', 'a header name with an underscore'),
  twoHosts: fault('http1.codec_error', 'more than one Host'),
  badHost: fault('http1.codec_error', 'the Host is not a host with an optional port'),
  repeated: fault('http1.codec_error', 'a field that may occur once occurs again'),
  contentLength: fault('http1.codec_error', 'Content-Length is not one canonical number'),
  lengthAndChunked: fault('http1.content_length_and_chunked_not_allowed', 'both Content-Length and Transfer-Encoding'),
  transferEncoding: fault('http1.invalid_transfer_encoding', 'a Transfer-Encoding other than exactly "chunked"', 501),
  transferEncodingVersion: fault('http1.transfer_encoding_not_allowed', 'Transfer-Encoding in HTTP/1.0'),
  interimFraming: fault('http1.codec_error', 'an interim answer with a body'),
  connectionMembers: fault('http1.connection_header_rejected', 'too many members in Connection'),
  expectation: fault('http1.codec_error', 'an expectation other than "100-continue"', 417),
  upgradeWithBody: fault('http1.codec_error', 'an upgrade with a body'),
  connectWithBody: fault('http1.codec_error', 'a CONNECT with a body'),
  chunk: fault('http1.codec_error', 'malformed chunk framing'),
  chunkOverhead: fault('http1.codec_error', 'too many bytes of chunk framing for the data'),
} as const satisfies Record<string, Fault>;

/** What a walk over a head met instead of its end. */
export function scanFault(met: number): Fault {
  return met === TOO_MANY_LINES ? FAULT.tooMany : FAULT.characters;
}
