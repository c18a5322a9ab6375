// How the body of an answer is delimited for the client (RFC 9112 6).

import { field, type ResponseHead, removeField } from '../head.ts';
import type { ServerStream } from './server-stream.ts';

/** The field lines that say it; noted on the stream. `bodiless`: the head is all of the answer. */
export function frameAnswer(stream: ServerStream, head: ResponseHead, bodiless: boolean): string {
  const { status } = head;
  if (status === 101 || status === 204) removeField(head.headers, 'content-length');
  if (status === 204 || status === 304 || status === 101) return '';
  if (field(head.headers, 'content-length') !== null) return '';
  // The framing that the answer to a GET would have (RFC 9112 6.1).
  if (stream.method === 'HEAD') return stream.version === 11 ? 'transfer-encoding: chunked\r\n' : '';
  if (bodiless) return 'content-length: 0\r\n';
  if (stream.version === 11) {
    stream.chunked = true;
    return 'transfer-encoding: chunked\r\n';
  }
  // An HTTP/1.0 client knows no chunks: the end of the connection is the end of the answer.
  stream.unframed = true;
  return '';
}
