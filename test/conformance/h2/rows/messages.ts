// D: requests that are wrong as messages (RFC 9113 8), and some that look it and are not.

import * as f from '../frames.ts';
import { connection, passes, type Row, refused, STREAM, stream } from '../row.ts';

const { PROTOCOL } = f.ERROR;
const ST = stream(PROTOCOL);
const GET: f.Fields = f.request();
const CHUNK = 'abc';

const head = (fields: f.Fields, end = true) => f.headers(STREAM, fields, end);
const post = (...more: f.Fields) => f.request('POST', '/p', ...more);

/** A request of these fields is malformed. */
const bad = (id: string, means: string, fields: f.Fields) => refused(id, means, head(fields), ST);
const field = (id: string, means: string, name: string, value: string) =>
  bad(id, means, f.request('GET', '/d', [name, value]));
const path = (id: string, means: string, value: string) => bad(id, means, f.request('GET', value));
const method = (id: string, means: string, value: string) => bad(id, means, f.request(value));

/** GET with one pseudo field taken out, or another in its place. */
function changed(name: string, ...put: f.Fields): f.Fields {
  return GET.flatMap((one) => (one[0] === name ? put : [one]));
}

function body(id: string, means: string, length: string, text: string): Row {
  return refused(id, means, Buffer.concat([head(post(['content-length', length]), false), f.data(STREAM, text)]), ST);
}

/** POST with a body and such a second field block. */
function trailers(id: string, means: string, fields: f.Fields, end = true): Row {
  const says = Buffer.concat([head(post(), false), f.data(STREAM, CHUNK, false), head(fields, end)]);
  return refused(id, means, says, ST);
}

const CHARACTERS: readonly Row[] = [
  field('D02', 'CRLF in a value', 'x', 'a\r\nb'),
  field('D02b', 'CR in a value', 'x', 'a\rb'),
  field('D03', 'LF in a value', 'x', 'a\nb'),
  field('D04', 'NUL in a value', 'x', 'a\0b'),
  field('D04b', 'a whole request in a value', 'x', 'a\r\n\r\nGET /denied HTTP/1.1\r\nhost: a'),
  path('D05', 'CR in :path', '/a\rb'),
  path('D05b', 'CRLF in :path', '/a HTTP/1.1\r\nx: y'),
  path('D06', 'a space in :path', '/a b'),
  method('D07', 'CRLF in :method', 'GET\r\nx: y'),
  method('D08', 'a space in :method', 'G ET'),
  method('D08b', 'an empty :method', ''),
  field('D12', 'an upper-case name', 'X-Upper', '1'),
  field('D45', 'a value that begins with a space', 'x', ' a'),
  field('D45b', 'a value that ends with a tab', 'x', 'a\t'),
  field('D46', 'an empty name', '', 'a'),
  field('D47', 'a space in a name', 'x y', 'a'),
  field('D47b', 'a colon in a name', 'x:y', 'a'),
  field('D47c', 'CRLF in a name', 'x\r\ny', 'a'),
  field('D47d', 'a byte past ASCII in a name', 'x\xe9', 'a'),
];

const OF_A_CONNECTION: readonly Row[] = [
  field('D14', 'transfer-encoding', 'transfer-encoding', 'chunked'),
  field('D15', 'connection', 'connection', 'close'),
  field('D16', 'te other than trailers', 'te', 'gzip'),
  field('D16b', 'te: trailers and more', 'te', 'trailers, gzip'),
  field('D18', 'proxy-connection', 'proxy-connection', 'keep-alive'),
  field('D18b', 'upgrade', 'upgrade', 'websocket'),
  field('D18c', 'keep-alive', 'keep-alive', 'timeout=5'),
  refused(
    'D14b',
    'transfer-encoding with a body',
    Buffer.concat([head(post(['transfer-encoding', 'chunked']), false), f.data(STREAM, '0\r\n\r\n')]),
    ST,
  ),
];

const PSEUDO: readonly Row[] = [
  bad('D20', 'two :path', [...GET, [':path', '/e']]),
  bad('D21', 'a pseudo field after others', [...changed(':path'), ['x', '1'], [':path', '/d']]),
  bad('D22', 'an unknown pseudo field', [...GET, [':foo', 'bar']]),
  bad('D23', 'no :path', changed(':path')),
  bad('D23b', 'no :method', changed(':method')),
  bad('D23c', 'no :scheme', changed(':scheme')),
  path('D24', 'an empty :path', ''),
  path('D25', 'a :path without a slash', 'foo'),
  path('D26', ':path with a whole URI', 'http://evil/'),
  path('D26b', '* for a GET', '*'),
  bad('D27', 'no :authority and no host', changed(':authority')),
  bad('D27b', 'an empty :authority', changed(':authority', [':authority', ''])),
  bad('D29', 'a path in :authority', changed(':authority', [':authority', 'a/b'])),
  bad('D29b', 'user information in :authority', changed(':authority', [':authority', 'u@a'])),
  bad('D29c', 'CRLF in :authority', changed(':authority', [':authority', 'a\r\nx: y'])),
  bad('D30', 'a :scheme that is none', changed(':scheme', [':scheme', 'ht tp'])),
  bad('D30b', 'a :scheme with CRLF', changed(':scheme', [':scheme', 'http://x/ HTTP/1.1\r\n'])),
  bad('D31', 'host twice', [...GET, ['host', 'a'], ['host', 'a']]),
  bad('D31b', 'another host than :authority', [...GET, ['host', 'b']]),
  bad('D40', 'CONNECT with :path', changed(':method', [':method', 'CONNECT'])),
  bad('D41', ':protocol that nobody offered', [
    ...changed(':method', [':method', 'CONNECT']),
    [':protocol', 'websocket'],
  ]),
  bad('D42', ':status in a request', [...GET, [':status', '200']]),
];

