// F: the fields that say how long a body is (RFC 9112 6). What two readers could count differently is
// refused; what is only written unusually is forwarded in the one usual form.

import type { Entry, Outcome } from '../entry.ts';
import {
  closing,
  either,
  forwarded,
  get,
  HELLO,
  inTurn,
  post,
  refused,
  request,
  seesGet,
  seesPost,
  WAITS,
} from '../words.ts';

const SERVED = forwarded(seesPost());
/** RFC 9112 6.1: one may go by the transfer coding alone, and must close afterwards. */
const BY_CODING: Outcome = closing(SERVED);
/** RFC 9112 6.3: a list of equal lengths may be taken as one. */
const COLLAPSED: Outcome = either(SERVED);

const length = (value: string, body = 'hello') => post(`content-length: ${value}`, body);
const coding = (value: string, body = HELLO) => post(`transfer-encoding: ${value}`, body);
const NOT_ONE = 'RFC 9112 6.3';
const NUMBER = 'RFC 9110 8.6';
const CODING = 'RFC 9112 6.1';
const LINE = 'RFC 9112 5';

/** A coding that is not exactly `chunked`: 501 says that it is not known, 400 that it is wrong. */
const unknown = (id: string, means: string, value: string, body = HELLO, ...alsoSafe: readonly Outcome[]): Entry =>
  request(id, means, CODING, coding(value, body), refused(400, 501), ...alsoSafe);

const TWICE: readonly Entry[] = [
  request(
    'F01',
    'a length and a coding',
    NOT_ONE,
    post('content-length: 5\r\ntransfer-encoding: chunked', HELLO),
    refused(),
    BY_CODING,
  ),
  request(
    'F02',
    'a coding and a length',
    NOT_ONE,
    post('transfer-encoding: chunked\r\ncontent-length: 5', HELLO),
    refused(),
    BY_CODING,
  ),
  request(
    'F02b',
    'a length of 0 and a coding, with a request as the body',
    NOT_ONE,
    post('content-length: 0\r\ntransfer-encoding: chunked', '12\r\nGET /s HTTP/1.1\r\n\r\n0\r\n\r\n'),
    refused(),
  ),
  request(
    'F03',
    'two lengths that differ',
    NOT_ONE,
    post('content-length: 5\r\ncontent-length: 6', 'hello!'),
    refused(),
  ),
  request(
    'F04',
    'the same length twice',
    NOT_ONE,
    post('content-length: 5\r\ncontent-length: 5', 'hello'),
    refused(),
    COLLAPSED,
  ),
  request('F05', 'a list of equal lengths', NOT_ONE, length('5, 5'), refused(), COLLAPSED),
  request('F06', 'a list of lengths', NOT_ONE, length('5, 6'), refused()),
  request('F06b', 'a length and an empty member', NOT_ONE, length('5,'), refused(), COLLAPSED),
  request('F06c', 'an empty member and a length', NOT_ONE, length(',5'), refused(), COLLAPSED),
  request(
    'F06d',
    'two lengths with another field between them',
    NOT_ONE,
    post('content-length: 5\r\nx: 1\r\ncontent-length: 0', 'hello'),
    refused(),
  ),
  request(
    'F06e',
    'two lengths in different letters',
    NOT_ONE,
    post('Content-Length: 0\r\ncontent-length: 5', 'hello'),
    refused(),
  ),
];

