// What a connection begins with: each beginning whole, cut in two at every byte, and byte by byte.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FirstLine, type FirstLineVerdict, LONGEST_FIRST_LINE } from '../../../sidecar/http/first-line.ts';
import { METHODS } from '../../../sidecar/http/h1/parse.ts';

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/** The verdict, and after how many bytes it was there. */
interface Told {
  readonly verdict: FirstLineVerdict;
  readonly after: number;
}

/** `|` stands where it is known. */
const BEGINNINGS: readonly (readonly [string, FirstLineVerdict])[] = [
  ['GET / HTTP/1.1\r|\nhost: a\r\n\r\n', 'http/1.1'],
  ['GET / HTTP/1.1\n|host: a\n\n', 'http/1.1'],
  ['POST /a?b=c HTTP/1.0\r|\n\r\n', 'http/1.0'],
  ['GET / HTTP/1.2\r|\n', 'http/1.0'],
  ['M-SEARCH * HTTP/1.1\r|\n', 'http/1.1'],
  ['CONNECT a:443 HTTP/1.1\r|\n', 'http/1.1'],
  ['GET http://a/b HTTP/1.1\r|\n', 'http/1.1'],
  ['PUT /\xc3\xa9 HTTP/1.1\r|\n', 'http/1.1'],
  ['\r\nGET / HTTP/1.1\r|\n', 'http/1.1'],
  [`${PREFACE}|\0\0\0`, 'h2c'],
  ['PRI * HTTP/2.0\r\n\r\nSX|\r\n\r\n', 'other'],
  ['PRI * HTTP/1|.1\r\n', 'other'],
  ['PUT / HTTP/2|.0\r\n', 'other'],
  ['GET / HTTP/1.1 |\r\n', 'other'],
  ['GET / HTTP/1.10|\r\n', 'other'],
  ['GET / HTTP/1.x|', 'other'],
  ['GET  |/ HTTP/1.1\r\n', 'other'],
  ['GET /\r|\n', 'other'],
  ['g|et / HTTP/1.1\r\n', 'other'],
  ['FETCH |/ HTTP/1.1\r\n', 'other'],
  ['AAAAAAAAAAAA|AAAA', 'other'],
  ['\r\n\r|\nGET / HTTP/1.1\r\n', 'other'],
  // Redis, inline and as it is mostly spoken; SSH; SMTP; PostgreSQL; TLS; nothing but zeros.
  ['PING\r|\n', 'other'],
  ['GET key\r|\n', 'other'],
  ['*|1\r\n$4\r\nPING\r\n', 'other'],
  ['SSH-2|.0-OpenSSH_9.6\r\n', 'other'],
  ['EHLO |a\r\n', 'other'],
  ['\0|\0\0\x08\x04\xd2\x16/', 'other'],
  ['\x16|\x03\x01\x02', 'other'],
  ['\0|', 'other'],
];

function shown(text: string, cuts: readonly number[]): Told {
  const bytes = Buffer.from(text, 'latin1');
  const line = new FirstLine();
  let at = 0;
  for (const cut of [...cuts, bytes.length]) {
    const verdict = line.look(bytes.subarray(at, cut));
    at = cut;
    if (verdict !== 'more') return { verdict, after: at };
  }
  return { verdict: 'more', after: at };
}

test('each beginning, at the byte at which it is known, however it is cut', () => {
  for (const [marked, verdict] of BEGINNINGS) {
    const known = marked.indexOf('|');
    const text = marked.replace('|', '');
    const each = Array.from({ length: text.length }, (_, n) => n + 1);
    assert.deepEqual(shown(text, each), { verdict, after: known }, marked);
    assert.equal(shown(text, []).verdict, verdict, marked);
    for (const cut of each) assert.equal(shown(text, [cut]).verdict, verdict, `${marked} cut at ${cut}`);
    // Until then nothing is said.
    for (const cut of each.filter((n) => n < known))
      assert.equal(shown(text.slice(0, cut), []).verdict, 'more', marked);
  }
});

test('every method that the codec takes, and every byte that a target may have', () => {
  const visible = String.fromCharCode(...Array.from({ length: 94 }, (_, n) => 33 + n));
  for (const method of METHODS) assert.equal(shown(`${method} /${visible} HTTP/1.1\r`, []).verdict, 'http/1.1', method);
});

test('a line has an end: the longest is waited for, and one byte more is not', () => {
  const rest = ' HTTP/1.1\r';
  const line = (length: number) => `GET /${'a'.repeat(length - rest.length - 5)}${rest}`;
  assert.equal(shown(line(LONGEST_FIRST_LINE), []).verdict, 'http/1.1');
  assert.deepEqual(shown(line(LONGEST_FIRST_LINE + 1), [LONGEST_FIRST_LINE]), {
    verdict: 'other',
    after: LONGEST_FIRST_LINE,
  });
});