const LENGTHS: readonly Row[] = [
  body('D32', 'a body shorter than its length', '5', CHUNK),
  body('D32b', 'a body longer than its length', '2', CHUNK),
  body('D33', 'a body where the length is 0', '0', CHUNK),
  bad('D34', 'no body where the length is 5', post(['content-length', '5'])),
  body('D35', 'a length with a sign', '+3', CHUNK),
  body('D35b', 'a length in octal, perhaps', '03', CHUNK),
  body('D35c', 'two lengths in one', '3, 3', CHUNK),
  body('D35d', 'a length past every number', '99999999999999999999', CHUNK),
  bad('D36', 'two lengths', post(['content-length', '0'], ['content-length', '0'])),
  trailers('D37', 'a pseudo field in trailers', [[':path', '/e']]),
  trailers('D38', 'trailers that do not end the stream', [['x', '1']], false),
  trailers('D39', 'a length in trailers', [['content-length', '3']]),
  trailers('D39b', 'transfer-encoding in trailers', [['transfer-encoding', 'chunked']]),
  trailers('D39c', 'CRLF in trailers', [['x', 'a\r\nb']]),
  refused(
    'D32c',
    'trailers before the length is full',
    Buffer.concat([head(post(['content-length', '5']), false), f.data(STREAM, CHUNK, false), head([['x', '1']])]),
    ST,
  ),
];

const NUMBERS: readonly Row[] = [
  refused('D43', 'an even stream', f.headers(2, GET), connection(PROTOCOL)),
  refused('D43b', 'HEADERS for the connection', f.headers(0, GET), connection(PROTOCOL)),
  {
    ...refused(
      'D44',
      'a stream older than the last',
      Buffer.concat([f.headers(5, GET), f.headers(3, GET)]),
      connection(PROTOCOL),
    ),
    sees: { line: 'GET /d HTTP/1.1' },
    mayMiss: true,
  },
];

const LARGE: readonly Row[] = [
  refused('D49', '300 fields', head(f.request('GET', '/d', ...many(300))), { kind: 'refusal', status: 431 }),
  refused('D50', 'a field of 61 KB', head(f.request('GET', '/d', ['x', 'a'.repeat(61 * 1024)])), {
    kind: 'refusal',
    status: 431,
  }),
  // More than we gather of one block: what it would do to the table is lost, and the connection with it.
  refused(
    'D50b',
    'a field of 70 KB',
    head(f.request('GET', '/d', ['x', 'a'.repeat(70 * 1024)])),
    connection(f.ERROR.CALM),
  ),
];

function many(count: number): f.Fields {
  return Array.from({ length: count }, (_, i) => [`x-${i}`, '1'] as const);
}

const GOOD: readonly Row[] = [
  passes('D00', 'a plain request', head(GET), { line: 'GET /d HTTP/1.1', fields: { host: 'a' } }),
  passes(
    'D01',
    'a request with body and trailers',
    Buffer.concat([head(post(), false), f.data(STREAM, CHUNK, false), head([['x-trailer', '1']])]),
    { line: 'POST /p HTTP/1.1', fields: { 'transfer-encoding': 'chunked' }, body: CHUNK },
  ),
  passes('D17', 'te: trailers', head(f.request('GET', '/d', ['te', 'trailers'])), { line: 'GET /d HTTP/1.1' }),
  passes('D28', 'host in the place of :authority', head([...changed(':authority'), ['host', 'h']]), {
    line: 'GET /d HTTP/1.1',
    fields: { host: 'h' },
  }),
  passes('D28b', 'host like :authority', head([...GET, ['host', 'a']]), {
    line: 'GET /d HTTP/1.1',
    fields: { host: 'a' },
  }),
  passes('D48', '__proto__ as a name', head(f.request('GET', '/d', ['__proto__', 'x'], ['constructor', 'y'])), {
    line: 'GET /d HTTP/1.1',
    fields: { __proto__: 'x', constructor: 'y' } as Record<string, string>,
  }),
  // As in HTTP/1: no prefix is one of it.
  refused('D51', 'OPTIONS *, for which there is no route', head(f.request('OPTIONS', '*')), {
    kind: 'refusal',
    status: 404,
  }),
  passes('D52', 'a path to be normalised', head(f.request('GET', '/a/./b/../c//d')), { line: 'GET /a/c/d HTTP/1.1' }),
  passes('D53', 'an encoded CRLF in :path', head(f.request('GET', '/a%0d%0ax:%20y')), {
    line: 'GET /a%0d%0ax:%20y HTTP/1.1',
    lacks: ['x'],
  }),
  passes('D54', 'crumbs of a cookie', head(f.request('GET', '/d', ['cookie', 'a=b'], ['x', '1'], ['cookie', 'c=d'])), {
    line: 'GET /d HTTP/1.1',
    fields: { cookie: 'a=b; c=d' },
  }),
  passes(
    'D55',
    'a body of the length that was said',
    Buffer.concat([head(post(['content-length', '3']), false), f.data(STREAM, CHUNK)]),
    { line: 'POST /p HTTP/1.1', fields: { 'content-length': '3' }, body: CHUNK },
  ),
];

export const MESSAGES: readonly Row[] = [
  ...GOOD,
  ...CHARACTERS,
  ...OF_A_CONNECTION,
  ...PSEUDO,
  ...LENGTHS,
  ...NUMBERS,
  ...LARGE,
];
