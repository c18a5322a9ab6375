// Requests that a proxy must not misread: each row whole and cut at every byte, over real sockets. Refused
// means 4xx, Connection: close, nothing forwarded. The letters are those of RFC 9112's sections in groups:
// F framing fields, K chunked bodies, H field lines, T targets and Host, L request lines, P proxy duties.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openClient } from '../mesh/client.ts';
import { answer, startOrigin } from '../mesh/origin.ts';
import { startProxy } from '../mesh/proxy.ts';
import { ask, type Bench, cuts, forwarded, refused } from './http1-rows.ts';

let bench: Bench;

before(async () => {
  const origin = await startOrigin();
  bench = { origin, proxy: await startProxy({ origins: { o1: origin.port } }) };
});

after(async () => {
  await bench.proxy.close();
  await bench.origin.close();
});

const post = (fields: string, body = '') => `POST / HTTP/1.1\r\nhost: a\r\n${fields}\r\n\r\n${body}`;
const chunked = (body: string) => post('transfer-encoding: chunked', body);
const get = (fields = '', target = '/') =>
  `GET ${target} HTTP/1.1\r\nhost: a\r\n${fields}${fields === '' ? '' : '\r\n'}\r\n`;

const HELLO = '5\r\nhello\r\n0\r\n\r\n';

