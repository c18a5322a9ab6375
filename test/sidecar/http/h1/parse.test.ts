// The head parser against the rules of framing: what is refused, what is taken, and what each becomes.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CHUNKED, UNTIL_CLOSE } from '../../../../sidecar/http/h1/fields.ts';
import type { ParsedRequest, RequestRules } from '../../../../sidecar/http/h1/parse.ts';
import { requestOf, responseOf } from '../../../mesh/whole-head.ts';

const LIMITS: RequestRules = {
  maxHeadersCount: 100,
  maxHeadersBytes: 61_440,
  underscores: 'allow',
  acceptHttp10: true,
  customMethods: false,
};

function request(lines: string, limits = LIMITS) {
  return requestOf(lines.replaceAll('\n', '\r\n'), limits);
}

function good(lines: string): ParsedRequest {
  const parsed = request(lines);
  assert.ok(!('reason' in parsed), `refused: ${'reason' in parsed ? parsed.reason : ''}`);
  return parsed;
}

function refused(lines: string, limits = LIMITS): number {
  const parsed = request(lines, limits);
  assert.ok('reason' in parsed, `taken: ${JSON.stringify(parsed)}`);
  return parsed.status;
}

const POST = 'POST / HTTP/1.1\nHost: a\n';

describe('request framing', () => {
  const bad: readonly string[] = [
    'Content-Length: 5\nTransfer-Encoding: chunked',
    'Transfer-Encoding: chunked\nContent-Length: 5',
    'Content-Length: 5\nContent-Length: 5',
    'Content-Length: 5, 5',
    'Content-Length: 1 2',
    'Content-Length:',
    'Content-Length:\nContent-Length: 5',
    'Content-Length: 1e1',
    'Content-Length: 5.0',
    'Content-Length: 1_0',
    'Content-Length: +5',
    'Content-Length: -5',
    'Content-Length: 0x5',
    'Content-Length: 18446744073709551621',
    'Content-Length: 9007199254740993',
    'Content-Length : 5',
    'Transfer-Encoding: chunked, identity',
    'Transfer-Encoding: identity',
    'Transfer-Encoding: identity, chunked',
    'Transfer-Encoding: chunked, chunked',
    'Transfer-Encoding: chunked\nTransfer-Encoding: chunked',
    'Transfer-Encoding: xchunked',
    'Transfer-Encoding: chunked,',
    'Transfer-Encoding: ,chunked',
    'Transfer-Encoding: chunked;q=1',
    'Transfer-Encoding: "chunked"',
    'Transfer-Encoding: \xa0chunked',
    'Transfer-Encoding:',
    'Transfer-Encoding:\nContent-Length: 5',
    'Transfer-Encoding:\n chunked',
    'Transfer-Encoding chunked',
  ];
  for (const lines of bad) it(`refuses ${JSON.stringify(lines)}`, () => assert.ok(refused(POST + lines) >= 400));

  it('takes one canonical length, blanks around it trimmed', () => {
    assert.equal(good(`${POST}Content-Length:  5 \t`).length, 5);
    assert.equal(good(`${POST}Content-Length: 0`).length, 0);
  });
  it('takes exactly chunked', () => assert.equal(good(`${POST}Transfer-Encoding: Chunked`).length, CHUNKED));
  it('has no body without either', () => assert.equal(good(POST).length, 0));
  it('refuses Transfer-Encoding in HTTP/1.0', () =>
    assert.ok(refused('POST / HTTP/1.0\nTransfer-Encoding: chunked') >= 400));
});

