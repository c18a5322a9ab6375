// H: field lines (RFC 9112 5, RFC 9110 5). No byte is repaired by deletion; what could be read as another
// field, or as none, is refused; what has a limit is refused beyond it.

import type { Entry, Outcome } from '../entry.ts';
import { closing, either, forwarded, get, inTurn, lines, refused, request, seesGet } from '../words.ts';

const NAME = 'RFC 9110 5.1';
const VALUE = 'RFC 9110 5.5';
const LINE = 'RFC 9112 5';
const LINE_END = 'RFC 9112 2.2';
const LIMIT = 'RFC 9110 5.4';

/** With this value of x. */
const served = (x: string | readonly string[]): Outcome => forwarded(seesGet({ fields: { x } }));
const bad = (id: string, means: string, source: string, line: string, ...alsoSafe: readonly Outcome[]): Entry =>
  request(id, means, source, get(line), refused(), ...alsoSafe);

/** A field whose name cannot be one may be dropped whole; handed on it would be a fault at the origin. */
const DROPPED_FIELD = either(forwarded(seesGet()));

const NAMES: readonly Entry[] = [
  bad('H01', 'a space before a colon', 'RFC 9112 5.1', 'x : 1'),
  bad('H02', 'a tab before a colon', 'RFC 9112 5.1', 'x\t: 1'),
  bad('H04', 'a space inside a name', NAME, 'x y: 1'),
  bad('H05', 'an empty name', LINE, ': b'),
  bad('H05b', 'nothing but a colon', LINE, ':'),
  bad('H06', 'no colon', LINE, 'xyz'),
  bad('H14', 'a letter past ASCII in a name', NAME, 'x\xe9: 1', DROPPED_FIELD),
  bad('H14b', 'a no-break space after a name', NAME, 'x\xa0: 1', DROPPED_FIELD),
  ...[...'()<>@,;\\"/[]?={}'].map((character, i) =>
    bad(`H16${String.fromCharCode(97 + i)}`, `${character} in a name`, NAME, `x${character}y: 1`, DROPPED_FIELD),
  ),
  bad('H16q', 'a NUL in a name', NAME, 'x\0y: 1'),
  bad('H16r', 'a control character in a name', NAME, 'x\x01y: 1'),
  bad('H16s', 'DEL in a name', NAME, 'x\x7fy: 1'),
  request(
    'H17',
    'every character that a token may have',
    NAME,
    get("x!#$%&'*+-.^`|~0aZ: 1"),
    [forwarded(seesGet({ fields: { "x!#$%&'*+-.^`|~0az": '1' } })), refused()],
    // Names that few use may be dropped whole.
    forwarded(seesGet()),
  ),
];

const VALUES: readonly Entry[] = [
  bad('H07', 'a NUL in a value', VALUE, 'x: a\0b'),
  bad('H07b', 'a NUL at the end of a value', VALUE, 'x: a\0'),
  bad('H07c', 'a value of one NUL', VALUE, 'x: \0'),
  ...['\x01', '\x08', '\x0b', '\x0c', '\x0e', '\x1b', '\x1f'].map((byte, i) =>
    bad(`H08${String.fromCharCode(97 + i)}`, `the byte ${byte.charCodeAt(0)} in a value`, VALUE, `x: a${byte}b`),
  ),
  bad('H09', 'DEL in a value', VALUE, 'x: a\x7fb'),
  bad('H10', 'a vertical tab as a blank', VALUE, 'x: \x0ba'),
  request('H10b', 'a tab inside a value', VALUE, get('x: a\tb'), served('a\tb')),
  request('H10c', 'blanks around a value', 'RFC 9112 5.1', get('x: \t 1 \t'), served('1')),
  request('H10d', 'no blank before a value', 'RFC 9112 5.1', get('x:1'), served('1')),
  request('H10e', 'an empty value', VALUE, get('x:'), served(''), forwarded(seesGet({ lacks: ['x'] }))),
  request('H10f', 'a value of blanks', VALUE, get('x: \t '), served(''), forwarded(seesGet({ lacks: ['x'] }))),
  request('H10g', 'colons in a value', VALUE, get('x: a:b: c'), served('a:b: c')),
  request('H10h', 'quotes and commas in a value', VALUE, get('x: "a,b"'), served('"a,b"')),
  request('H15', 'bytes past ASCII go on unchanged', VALUE, get('x: caf\xe9'), served('caf\xe9'), refused()),
  request('H15b', 'UTF-8 goes on unchanged', VALUE, get('x: \xe2\x82\xac'), served('\xe2\x82\xac'), refused()),
  request(
    'H15c',
    'the bytes of a CRLF in UTF-16',
    VALUE,
    get('x: \xe5\x98\x8a\xe5\x98\x8d'),
    served('\xe5\x98\x8a\xe5\x98\x8d'),
    refused(),
  ),
];

const folded = (text: string): Outcome => forwarded(seesGet({ fields: { x: new RegExp(`^1[ \\t]+${text}$`) } }));