const REFUSED: Readonly<Record<string, string>> = {
  'F01 length and chunked': post('content-length: 5\r\ntransfer-encoding: chunked', HELLO),
  'F02 chunked and length': post('transfer-encoding: chunked\r\ncontent-length: 5', HELLO),
  'F04 a length twice': post('content-length: 5\r\ncontent-length: 5', 'hello'),
  'F05 a list of equal lengths': post('content-length: 5, 5', 'hello'),
  'F06 a list of lengths': post('content-length: 5, 6', 'hello'),
  'F10 two numbers': post('content-length: 1 2', 'hello'),
  'F11 an empty length': post('content-length: ', 'hello'),
  'F11 an empty length before a good one': post('content-length: \r\ncontent-length: 5', 'hello'),
  'F12 an exponent': post('content-length: 1e1', 'hello'),
  'F13 a fraction': post('content-length: 5.0', 'hello'),
  'F14 an underscore in a number': post('content-length: 1_0', 'hello'),
  'a sign': post('content-length: +5', 'hello'),
  hexadecimal: post('content-length: 0x5', 'hello'),
  'a leading zero': post('content-length: 05', 'hello'),
  'F16 past 2^64': post('content-length: 18446744073709551621', 'hello'),
  'F16 past 2^53': post('content-length: 9007199254740993', 'hello'),
  'F18 a space before the colon': post('content-length : 5', 'hello'),
  'F21 chunked is not last': post('transfer-encoding: chunked, identity', HELLO),
  'F22 identity': post('transfer-encoding: identity', 'hello'),
  'F23 identity, chunked': post('transfer-encoding: identity, chunked', HELLO),
  'F25 chunked twice in one': post('transfer-encoding: chunked, chunked', HELLO),
  'F26 chunked in two fields': post('transfer-encoding: chunked\r\ntransfer-encoding: chunked', HELLO),
  'F27 another coding': post('transfer-encoding: xchunked', HELLO),
  'F29 an empty member': post('transfer-encoding: chunked,', HELLO),
  'F30 a parameter': post('transfer-encoding: chunked;q=1', HELLO),
  'F31 quoted': post('transfer-encoding: "chunked"', HELLO),
  'F31 in single quotes': post("transfer-encoding: 'chunked'", HELLO),
  'F33 a no-break space': post('transfer-encoding: \xa0chunked', HELLO),
  'F33 a next-line': post('transfer-encoding: \x85chunked', HELLO),
  'F34 an empty coding': post('transfer-encoding: ', HELLO),
  'F35 an empty coding and a length': post('transfer-encoding: \r\ncontent-length: 5', 'hello'),
  'F37 a coding on a folded line': post('transfer-encoding:\r\n chunked', HELLO),
  'F39 chunked in HTTP/1.0': `POST / HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n${HELLO}`,
  'F41 a CR inside a name': post('transfer\r-encoding: chunked', HELLO),
  'F42 no colon': post('transfer-encoding chunked', HELLO),
  'F43 a name over two lines': post('transfer-\r\nencoding: chunked', HELLO),
  'F45 a CR hides a field': post('x: x\rtransfer-encoding: chunked', HELLO),
  'F46 a LF hides a field': post('x: x\ntransfer-encoding: chunked', HELLO),
  'K01 a hexadecimal prefix': chunked('0x5\r\nhello\r\n0\r\n\r\n'),
  'K02 a sign': chunked('+5\r\nhello\r\n0\r\n\r\n'),
  'K03 minus zero': chunked('-0\r\n\r\n'),
  'K04 an underscore': chunked('0_5\r\nhello\r\n0\r\n\r\n'),
  'K05 a space before a size': chunked(' 5\r\nhello\r\n0\r\n\r\n'),
  'K06 a space after a size': chunked('5 \r\nhello\r\n0\r\n\r\n'),
  'K08 a size past 2^64': chunked('10000000000000005\r\nhello\r\n0\r\n\r\n'),
  'K09 a size of many digits': chunked(`${'0'.repeat(24)}5\r\nhello\r\n0\r\n\r\n`),
  'K10 no digit': chunked('G\r\nhello\r\n0\r\n\r\n'),
  'K13 a LF ends an extension': chunked('5;\nxx\r\nhello\r\n0\r\n\r\n'),
  'K14 a CR in an extension': chunked('5;a\rb\r\nhello\r\n0\r\n\r\n'),
  'K15 a NUL in an extension': chunked('5;a\0b\r\nhello\r\n0\r\n\r\n'),
  'an extension past its limit': chunked(`5;${'x'.repeat(300)}\r\nhello\r\n0\r\n\r\n`),
  'K17 no CRLF after the data': chunked('5\r\nhelloXX0\r\n\r\n'),
  'K18 one byte too many': chunked('4\r\nhello\r\n0\r\n\r\n'),
  'K19 a LF after the data': chunked('5\r\nhello\n0\r\n\r\n'),
  'K20 a CR after the data': chunked('5\r\nhello\r0\r\n\r\n'),
  'K21 a LF after the last chunk': chunked('5\r\nhello\r\n0\n\r\n'),
  'K26 a control character in a trailer': chunked('5\r\nhello\r\n0\r\nx: \x01\r\n\r\n'),
  'K28 more extension than data': chunked(`${`1;${'x'.repeat(200)}\r\na\r\n`.repeat(200)}0\r\n\r\n`),
  'K29 5000 trailers': chunked(`5\r\nhello\r\n0\r\n${'x: 1\r\n'.repeat(5000)}\r\n`),
  'K30 CR CR X ends a head': 'GET / HTTP/1.1\r\nhost: a\r\n\r\rX\r\n\r\n',
  'H01 a space before a colon': get('x : 1'),
  'H02 a tab before a colon': get('x\t: 1'),
  'H03 a folded line': get('x: 1\r\n 2'),
  'H05 an empty name': get(': b'),
  'H06 no colon': get('xyz'),
  'H07 a NUL in a value': get('x: a\0b'),
  'H08 a control character in a value': get('x: a\x01b'),
  'H09 DEL in a value': get('x: a\x7fb'),
  'H11 LF alone': 'GET / HTTP/1.1\nhost: a\n\n\r\n\r\n',
  'H12 one line with LF alone': 'GET / HTTP/1.1\r\nhost: a\nx: 1\r\n\r\n',
  'H13 CR alone': 'GET / HTTP/1.1\rhost: a\r\r\r\n\r\n',
  'H14 a letter past ASCII in a name': get('x\xe9: 1'),
  'H16 a parenthesis in a name': get('x(: 1'),
  'H18 101 fields': get(Array.from({ length: 100 }, (_, i) => `x-${i}: 1`).join('\r\n')),
  'H19 2001 fields': get(Array.from({ length: 2000 }, (_, i) => `x-${i}: 1`).join('\r\n')),
  'H20 a head past 60 KiB': get(`x: ${'y'.repeat(62_000)}`),
  'H25 cookies past 60 KiB': get(Array.from({ length: 50 }, () => `cookie: a=${'y'.repeat(1300)}`).join('\r\n')),
  'T01 no Host': 'GET / HTTP/1.1\r\nx: 1\r\n\r\n',
  'T02 two Hosts': get('host: b'),
  'T03 the same Host twice': get('host: a'),
  'two authorizations': get('authorization: a\r\nauthorization: b'),
  'T11 user information': get('', 'http://user@a/'),
  'T12 an authority for GET': get('', 'a:80'),
  'T15 a fragment': get('', '/a#b'),
  'T18 a NUL': get('', '/a\0b'),
  'T25 no slash': get('', 'admin'),
  'T26 a space in the target': get('', '/a b'),
  'L01 HTTP/0.9': 'GET /\r\n\r\n',
  'L02 HTTP/1.2': 'GET / HTTP/1.2\r\nhost: a\r\n\r\n',
  'L04 HTTP/1.10': 'GET / HTTP/1.10\r\nhost: a\r\n\r\n',
  'L05 http in lower case': 'GET / http/1.1\r\nhost: a\r\n\r\n',
  'L06 two spaces': 'GET  / HTTP/1.1\r\nhost: a\r\n\r\n',
  'L07 tabs': 'GET\t/\tHTTP/1.1\r\nhost: a\r\n\r\n',
  'L09 a method in lower case': 'get / HTTP/1.1\r\nhost: a\r\n\r\n',
  'L11 two empty lines first': '\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n',
  'L12 a LF first': '\nGET / HTTP/1.1\r\nhost: a\r\n\r\n',
  'L13 a space after the version': 'GET / HTTP/1.1 \r\nhost: a\r\n\r\n',
  'L14 the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'L16 RTSP': 'DESCRIBE / RTSP/1.0\r\nhost: a\r\n\r\n',
  'P03 1000 members of Connection': get(`connection: ${Array.from({ length: 1000 }, (_, i) => `x${i}`).join(',')}`),
  'P11 an unknown expectation': post('content-length: 5\r\nexpect: 200-ok', 'hello'),
  'P12 an obfuscated expectation': post('content-length: 5\r\nexpect: y 100-continue', 'hello'),
  'P16 an upgrade with a body': get('connection: upgrade\r\nupgrade: websocket\r\ncontent-length: 5').concat('hello'),
  'P20 CONNECT with a path': 'CONNECT /a HTTP/1.1\r\nhost: a\r\n\r\n',
};