describe('request line and Host', () => {
  const bad: readonly string[] = [
    'GET / HTTP/1.1\nHost: a\nHost: a',
    'GET / HTTP/1.1\nHost: a\nHost: b',
    'GET / HTTP/1.1\nHost: a, b',
    'GET / HTTP/1.1\nHost: user@a',
    'GET / HTTP/1.1\nHost: a b',
    'GET http://user@evil/ HTTP/1.1\nHost: a',
    'GET ftp://a/ HTTP/1.1\nHost: a',
    'GET a:80 HTTP/1.1\nHost: a',
    'GET admin HTTP/1.1\nHost: a',
    'GET * HTTP/1.1\nHost: a',
    'GET /a b HTTP/1.1\nHost: a',
    'GET  / HTTP/1.1\nHost: a',
    'GET /  HTTP/1.1\nHost: a',
    'GET\t/ HTTP/1.1\nHost: a',
    'GET /\nHost: a',
    'GET / HTTP/1.2\nHost: a',
    'GET / HTTP/1.10\nHost: a',
    'GET / http/1.1\nHost: a',
    'GET / HTTP/2.0\nHost: a',
    'GET / RTSP/1.0\nHost: a',
    'GET / HTTP/1.1 \nHost: a',
    ' GET / HTTP/1.1\nHost: a',
    'G\x00T / HTTP/1.1\nHost: a',
    'G(T / HTTP/1.1\nHost: a',
    'GET /\x01 HTTP/1.1\nHost: a',
  ];
  for (const lines of bad) it(`refuses ${JSON.stringify(lines)}`, () => assert.ok(refused(lines) >= 400));

  it('takes the authority of an absolute target over the Host', () => {
    const { head } = good('GET http://other:81/x?y HTTP/1.1\nHost: a');
    assert.equal(head.authority, 'other:81');
    assert.equal(head.path, '/x?y');
  });
  it('keeps percent escapes as they are', () =>
    assert.equal(good('GET /%0d%0a%00 HTTP/1.1\nHost: a').head.path, '/%0d%0a%00'));
  it('takes unregistered methods, with their case, only where that is allowed', () => {
    assert.ok(refused('pATCHy / HTTP/1.1\nHost: a') >= 400);
    const parsed = request('pATCHy / HTTP/1.1\nHost: a', { ...LIMITS, customMethods: true });
    assert.ok(!('reason' in parsed));
    assert.equal(parsed.head.method, 'pATCHy');
  });
  it('leaves a missing Host to be refused with the request in the log, and ends the connection', () => {
    const parsed = good('GET http://a/ HTTP/1.1\nX: y');
    assert.deepEqual([parsed.head.authority, parsed.close], ['', true]);
  });
  it('takes an HTTP/1.0 request without Host', () => assert.equal(good('GET / HTTP/1.0\nX: y').head.authority, ''));
  it('takes OPTIONS *', () => assert.equal(good('OPTIONS * HTTP/1.1\nHost: a').head.path, '*'));
});

