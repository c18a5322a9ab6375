// R: heads of answers that cannot be trusted. Nothing of them went down yet: the client gets a 502, and the
// connection to the origin is not used again (RFC 9112 4, 5, 6).

import type { AnswerShape, Entry, Outcome } from '../entry.ts';
import { also, answer, BAD_GATEWAY, delivered, FINE, lines, ok } from '../words.ts';

const LINE = 'RFC 9112 4';
const FIELD = 'RFC 9112 5';
const LENGTH = 'RFC 9112 6.3';
const CODING = 'RFC 9112 6.1';
const LINE_END = 'RFC 9112 2.2';

const bad = (id: string, means: string, source: string, bytes: string, ...alsoSafe: readonly Outcome[]): Entry =>
  also(answer(id, means, source, bytes, BAD_GATEWAY), ...alsoSafe);
/** The RFC has it repaired in just one way, and handed on repaired. */
const repaired = (body = 'fine', more: Partial<AnswerShape> = {}): Outcome => delivered({ status: 200, body, ...more });
const status = (line: string) => `${line}\r\ncontent-length: 4\r\n\r\nfine`;
const HELLO = '5\r\nhello\r\n0\r\n\r\n';

const FRAMING: readonly Entry[] = [
  bad(
    'R01',
    'a length and a coding',
    LENGTH,
    ok('content-length: 5\r\ntransfer-encoding: chunked', HELLO),
    repaired('hello'),
  ),
  bad(
    'R01b',
    'a coding and a length',
    LENGTH,
    ok('transfer-encoding: chunked\r\ncontent-length: 5', HELLO),
    repaired('hello'),
  ),
  bad('R02', 'two lengths', LENGTH, ok('content-length: 3\r\ncontent-length: 5', 'hello')),
  bad('R03', 'the same length twice', LENGTH, ok('content-length: 5\r\ncontent-length: 5', 'hello'), repaired('hello')),
  bad('R04', 'a list of lengths', LENGTH, ok('content-length: 3, 3', 'abc'), repaired('abc')),
  bad('R05', 'a negative length', LENGTH, ok('content-length: -1')),
  bad('R05b', 'a length with a plus', LENGTH, ok('content-length: +5', 'hello')),
  bad('R05c', 'a hexadecimal length', LENGTH, ok('content-length: 0x5', 'hello')),
  bad('R05d', 'an empty length', LENGTH, ok('content-length: ', 'hello')),
  bad('R05e', 'an exponent', LENGTH, ok('content-length: 1e1', 'hellohello')),
  bad('R05f', 'a fraction', LENGTH, ok('content-length: 5.0', 'hello')),
  bad('R05g', 'two numbers', LENGTH, ok('content-length: 5 5', 'hello')),
  bad('R05h', 'a length past 2^64', LENGTH, ok('content-length: 18446744073709551621', 'hello')),
  bad('R05i', 'an underscore between digits', LENGTH, ok('content-length: 1_0', 'hellohello')),
  bad('R05j', 'words for a length', LENGTH, ok('content-length: five', 'hello')),
  bad('R08', 'chunked is not last', CODING, ok('transfer-encoding: chunked, gzip', HELLO)),
  bad('R08b', 'chunked twice', CODING, ok('transfer-encoding: chunked, chunked', HELLO)),
  bad('R08c', 'chunked in two fields', CODING, ok('transfer-encoding: chunked\r\ntransfer-encoding: chunked', HELLO)),
  bad('R08d', 'another coding before chunked', CODING, ok('transfer-encoding: gzip, chunked', HELLO)),
  bad('R09', 'another word that ends in chunked', CODING, ok('transfer-encoding: xchunked', HELLO)),
  bad('R09b', 'a parameter', CODING, ok('transfer-encoding: chunked;q=1', HELLO)),
  bad('R09c', 'chunked in quotes', CODING, ok('transfer-encoding: "chunked"', HELLO)),
  bad('R09d', 'a vertical tab before chunked', CODING, ok('transfer-encoding: \x0bchunked', HELLO)),
  bad('R09e', 'a no-break space before chunked', CODING, ok('transfer-encoding: \xa0chunked', HELLO)),
  bad(
    'R09f',
    'a coding on a folded line',
    'RFC 9112 5.2',
    ok('transfer-encoding:\r\n chunked', HELLO),
    repaired('hello'),
  ),
  bad('R10', 'identity', CODING, ok('transfer-encoding: identity', 'x')),
  bad('R10b', 'gzip alone', CODING, ok('transfer-encoding: gzip', 'x')),
  bad('R11', 'an empty coding and a length', CODING, ok('transfer-encoding: \r\ncontent-length: 2', 'ok')),
  bad('R12', 'chunked in HTTP/1.0', CODING, `HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${HELLO}`),
];