describe('refused', () => {
  for (const [name, text] of Object.entries(REFUSED)) it(name, () => refused(bench, text));
});

interface Kept {
  readonly text: string;
  readonly head?: readonly RegExp[];
  readonly not?: readonly RegExp[];
  readonly body?: string;
}

const FORWARDED: Readonly<Record<string, Kept>> = {
  'F17 blanks around a length': {
    text: post('content-length: \t5 ', 'hello'),
    head: [/^content-length: 5$/m],
    body: 'hello',
  },
  'F38 an underscore for a hyphen frames nothing': {
    text: post('transfer_encoding: chunked\r\ncontent-length: 5', 'hello'),
    not: [/^transfer-encoding/im],
    body: 'hello',
  },
  'F47 a GET with a body': {
    text: get('content-length: 5').concat('hello'),
    head: [/^content-length: 5$/m],
    body: 'hello',
  },
  'K12 an extension is taken off': { text: chunked('5;a=b\r\nhello\r\n0\r\n\r\n'), not: [/a=b/] },
  'K23 a length in the trailers stays behind': {
    text: chunked('5\r\nhello\r\n0\r\ncontent-length: 9\r\n\r\n'),
    not: [/content-length/i],
  },
  'K25 Host and credentials in the trailers stay behind': {
    text: chunked('5\r\nhello\r\n0\r\nhost: evil\r\nauthorization: x\r\nx-forwarded-for: 9.9.9.9\r\n\r\n'),
    not: [/evil/, /authorization/i, /9\.9\.9\.9/],
  },
  'H15 obs-text unchanged': { text: get('x: caf\xe9'), head: [/^x: caf\xe9$/m] },
  'T10 the target names the Host': { text: get('', 'http://b.test/x'), head: [/^GET \/x HTTP/, /^host: b\.test$/m] },
  'T20 an encoded line break stays encoded': { text: get('', '/a%0d%0ab'), head: [/^GET \/a%0d%0ab HTTP/] },
  'L11 one empty line first': { text: `\r\n${get()}`, head: [/^GET \/ HTTP/] },
  'P01 nominated fields go': { text: get('connection: x-foo\r\nx-foo: 1'), not: [/x-foo/i, /^connection/im] },
  'P02 protected fields stay': {
    text: get(
      'connection: authorization, cookie, x-request-id, traceparent\r\nauthorization: b\r\ncookie: c=1\r\ntraceparent: t',
    ),
    head: [/^authorization: b$/m, /^cookie: c=1$/m, /^x-request-id: /m, /^traceparent: t$/m],
  },
  'P03 Connection in two lines': {
    text: get('connection: ,x-foo,\r\nConnection: X-BAR\r\nx-foo: 1\r\nx-bar: 2'),
    not: [/x-foo/i, /x-bar/i],
  },
  'P04 hop-by-hop fields': {
    text: get('keep-alive: 5\r\nproxy-connection: x\r\nte: gzip\r\nhttp2-settings: x'),
    not: [/^keep-alive/im, /^proxy-connection/im, /^te:/im, /^http2-settings/im],
  },
  'P12 an expectation without a body': { text: get('expect: 100-continue'), not: [/^expect/im] },
  'P19 h2c is never offered': {
    text: get('connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: x'),
    not: [/h2c/, /settings/i],
  },
};