const LENGTHS: readonly Entry[] = [
  request('F07', 'a length with a plus', NUMBER, length('+5'), refused()),
  request('F08', 'a negative length', NUMBER, length('-5'), refused()),
  request('F08b', 'minus zero', NUMBER, length('-0', ''), refused()),
  request('F09', 'a hexadecimal length', NUMBER, length('0x5'), refused()),
  request('F09b', 'a hexadecimal digit', NUMBER, length('a', 'hellohello'), refused()),
  request('F10', 'two numbers', NUMBER, length('1 2'), refused()),
  request('F10b', 'two numbers with a tab', NUMBER, length('1\t2'), refused()),
  request('F11', 'an empty length', NUMBER, length(''), refused()),
  request(
    'F11b',
    'an empty length before a good one',
    NUMBER,
    post('content-length: \r\ncontent-length: 5', 'hello'),
    refused(),
  ),
  request(
    'F11c',
    'an empty length after a good one',
    NUMBER,
    post('content-length: 5\r\ncontent-length: ', 'hello'),
    refused(),
  ),
  request('F12', 'an exponent', NUMBER, length('1e1', 'hellohello'), refused()),
  request('F13', 'a fraction', NUMBER, length('5.0'), refused()),
  request('F14', 'an underscore between digits', NUMBER, length('1_0', 'hellohello'), refused()),
  request('F14b', 'an apostrophe between digits', NUMBER, length("1'0", 'hellohello'), refused()),
  request('F15', 'a leading zero', NUMBER, length('05'), refused(), SERVED),
  request('F15b', 'zeros', NUMBER, length('00', ''), refused(), forwarded(seesPost({ body: '' }))),
  request('F16', 'a length past 2^64', NUMBER, length('18446744073709551621'), refused()),
  request('F16b', 'a length past 2^53', NUMBER, length('9007199254740993'), refused(400, 413), WAITS),
  request('F16c', 'a length past 2^32 in 40 digits', NUMBER, length(`${'0'.repeat(30)}4294967301`), refused()),
  request('F17', 'spaces around a length', LINE, length('  5 '), SERVED),
  request('F17c', 'tabs around a length', LINE, length('\t5\t'), SERVED, refused()),
  request('F17b', 'no blank before a length', LINE, post('content-length:5', 'hello'), SERVED),
  request(
    'F18',
    'a space before the colon of a length',
    'RFC 9112 5.1',
    post('content-length : 5', 'hello'),
    refused(),
  ),
  request('F18b', 'a tab before the colon', 'RFC 9112 5.1', post('content-length\t: 5', 'hello'), refused()),
  request('F19', 'a length in quotes', NUMBER, length('"5"'), refused()),
  request('F19b', 'a semicolon after a length', NUMBER, length('5;a=b'), refused()),
  request('F19c', 'a vertical tab before a length', LINE, length('\x0b5'), refused()),
  request('F19d', 'a form feed after a length', LINE, length('5\x0c'), refused()),
  request('F19e', 'digits of another script', NUMBER, length('\xb2'), refused()),
  request('F19f', 'a NUL after a length', LINE, length('5\0'), refused()),
];

