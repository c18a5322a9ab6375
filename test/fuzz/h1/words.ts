// What means something in an HTTP/1 message: the dictionary of its mutations.

import { type Dictionary, NUMBERS } from '../text-mutation.ts';

export const FIELD_NAMES = [
  'Host',
  'Content-Length',
  'Transfer-Encoding',
  'Transfer_Encoding',
  'Connection',
  'Keep-Alive',
  'Proxy-Connection',
  'Upgrade',
  'HTTP2-Settings',
  'TE',
  'Trailer',
  'Expect',
  'Authorization',
  'Cookie',
  'Set-Cookie',
  'Content-Type',
  'X-Forwarded-For',
  'x-request-id',
  'X_Forwarded_For',
  'x',
  'accept',
  '__proto__',
  'constructor',
];

const FIELD_VALUES = [
  'chunked',
  'Chunked',
  'identity',
  'gzip, chunked',
  'chunked, identity',
  'xchunked',
  'close',
  'keep-alive',
  'upgrade',
  'close, keep-alive',
  'Upgrade, HTTP2-Settings',
  'websocket',
  'h2c',
  '100-continue',
  'trailers',
  'trailers, deflate',
  'a',
  'a:80',
  'user@a',
  '[::1]:8080',
  'host, content-length, x',
];

const LINES = ['GET', 'HEAD', 'POST', 'OPTIONS', 'CONNECT', 'PRI', 'get', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/1.2'];
const MORE_LINES = [
  'HTTP/2.0',
  'http/1.1',
  'HTTP/1.10',
  'RTSP/1.0',
  '*',
  '/',
  '//a',
  'http://a/b',
  'https://a',
  'a:80',
];
const STATUSES = ['100', '101', '103', '199', '200', '204', '205', '304', '099', '600', '999', '1000', '2OO'];
const CHUNKS = ['0', '5', 'a', 'A', 'ff', '0000000000000005', 'ffffffffffffffff', '10000000000000000', '5;a=b', '5 ;a'];

const ODD = [
  ...['\r', '\n', '\0', '\t', ' ', '\v', '\f', '\x01', '\x7f', '\x80', '\x85', '\xa0', '\xff', '\r\n', '\r\n\r\n'],
  ...[':', ';', ',', '"', "'", '=', '%00', '%0d%0a', '#', '?', '\\', '/', '@', '(', '_', '\r\n ', '\r\n\t', '\n\n'],
];

export const HTTP_WORDS: Dictionary = {
  words: [...FIELD_NAMES, ...FIELD_VALUES, ...LINES, ...MORE_LINES, ...STATUSES, ...CHUNKS, ...NUMBERS],
  odd: ODD,
  lineEnds: ['\r\n', '\n', '\r', '\r\r\n', '\n\r', '', ' \r\n', '\r\n ', '\r\n\r\n', '\0\r\n', '\t\r\n'],
};