const STATUS_LINES: readonly Entry[] = [
  bad('R22', 'status 099', LINE, status('HTTP/1.1 099 X')),
  bad('R22b', 'status 000', LINE, status('HTTP/1.1 000 X')),
  bad('R23', 'four digits', LINE, status('HTTP/1.1 1000 X')),
  bad('R23b', 'two digits', LINE, status('HTTP/1.1 20 X')),
  bad('R24', 'letters among the digits', LINE, status('HTTP/1.1 2OO OK')),
  bad('R24b', 'a sign', LINE, status('HTTP/1.1 +20 OK')),
  bad('R24c', 'a hexadecimal status', LINE, status('HTTP/1.1 0xc8 OK')),
  bad('R25', 'status 600', LINE, status('HTTP/1.1 600 X')),
  bad('R25b', 'status 999', LINE, status('HTTP/1.1 999 X')),
  bad('R26', 'no status line', LINE, 'hello, world\r\n\r\n'),
  bad('R26b', 'a page of HTTP/0.9', LINE, '<html>hello</html>\r\n\r\n'),
  bad('R27', 'no status', LINE, status('HTTP/1.1')),
  bad('R27b', 'two spaces before the status', LINE, status('HTTP/1.1  200 OK'), repaired()),
  bad('R27c', 'a tab before the status', LINE, status('HTTP/1.1\t200 OK'), repaired()),
  bad('R27d', 'a space before the version', LINE, status(' HTTP/1.1 200 OK')),
  bad('R27e', 'words right behind the status', LINE, status('HTTP/1.1 200OK')),
  bad('R27f', 'a colon behind the status', LINE, status('HTTP/1.1 200: OK')),
  bad('R37', 'HTTP/1.2', 'RFC 9112 2.3', status('HTTP/1.2 200 OK'), repaired()),
  bad('R37b', 'HTTP/2.0', 'RFC 9112 2.3', status('HTTP/2.0 200 OK')),
  bad('R37c', 'HTTP/0.9', 'RFC 9112 2.3', status('HTTP/0.9 200 OK')),
  bad('R37d', 'http in lower case', 'RFC 9112 2.3', status('http/1.1 200 OK')),
  bad('R37e', 'another protocol', 'RFC 9112 2.3', status('ICY 200 OK')),
  bad('R37f', 'HTTP/1.10', 'RFC 9112 2.3', status('HTTP/1.10 200 OK')),
  bad('R38', 'an empty line first', LINE_END, `\r\n${FINE}`),
  bad('R38b', 'a NUL first', LINE_END, `\0${FINE}`),
  bad('R38c', 'a request for an answer', LINE, 'GET / HTTP/1.1\r\nhost: a\r\n\r\n'),
  answer('R28', 'no reason phrase', LINE, status('HTTP/1.1 200'), delivered({ status: 200, body: 'fine' }, 'must')),
  answer(
    'R28b',
    'an empty reason phrase',
    LINE,
    status('HTTP/1.1 200 '),
    delivered({ status: 200, body: 'fine' }, 'must'),
  ),
  answer(
    'R28c',
    'a status that nobody knows',
    'RFC 9110 15',
    status('HTTP/1.1 299 X'),
    delivered({ status: 299, body: 'fine' }, 'must'),
  ),
  answer('R36', 'a control character in the reason', LINE, status('HTTP/1.1 200 O\x01K'), [
    delivered({ status: 200, body: 'fine', without: ['\x01'] }),
    BAD_GATEWAY,
  ]),
  answer('R36b', 'a NUL in the reason', LINE, status('HTTP/1.1 200 O\0K'), [
    delivered({ status: 200, body: 'fine', without: ['\0'] }),
    BAD_GATEWAY,
  ]),
  answer('R36c', 'a bare CR in the reason', LINE_END, status('HTTP/1.1 200 O\rK'), BAD_GATEWAY),
];

