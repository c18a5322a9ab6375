// The quick way to read a head gives what the thorough one gives, or nothing at all, however often the same
// lines came before; and it keeps no line that identifies somebody.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FamiliarLines } from '../../../../sidecar/http/h1/familiar.ts';
import type { HeadLimits } from '../../../../sidecar/http/h1/fields.ts';
import { fieldName } from '../../../../sidecar/http/h1/field-names.ts';
import type { RequestRules } from '../../../../sidecar/http/h1/parse.ts';
import { quickRequest, quickResponse } from '../../../../sidecar/http/h1/quick.ts';
import { readRequest, readResponse } from '../../../mesh/whole-head.ts';

const LINES = [
  'Host: a.example',
  'host: b.example:81',
  'Host:',
  'User-Agent: x/1.0 (y; z)',
  'Accept: */*',
  'Accept:\t*/* ',
  'accept: text/html',
  'Content-Length: 5',
  'Content-Length: 05',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: gzip',
  'Connection: keep-alive',
  'Connection: close',
  'Connection: upgrade, x-gone',
  'X-Gone: 1',
  'Upgrade: websocket',
  'Expect: 100-continue',
  'TE: trailers',
  'Keep-Alive: timeout=5',
  'Date: Thu, 26 Nov 2026 10:44:00 GMT',
  'Date: Thu, 26 Nov 2026 10:44:01 GMT',
  'Server: s',
  'Content-Type: text/plain',
  'Set-Cookie: a=b',
  'Authorization: Bearer x',
  'x_y: z',
  'x-long: ' + 'v'.repeat(300),
  ' folded: 1',
  'no colon',
  ': empty',
  'x: \x01',
  'x: \xe9',
  'x\r: y',
];
const FIRST = [
  'GET / HTTP/1.1',
  'POST /a?b=c HTTP/1.1',
  'GET /\xe9 HTTP/1.1',
  'GET  / HTTP/1.1',
  'TRACE / HTTP/1.1',
  'GET / HTTP/1.0',
  'PURGE http://h/x HTTP/1.1',
  'GET / HTTP/1.2',
  'x / HTTP/1.1',
  'CONNECT h:80 HTTP/1.1',
  'OPTIONS * HTTP/1.1',
  'GET /\x7f HTTP/1.1',
];
const STATUS = [
  'HTTP/1.1 200 OK',
  'HTTP/1.1 200 ',
  'HTTP/1.1 200',
  'HTTP/1.0 404 Not Found',
  'HTTP/1.1 101 Switching',
  'HTTP/1.1 204 No',
  'HTTP/1.1 099 x',
  'HTTP/1.1 2000 x',
  'HTTP/1.1 200 \x01',
];

const LIMITS: HeadLimits[] = [
  { maxHeadersCount: 100, maxHeadersBytes: 60_000, underscores: 'allow' },
  { maxHeadersCount: 3, maxHeadersBytes: 60_000, underscores: 'reject' },
  { maxHeadersCount: 100, maxHeadersBytes: 120, underscores: 'drop' },
];
const pick = <T>(list: readonly T[]) => fc.constantFrom(...list);
/** Few heads, each several times: what is familiar comes again. */
const heads = (firsts: readonly string[]) =>
  fc.array(
    fc.record({
      first: pick(firsts),
      lines: fc.array(pick(LINES), { maxLength: 6 }),
      times: fc.integer({ min: 1, max: 4 }),
      rules: pick(LIMITS),
      after: pick(['', 'body', '\r\n']),
    }),
    { minLength: 1, maxLength: 6 },
  );

function same<T extends object>(
  quick: T | null,
  thorough: T | { reason: string },
  wire: number,
  limits: HeadLimits,
): void {
  if (quick === null) return;
  assert.ok(wire <= limits.maxHeadersBytes, 'read a head that is too large');
  assert.deepEqual({ ...quick, window: '' }, thorough);
}

test('requests: the same head, or null', () => {
  fc.assert(
    fc.property(heads(FIRST), (list) => {
      for (const { first, lines, times, rules, after } of list) {
        const head = Buffer.from([first, ...lines, '', ''].join('\r\n'), 'latin1');
        const all: RequestRules = { ...rules, acceptHttp10: false, customMethods: false };
        const bytes = Buffer.concat([Buffer.from('xx'), head, Buffer.from(after)]);
        for (let n = 0; n < times; n++)
          same(quickRequest(bytes, 2, 'http', all), readRequest(head, all), head.length, rules);
      }
    }),
    { numRuns: 3000 },
  );
});

test('answers: the same head, or null', () => {
  fc.assert(
    fc.property(heads(STATUS), pick(['GET', 'HEAD']), (list, method) => {
      for (const { first, lines, times, rules, after } of list) {
        const head = Buffer.from([first, ...lines, '', ''].join('\r\n'), 'latin1');
        const bytes = Buffer.concat([head, Buffer.from(after)]);
        for (let n = 0; n < times; n++)
          same(quickResponse(bytes, 0, method, rules), readResponse(head, method, rules), head.length, rules);
      }
    }),
    { numRuns: 3000 },
  );
});

test('an ordinary head is read the quick way, also the third time, and a changed list disturbs nobody', () => {
  const [limits] = LIMITS as [HeadLimits];
  const head = Buffer.from('HTTP/1.1 200 OK\r\nServer: s\r\nContent-Length: 2\r\n\r\nok');
  for (let n = 0; n < 5; n++) {
    const parsed = quickResponse(head, 0, 'GET', limits);
    assert.deepEqual(parsed?.head.headers, ['server', 's', 'content-length', '2']);
    parsed?.head.headers.push('x', 'y');
  }
});

test('limits hold for fields that are recalled, too', () => {
  const [wide, narrow] = LIMITS as [HeadLimits, HeadLimits];
  const head = Buffer.from('HTTP/1.1 200 OK\r\nServer: t\r\nVary: a\r\nAge: 1\r\nContent-Length: 0\r\n\r\n');
  for (let n = 0; n < 5; n++) assert.ok(quickResponse(head, 0, 'GET', wide));
  assert.equal(quickResponse(head, 0, 'GET', narrow), null);
});

test('a head that is cut anywhere is left to the other way', () => {
  const [limits] = LIMITS as [HeadLimits];
  const head = Buffer.from('HTTP/1.1 200 OK\r\nServer: s\r\nContent-Length: 2\r\n\r\n');
  for (let n = 0; n < 4; n++) assert.ok(quickResponse(head, 0, 'GET', limits));
  for (let cut = 0; cut < head.length; cut++)
    assert.equal(quickResponse(head.subarray(0, cut), 0, 'GET', limits), null);
});

test('what identifies somebody is not kept, nor what is long', () => {
  const lines = new FamiliarLines();
  const meet = (name: string, value: string) => {
    const text = `${name}: ${value}\r\n`;
    const field = fieldName(name, 0, name.length);
    assert.ok(field);
    for (let n = 0; n < 3; n++) lines.meet(text, 0, text.length, field, value);
    return lines.find(text, 0, text.length) !== null;
  };
  assert.equal(meet('accept', '*/*'), true);
  for (const name of ['authorization', 'cookie', 'set-cookie', 'x-request-id', 'x-api-key'])
    assert.equal(meet(name, 'v'), false);
  assert.equal(meet('accept', 'v'.repeat(200)), false);
});