const CODINGS: readonly Entry[] = [
  unknown('F21', 'chunked is not last', 'chunked, identity'),
  unknown('F21b', 'gzip after chunked', 'chunked, gzip'),
  unknown('F22', 'identity', 'identity', 'hello'),
  unknown('F23', 'identity before chunked', 'identity, chunked'),
  unknown('F24', 'gzip before chunked', 'gzip, chunked'),
  unknown('F24b', 'gzip alone', 'gzip', 'hello'),
  unknown('F25', 'chunked twice in a list', 'chunked, chunked'),
  request(
    'F26',
    'chunked in two fields',
    CODING,
    post('transfer-encoding: chunked\r\ntransfer-encoding: chunked', HELLO),
    refused(400, 501),
  ),
  request(
    'F26b',
    'chunked, and identity in a second field',
    CODING,
    post('transfer-encoding: chunked\r\ntransfer-encoding: identity', HELLO),
    refused(400, 501),
  ),
  request(
    'F26c',
    'identity, and chunked in a second field',
    CODING,
    post('transfer-encoding: identity\r\ntransfer-encoding: chunked', HELLO),
    refused(400, 501),
  ),
  unknown('F27', 'another word that ends in chunked', 'xchunked'),
  unknown('F27b', 'a word that begins with chunked', 'chunkedx'),
  unknown('F27c', 'chunk', 'chunk'),
  request('F28', 'chunked in capitals', 'RFC 9112 7', coding('CHUNKED'), SERVED),
  request('F28b', 'chunked in mixed letters', 'RFC 9112 7', coding('ChUnKeD'), SERVED),
  unknown('F29', 'an empty member after chunked', 'chunked,', HELLO, SERVED),
  unknown('F29b', 'an empty member before chunked', ',chunked', HELLO, SERVED),
  unknown('F30', 'a parameter', 'chunked;q=1'),
  unknown('F30b', 'an empty parameter', 'chunked;'),
  unknown('F31', 'chunked in quotes', '"chunked"'),
  unknown('F31b', 'chunked in single quotes', "'chunked'"),
  unknown('F31c', 'chunked in brackets', '[chunked]'),
  request('F32', 'spaces around chunked', LINE, coding('  chunked '), SERVED),
  request('F32b', 'tabs around chunked', LINE, coding('\tchunked\t'), SERVED, refused(400, 501)),
  unknown('F33', 'a no-break space before chunked', '\xa0chunked'),
  unknown('F33b', 'a next-line character before chunked', '\x85chunked'),
  unknown('F33c', 'a no-break space after chunked', 'chunked\xa0'),
  unknown('F34', 'an empty coding', ''),
  request(
    'F35',
    'an empty coding and a length',
    NOT_ONE,
    post('transfer-encoding: \r\ncontent-length: 5', 'hello'),
    refused(400, 501),
  ),
  request('F36', 'a vertical tab before chunked', LINE, coding('\x0bchunked'), refused()),
  request('F36b', 'a form feed after chunked', LINE, coding('chunked\x0c'), refused()),
  request('F36c', 'a NUL after chunked', LINE, coding('chunked\0'), refused()),
  request('F36d', 'a coding of two words', CODING, coding('chunked foo'), refused(400, 501)),
];

/** Unfolded it is a part of the value before: there is no body, and what follows is no request. */
const UNFOLDED = inTurn(forwarded(seesPost({ body: '', lacks: ['transfer-encoding'] })), refused());

const DISGUISES: readonly Entry[] = [
  request('F37', 'a coding on a folded line', 'RFC 9112 5.2', coding('\r\n chunked'), refused(), SERVED),
  request('F37b', 'a length on a folded line', 'RFC 9112 5.2', length('\r\n 5'), refused(), SERVED),
  request(
    'F38',
    'an underscore for the hyphen of a coding frames nothing',
    LINE,
    post('transfer_encoding: chunked\r\ncontent-length: 5', 'hello'),
    [forwarded(seesPost({ lacks: ['transfer-encoding', 'transfer_encoding'] })), refused()],
  ),
  request(
    'F38b',
    'an underscore for the hyphen of a length frames nothing',
    LINE,
    post('content_length: 3\r\ncontent-length: 5', 'hello'),
    [forwarded(seesPost({ lacks: ['content_length'] })), refused()],
  ),
  request(
    'F39',
    'a coding in HTTP/1.0',
    CODING,
    `POST /p HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n${HELLO}`,
    refused(),
    BY_CODING,
  ),
  request(
    'F39b',
    'a coding in HTTP/1.0 that is kept alive',
    CODING,
    `POST /p HTTP/1.0\r\nhost: a\r\nconnection: keep-alive\r\ntransfer-encoding: chunked\r\n\r\n${HELLO}`,
    refused(),
    BY_CODING,
  ),
  request(
    'F40',
    'a space before the colon of a coding',
    'RFC 9112 5.1',
    post('transfer-encoding : chunked', HELLO),
    refused(),
  ),
  request('F40b', 'a tab before the colon', 'RFC 9112 5.1', post('transfer-encoding\t: chunked', HELLO), refused()),
  request('F41', 'a CR inside the name', 'RFC 9112 2.2', post('transfer\r-encoding: chunked', HELLO), refused()),
  request('F41b', 'a CR before the colon', 'RFC 9112 2.2', post('transfer-encoding\r: chunked', HELLO), refused()),
  request('F41c', 'a NUL inside the name', LINE, post('transfer-\0encoding: chunked', HELLO), refused()),
  request('F42', 'no colon', LINE, post('transfer-encoding chunked', HELLO), refused()),
  request('F43', 'a name over two lines', LINE, post('transfer-\r\nencoding: chunked', HELLO), refused()),
  request(
    'F44',
    'a blank before the name',
    'RFC 9112 2.2',
    post('x: 1\r\n transfer-encoding: chunked', HELLO),
    refused(),
    UNFOLDED,
  ),
  request(
    'F44b',
    'a tab before the name',
    'RFC 9112 2.2',
    post('x: 1\r\n\ttransfer-encoding: chunked', HELLO),
    refused(),
    UNFOLDED,
  ),
  request('F45', 'a CR hides a coding', 'RFC 9112 2.2', post('x: x\rtransfer-encoding: chunked', HELLO), refused()),
  request(
    'F46',
    'a LF hides a coding',
    'RFC 9112 2.2',
    post('x: x\ntransfer-encoding: chunked', HELLO),
    refused(),
    SERVED,
  ),
  request('F46b', 'a CR hides a length', 'RFC 9112 2.2', post('x: x\rcontent-length: 5', 'hello'), refused()),
  request('F46c', 'a colon twice', LINE, post('transfer-encoding:: chunked', HELLO), refused(400, 501)),
  request(
    'F46d',
    'a coding as the value of another field',
    LINE,
    post('x: transfer-encoding: chunked\r\ncontent-length: 5', 'hello'),
    SERVED,
  ),
];