const ENDS: readonly Entry[] = [
  bad('H03', 'a folded line', 'RFC 9112 5.2', 'x: 1\r\n 2', folded('2')),
  bad('H03b', 'a line folded with a tab', 'RFC 9112 5.2', 'x: 1\r\n\t2', folded('2')),
  bad('H03c', 'a folded line that looks like a field', 'RFC 9112 5.2', 'x: 1\r\n y: 2', folded('y: 2')),
  bad('H03d', 'a folded empty line', 'RFC 9112 5.2', 'x: 1\r\n \r\ny: 2', served(['1', '1 '])),
  request('H03e', 'a blank before the first field', LINE_END, 'GET /g HTTP/1.1\r\n host: a\r\n\r\n', refused()),
  request(
    'H03f',
    'a line of blanks before the first field',
    LINE_END,
    'GET /g HTTP/1.1\r\n \r\nhost: a\r\n\r\n',
    refused(),
  ),
  request(
    'H11',
    'LF alone ends every line',
    LINE_END,
    'GET /g HTTP/1.1\nhost: a\n\n\r\n\r\n',
    refused(),
    either(plain()),
    inTurn(plain(), refused()),
  ),
  request(
    'H12',
    'LF alone ends one line',
    LINE_END,
    'GET /g HTTP/1.1\r\nhost: a\nx: 1\r\n\r\n',
    refused(),
    either(served('1')),
  ),
  request(
    'H12b',
    'LF alone ends the request line',
    LINE_END,
    'GET /g HTTP/1.1\nhost: a\r\n\r\n',
    refused(),
    either(plain()),
  ),
  request(
    'H12c',
    'LF alone is the empty line',
    LINE_END,
    'GET /g HTTP/1.1\r\nhost: a\r\n\n\r\n\r\n',
    refused(),
    either(plain()),
    inTurn(plain(), refused()),
  ),
  request('H12d', 'LF CR', LINE_END, 'GET /g HTTP/1.1\n\rhost: a\n\r\n\r\r\n\r\n', refused()),
  request('H13', 'CR alone ends every line', LINE_END, 'GET /g HTTP/1.1\rhost: a\r\r\r\n\r\n', refused()),
  bad('H13b', 'CR alone ends one line', LINE_END, 'x: 1\ry: 2'),
  bad('H13c', 'CR CR LF ends a line', LINE_END, 'x: 1\r'),
  bad('H13d', 'a CR before a value', LINE_END, 'x:\r 1'),
];

function plain(): Outcome {
  return forwarded(seesGet());
}

/** Others have other limits, as long as everything goes on. */
const all = (more: Parameters<typeof seesGet>[0] = {}): Outcome => either(forwarded(seesGet(more)));

const LIMITS: readonly Entry[] = [
  request('H18', '101 fields', LIMIT, get(lines(100)), refused(431), all({ fields: { 'x-99': '1' } })),
  request('H18b', '90 fields', LIMIT, get(lines(89)), forwarded(seesGet({ fields: { 'x-0': '1', 'x-88': '1' } }))),
  request('H19', '2001 fields', LIMIT, get(lines(2000)), refused(431), all({ fields: { 'x-1999': '1' } })),
  request(
    'H19b',
    '2001 fields, a length behind them',
    LIMIT,
    `${get(lines(2000)).slice(0, -2)}content-length: 5\r\n\r\nhello`,
    refused(431),
    all({ body: 'hello', fields: { 'x-1999': '1' } }),
  ),
  request('H20', 'a head past 60 KiB', LIMIT, get(`x: ${'y'.repeat(62_000)}`), refused(431), all()),
  request('H20b', 'a name of 70 KB', LIMIT, get(`${'x'.repeat(70_000)}: 1`), refused(431), all()),
  request('H21', 'a value of 4 KB', LIMIT, get(`x: ${'y'.repeat(4000)}`), served('y'.repeat(4000))),
  request(
    'H25',
    'cookies past 60 KiB',
    LIMIT,
    get(lines(50, () => `cookie: a=${'y'.repeat(1300)}`)),
    refused(431),
    all(),
  ),
];

const REPEATS: readonly Entry[] = [
  request('H22', 'a list in two fields keeps its order', 'RFC 9110 5.3', get('x: 1\r\ny: 0\r\nx: 2'), served('1,2')),
  request(
    'H22b',
    'cookies in two fields',
    'RFC 6265 5.4',
    get('cookie: a=1\r\ncookie: b=2'),
    forwarded(seesGet({ fields: { cookie: ['a=1,b=2', 'a=1; b=2'] } })),
  ),
  bad('H23', 'two authorizations', 'RFC 9110 11.6.2', 'authorization: Basic a\r\nauthorization: Basic b'),
  bad('H23b', 'the same authorization twice', 'RFC 9110 11.6.2', 'authorization: Basic a\r\nauthorization: Basic a'),
  bad('H23c', 'two WebSocket keys', 'RFC 6455 4.1', 'sec-websocket-key: a\r\nsec-websocket-key: b'),
  request(
    'H24',
    'an underscore does not make a field that we trust',
    'RFC 3875 4.1.18',
    get('x_forwarded_for: 9.9.9.9'),
    [forwarded(seesGet({ without: ['x_forwarded_for'] })), refused()],
  ),
  request(
    'H24b',
    'nor one that is about the client',
    'RFC 3875 4.1.18',
    get('x_forwarded_client_cert: a\r\nx_real_ip: 9.9.9.9'),
    [forwarded(seesGet({ without: ['client_cert', 'real_ip'] })), refused()],
  ),
  request('H26', 'a field named __proto__', NAME, get('__proto__: 1\r\nconstructor: 2\r\nx: 3'), [
    forwarded(seesGet({ fields: { x: '3', constructor: '2' } })),
    refused(),
  ]),
  request(
    'H27',
    'names differ in their letters only',
    NAME,
    get('X-A: 1\r\nx-a: 2'),
    forwarded(seesGet({ fields: { 'x-a': '1,2' } })),
  ),
  request('H28', 'a head of nothing but Host', LINE, get(), forwarded(seesGet())),
  request('H29', 'Connection: close as any name', NAME, get('CONNECTION: CLOSE'), closing(forwarded(seesGet()))),
];

export const FIELDS: readonly Entry[] = [...NAMES, ...VALUES, ...ENDS, ...LIMITS, ...REPEATS];