const FIELDS: readonly Entry[] = [
  bad(
    'R29',
    'LF alone ends every line',
    LINE_END,
    'HTTP/1.1 200 OK\ncontent-length: 4\n\nfine\r\n\r\n',
    delivered({ status: 200, body: 'fine' }, 'never'),
  ),
  bad('R29b', 'LF alone ends one line', LINE_END, ok('x: 1\ny: 2\r\ncontent-length: 4', 'fine'), repaired()),
  bad('R29c', 'LF alone hides a length', LINE_END, ok('x: 1\ncontent-length: 0\r\ny: 1', 'fine')),
  bad('R30', 'a CR in a value', LINE_END, ok('x: a\rb\r\ncontent-length: 4', 'fine')),
  bad('R30b', 'CR alone ends a line', LINE_END, ok('x: 1\rset-cookie: a=1\r\ncontent-length: 4', 'fine')),
  bad('R30c', 'CR CR LF ends a line', LINE_END, ok('x: 1\r\r\ncontent-length: 4', 'fine')),
  bad('R31', 'a NUL', 'RFC 9110 5.5', ok('x: a\0b\r\ncontent-length: 4', 'fine')),
  bad('R31b', 'a control character in a value', 'RFC 9110 5.5', ok('x: a\x01b\r\ncontent-length: 4', 'fine')),
  bad('R31c', 'DEL in a value', 'RFC 9110 5.5', ok('x: a\x7fb\r\ncontent-length: 4', 'fine')),
  bad('R31d', 'an escape character in a value', 'RFC 9110 5.5', ok('x: \x1b[2J\r\ncontent-length: 4', 'fine')),
  bad(
    'R32',
    'a folded line',
    'RFC 9112 5.2',
    ok('x: a\r\n b\r\ncontent-length: 4', 'fine'),
    repaired('fine', { fields: { x: /^a[ \t]+b$/ } }),
  ),
  bad('R32b', 'a blank before the first field', LINE_END, ok(' x: a\r\ncontent-length: 4', 'fine')),
  bad('R33', 'a space before a colon', 'RFC 9112 5.1', ok('content-length : 4', 'fine'), repaired()),
  bad(
    'R33b',
    'a tab before a colon',
    'RFC 9112 5.1',
    ok('x\t: 1\r\ncontent-length: 4', 'fine'),
    repaired('fine', { fields: { x: '1' } }),
  ),
  bad('R33c', 'a space inside a name', FIELD, ok('x y: 1\r\ncontent-length: 4', 'fine')),
  bad('R34', 'an empty name', FIELD, ok(': b\r\ncontent-length: 4', 'fine')),
  bad('R35', 'no colon', FIELD, ok('xyz\r\ncontent-length: 4', 'fine')),
  bad('R35b', 'a name that is no token', FIELD, ok('x(: 1\r\ncontent-length: 4', 'fine')),
  bad('R35c', 'a NUL in a name', FIELD, ok('x\0: 1\r\ncontent-length: 4', 'fine')),
  bad('R35d', 'a letter past ASCII in a name', FIELD, ok('x\xe9: 1\r\ncontent-length: 4', 'fine')),
  bad('R40', 'a head past its limit', 'RFC 9110 5.4', ok(`x: ${'y'.repeat(90_000)}\r\ncontent-length: 4`, 'fine')),
  bad('R41', '3000 fields', 'RFC 9110 5.4', ok(`${lines(3000)}\r\ncontent-length: 4`, 'fine')),
  bad('R41b', '3000 fields, a length before them', 'RFC 9110 5.4', ok(`content-length: 4\r\n${lines(3000)}`, 'fine')),
];

export const ANSWER_HEADS: readonly Entry[] = [...FRAMING, ...STATUS_LINES, ...FIELDS];
