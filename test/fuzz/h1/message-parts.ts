// Parts of well-formed HTTP/1 messages, as texts of latin1.

import type { Random } from '../random.ts';

const FIELDS: readonly (readonly [string, readonly string[]])[] = [
  ['accept', ['*/*', 'text/html, text/plain;q=0.5', '']],
  ['User-Agent', ['curl/8.0', 'a (b; c) d/1']],
  ['content-type', ['text/plain', 'application/json; charset=utf-8']],
  ['Cookie', ['a=1; b=2', 'c=3']],
  ['authorization', ['Bearer x.y.z', 'Basic YTpi']],
  ['x-request-id', ['0f', 'abc-def']],
  ['X-Forwarded-For', ['1.2.3.4', '1.2.3.4, 5.6.7.8']],
  ['x-empty', ['', ' ', '\t']],
  ['x-latin', ['caf\xe9', '\xa0', 'a\tb']],
  ['x_under', ['1']],
  ['TE', ['trailers', 'trailers, deflate', 'gzip']],
  ['Trailer', ['x-sum']],
  ['connection', ['keep-alive', 'close', 'x-foo', 'Keep-Alive, TE', 'x-foo, , X-Bar']],
  ['Keep-Alive', ['timeout=5']],
  ['x-foo', ['1', '2']],
  ['via', ['1.1 a']],
  ['cache-control', ['no-cache', 'max-age=0']],
  ['set-cookie', ['a=1; Path=/', 'b=2']],
  ['grpc-status', ['0']],
  ['traceparent', ['00-1-2-01']],
];

export function fields(random: Random): string {
  let text = '';
  for (let i = random.below(5); i > 0; i--) {
    const [name, values] = random.pick(FIELDS);
    text += `${name}:${blank(random)}${random.pick(values)}\r\n`;
  }
  return text;
}

/** Optional white space before a value. */
export function blank(random: Random): string {
  return random.chance(0.9) ? ' ' : random.pick(['', '\t', '  ']);
}

const BODIES = ['', 'hello', 'a', '0\r\n\r\n', 'GET / HTTP/1.1\r\nhost: a\r\n\r\n', '\r\n', 'x'.repeat(40), '\0\xff\r'];

/** Bodies that are not joined with their heads, or wait for room. */
const LARGE = 0.004;

function large(random: Random): string {
  const length = random.chance(0.8) ? random.between(4000, 20_000) : random.below(70_000);
  return 'abcdefghij'.repeat(Math.ceil(length / 10)).slice(0, length);
}

export function body(random: Random): string {
  if (random.chance(LARGE)) return large(random);
  return random.pick(BODIES);
}

const EXTENSIONS = [';a=b', ';a', ';a="b c"', ';a=b;c', ';'];
const TRAILERS = ['x-sum: 1\r\n', 'Grpc-Status: 0\r\ngrpc-message: ok\r\n', 'content-length: 3\r\n', 'Host: b\r\n'];

/** The chunked coding of some text, with extensions and trailers now and then. */
export function chunked(random: Random): string {
  let text = '';
  for (let i = random.below(4); i > 0; i--) {
    const data = body(random);
    if (data.length > 0) text += `${size(data.length, random)}\r\n${data}\r\n`;
  }
  return `${text}${size(0, random)}\r\n${random.chance(0.15) ? random.pick(TRAILERS) : ''}\r\n`;
}

function size(length: number, random: Random): string {
  const digits = length.toString(16);
  const text = random.chance(0.1) ? digits.toUpperCase().padStart(random.between(1, 16), '0') : digits;
  return random.chance(0.1) ? text + random.pick(EXTENSIONS) : text;
}

/** A body with the field that frames it; `unframed` where neither length nor coding is said. */
export function framed(random: Random, unframed: string): readonly [field: string, body: string] {
  const share = random.below(100);
  if (share < 35) return ['', unframed];
  if (share < 65) return [`${random.pick(CODING)}${blank(random)}chunked\r\n`, chunked(random)];
  const text = body(random);
  return [`${random.pick(LENGTH)}${blank(random)}${text.length}\r\n`, text];
}

const CODING = ['transfer-encoding:', 'Transfer-Encoding:'];
const LENGTH = ['content-length:', 'Content-Length:'];