describe('forwarded', () => {
  for (const [name, { text, head = [], not = [], body }] of Object.entries(FORWARDED)) {
    it(name, () =>
      forwarded(bench, text, (seen) => {
        const all = `${seen.head.replaceAll('\r', '')}\n${seen.body}`;
        for (const pattern of head) assert.match(all, pattern);
        for (const pattern of not) assert.doesNotMatch(all, pattern);
        if (body !== undefined) assert.equal(seen.body, body);
      }),
    );
  }
});

describe('connections', () => {
  it('F49 what follows a request without a body is the next request', async () => {
    bench.origin.script = (_, n) => answer(`n${n > 0 ? '' : ''}`);
    const text = `POST /1 HTTP/1.1\r\nhost: a\r\n\r\n${get('connection: close', '/2')}`;
    for (const pieces of cuts(text)) {
      const before = bench.origin.seen.length;
      await ask(bench, pieces, (all) => all.split('HTTP/1.1 200 OK').length === 3 && all.endsWith('n'));
      const lines = bench.origin.seen.slice(before).map(({ head }) => head.split(' HTTP')[0]);
      assert.deepEqual(lines, ['POST /1', 'GET /2'], JSON.stringify(pieces));
    }
  });

  it('P08 a bad second request never disturbs the first answer', async () => {
    bench.origin.script = () => answer('first');
    for (const pieces of cuts(`${get('', '/1')}GET  / HTTP/1.1\r\n\r\n`)) {
      const received = await ask(bench, pieces, (all) => /first[\s\S]*HTTP\/1\.1 400 [\s\S]*\r\n\r\n/.test(all));
      assert.match(received, /^HTTP\/1\.1 200 OK[\s\S]*firstHTTP\/1\.1 400/, JSON.stringify(pieces));
    }
  });

  it('P09 bytes after a last request are not read', async () => {
    bench.origin.script = () => answer('only');
    for (const pieces of cuts(`${get('connection: close', '/1')}${get('', '/2')}`)) {
      const before = bench.origin.seen.length;
      const received = await ask(bench, pieces, (all) => all.endsWith('only'));
      assert.equal(received.split('HTTP/1.1').length, 2);
      assert.equal(bench.origin.seen.length - before, 1, JSON.stringify(pieces));
    }
  });

  it('P23 a client that leaves takes the upstream exchange with it', async () => {
    bench.origin.script = () => null;
    const before = bench.origin.seen.length;
    const client = await openClient(bench.proxy.port());
    await client.send(get('', '/gone'));
    while (bench.origin.seen.length === before) await new Promise((resolve) => setImmediate(resolve));
    const socket = bench.origin.sockets[(bench.origin.seen.at(-1)?.connection ?? 1) - 1];
    const gone = new Promise((resolve) => socket?.once('close', resolve));
    client.close();
    await gone;
  });
});
