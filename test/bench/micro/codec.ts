// HTTP/1 heads and chunks, of the size that a browser and a small service make.

import { ChunkedReader, chunkHead } from '../../../sidecar/http/h1/chunked.ts';
import { formatRequest, formatResponse } from '../../../sidecar/http/h1/format.ts';
import type { RequestRules } from '../../../sidecar/http/h1/parse.ts';
import { readRequest, readResponse, requestOf, responseOf } from '../../mesh/whole-head.ts';
import type { MicroBench } from '../micro.ts';

const RULES: RequestRules = {
  maxHeadersCount: 100,
  maxHeadersBytes: 60 * 1024,
  underscores: 'allow',
  acceptHttp10: true,
  customMethods: false,
};

/** Without its final empty line. */
export const REQUEST_TEXT = [
  'GET /teas/sencha?size=100g HTTP/1.1',
  'Host: catalog.default.svc.cluster.local:9000',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  'Accept: application/json, text/plain, */*',
  'Accept-Language: en-GB,en;q=0.5',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Connection: keep-alive',
  'Cookie: session=0123456789abcdef0123456789abcdef',
  'X-Request-Id: 6f9619ff-8b86-4d01-b42d-00cf4fc964ff',
].join('\r\n');

const RESPONSE_TEXT = [
  'HTTP/1.1 200 OK',
  'Server: teas/1.0',
  'Date: Sat, 21 Nov 2026 08:00:00 GMT',
  'Content-Type: application/json; charset=utf-8',
  'Content-Length: 100',
  'Cache-Control: no-cache',
].join('\r\n');

export function parsedRequest() {
  const parsed = requestOf(REQUEST_TEXT, RULES);
  if ('reason' in parsed) throw new Error(parsed.reason);
  return parsed.head;
}

function parsedResponse() {
  const parsed = responseOf(RESPONSE_TEXT, 'GET', RULES);
  if ('reason' in parsed) throw new Error(parsed.reason);
  return parsed.head;
}

/** A body of 16 chunks of 1 KiB. */
function chunkedBody(): Buffer {
  const piece = 'x'.repeat(1024);
  return Buffer.from(`${`${chunkHead(1024)}${piece}\r\n`.repeat(16)}0\r\n\r\n`);
}

export const CODEC: readonly MicroBench[] = [
  {
    name: 'parse request head',
    make: () => {
      const bytes = Buffer.from(`${REQUEST_TEXT}\r\n\r\n`);
      return () => readRequest(bytes, RULES);
    },
  },
  {
    name: 'parse response head',
    make: () => {
      const bytes = Buffer.from(`${RESPONSE_TEXT}\r\n\r\n`);
      return () => readResponse(bytes, 'GET', RULES);
    },
  },
  {
    name: 'format request head',
    make: () => {
      const head = parsedRequest();
      return () => formatRequest(head, '', 'lower').length;
    },
  },
  {
    name: 'format response head',
    make: () => {
      const head = parsedResponse();
      return () => formatResponse(head, 11, '', 'lower').length;
    },
  },
  {
    name: 'read 16 chunks of 1 KiB',
    make: () => {
      const bytes = chunkedBody();
      const sink = { onData: () => {}, onTrailers: () => {} };
      return () => new ChunkedReader(RULES).read(bytes, 0, sink);
    },
  },
];