const withBody = (method: string) => `${method} /b HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello`;
const seesBody = (method: string) => ({ line: `${method} /b HTTP/1.1`, host: 'a', body: 'hello' });

const BODIES: readonly Entry[] = [
  request('F47', 'a GET with a body', 'RFC 9110 9.3.1', withBody('GET'), forwarded(seesBody('GET')), refused()),
  request(
    'F47b',
    'a GET with a chunked body',
    'RFC 9110 9.3.1',
    `${get('transfer-encoding: chunked')}${HELLO}`,
    forwarded(seesGet({ body: 'hello' })),
    refused(),
  ),
  request(
    'F48',
    'a DELETE with a body',
    'RFC 9110 9.3.5',
    withBody('DELETE'),
    forwarded(seesBody('DELETE')),
    refused(),
  ),
  request(
    'F48b',
    'OPTIONS with a body',
    'RFC 9110 9.3.7',
    withBody('OPTIONS'),
    forwarded(seesBody('OPTIONS')),
    refused(),
  ),
  request('F48c', 'PUT with a body', 'RFC 9110 9.3.4', withBody('PUT'), forwarded(seesBody('PUT'))),
  request(
    'F49',
    'without length and coding there is no body: bytes are the next request',
    NOT_ONE,
    `POST /1 HTTP/1.1\r\nhost: a\r\n\r\n${get()}`,
    forwarded({ line: 'POST /1 HTTP/1.1' }, seesGet()),
  ),
  request('F50', 'a length of 0', NUMBER, length('0', ''), forwarded(seesPost({ body: '' }))),
  request(
    'F50b',
    'a body that looks like a request',
    NOT_ONE,
    length('26', 'GET /s HTTP/1.1\r\nhost: a\r\n'),
    forwarded(seesPost({ body: 'GET /s HTTP/1.1\r\nhost: a\r\n' })),
  ),
  request(
    'F50c',
    'a body of line ends',
    NOT_ONE,
    length('6', '\r\n\r\n\r\n'),
    forwarded(seesPost({ body: '\r\n\r\n\r\n' })),
  ),
  request(
    'F50d',
    'a body of every byte',
    NOT_ONE,
    length('256', everyByte()),
    forwarded(seesPost({ body: everyByte() })),
  ),
];

function everyByte(): string {
  return Buffer.from(Array.from({ length: 256 }, (_, i) => i)).toString('latin1');
}

export const FRAMING: readonly Entry[] = [...TWICE, ...LENGTHS, ...CODINGS, ...DISGUISES, ...BODIES];