describe('field lines', () => {
  const bad: readonly string[] = [
    'X : y',
    'X\t: y',
    ': y',
    'no colon',
    'X: a\x00b',
    'X: a\x01b',
    'X: a\x7fb',
    'X\xe9: y',
    'X(: y',
    'X: y\n folded',
    '\tX: y',
    'Authorization: a\nAuthorization: b',
    'Sec-WebSocket-Key: a\nSec-WebSocket-Key: b',
    `Connection: ${Array.from({ length: 40 }, (_, i) => `m${i}`).join(', ')}`,
  ];
  for (const lines of bad) it(`refuses ${JSON.stringify(lines)}`, () => assert.ok(refused(POST + lines) >= 400));

  it('refuses bare CR and bare LF', () => {
    for (const text of [
      'GET / HTTP/1.1\r\nHost: a\r\nX: y\rZ: w',
      'GET / HTTP/1.1\r\nHost: a\r\nX: y\nZ: w',
      'GET / HTTP/1.1\nHost: a',
    ]) {
      assert.ok('reason' in requestOf(text, LIMITS));
    }
  });
  it('counts fields', () => {
    const lines = (n: number) =>
      `GET / HTTP/1.1\nHost: a\n${Array.from({ length: n }, (_, i) => `x-${i}: 1`).join('\n')}`;
    assert.equal(refused(lines(100)), 431);
    good(lines(99));
  });
  it('keeps obs-text and its bytes', () => assert.deepEqual(good(`${POST}X: caf\xe9`).head.headers, ['x', 'caf\xe9']));
  it('removes what Connection nominates, but nothing that policy reads', () => {
    const { head } = good(
      `${POST}X-Foo: 1\nAuthorization: b\nX-Forwarded-For: c\nConnection: X-Foo, authorization, x-forwarded-for, close`,
    );
    assert.deepEqual(head.headers, ['authorization', 'b', 'x-forwarded-for', 'c']);
  });
  it('ends hop-by-hop fields here', () => {
    const { head } = good(`${POST}Keep-Alive: 5\nProxy-Connection: x\nTE: gzip\nHTTP2-Settings: a\nUpgrade: h2c\nX: y`);
    assert.deepEqual(head.headers, ['x', 'y']);
    assert.equal(head.upgrade, null);
  });
  it('passes te: trailers on', () =>
    assert.deepEqual(good(`${POST}TE: gzip, trailers`).head.headers, ['te', 'trailers']));
  it('knows an upgrade by both fields, and refuses one with a body', () => {
    assert.equal(good('GET / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: WebSocket').head.upgrade, 'websocket');
    refused(`${POST}Connection: upgrade\nUpgrade: websocket\nContent-Length: 3`);
  });
  it('judges Expect', () => {
    assert.equal(good(`${POST}Expect: 100-Continue\nContent-Length: 2`).head.expectsContinue, true);
    assert.equal(refused(`${POST}Expect: y 100-continue\nContent-Length: 2`), 417);
    assert.deepEqual(good(`${POST}Expect: 100-continue`).head.headers, []);
  });
  it('treats underscores as configured', () => {
    refused(`${POST}x_y: 1`, { ...LIMITS, underscores: 'reject' });
    const dropped = request(`${POST}x_y: 1\nz: 2`, { ...LIMITS, underscores: 'drop' });
    assert.ok(!('reason' in dropped));
    assert.deepEqual(dropped.head.headers, ['z', '2']);
  });
});

describe('responses', () => {
  const parse = (lines: string, method = 'GET') => responseOf(lines.replaceAll('\n', '\r\n'), method, LIMITS);
  const bad: readonly string[] = [
    'HTTP/1.1 099 x',
    'HTTP/1.1 600 x',
    'HTTP/1.1 1000 x',
    'HTTP/1.1 2OO x',
    'HTTP/2 200',
    'HTTP/1.1  200 x',
    'HTTP/1.1 20',
    'hello',
    'HTTP/1.1 200 OK\nContent-Length: 3\nTransfer-Encoding: chunked',
    'HTTP/1.1 200 OK\nContent-Length: 3\nContent-Length: 3',
    'HTTP/1.1 200 OK\nContent-Length: -1',
    'HTTP/1.1 200 OK\nTransfer-Encoding: chunked, gzip',
    'HTTP/1.1 200 OK\nTransfer-Encoding: identity',
    'HTTP/1.0 200 OK\nTransfer-Encoding: chunked',
    'HTTP/1.1 200 OK\nX : y',
    'HTTP/1.1 200 O\x01K',
  ];
  for (const text of bad) it(`refuses ${JSON.stringify(text)}`, () => assert.ok('reason' in parse(text)));

  it('has no body after HEAD, 204 and 304', () => {
    for (const [text, method] of [
      ['HTTP/1.1 200 OK\nContent-Length: 5', 'HEAD'],
      ['HTTP/1.1 204 x\nContent-Length: 5', 'GET'],
      ['HTTP/1.1 304 x\nContent-Length: 5', 'GET'],
    ]) {
      const parsed = parse(text as string, method);
      assert.ok(!('reason' in parsed));
      assert.equal(parsed.length, 0);
    }
  });
  it('reads to the end without framing, and does not keep the connection', () => {
    const parsed = parse('HTTP/1.1 200 OK');
    assert.ok(!('reason' in parsed));
    assert.deepEqual([parsed.length, parsed.close], [UNTIL_CLOSE, true]);
  });
  it('takes a status line without a phrase', () => assert.ok(!('reason' in parse('HTTP/1.1 200\nContent-Length: 0'))));
});

it('never throws, whatever the bytes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      requestOf(text, LIMITS);
      responseOf(text, 'GET', LIMITS);
    }),
    { numRuns: 2000 },
  );
});
