// R: bodies of answers, and where they end. What breaks off never ends cleanly at the client; what comes
// too much is nobody's answer (RFC 9112 6.3, 7.1, 8).

import type { AnswerShape, Entry, Outcome } from '../entry.ts';
import {
  aborted,
  also,
  answer,
  asking,
  asks,
  BAD_GATEWAY,
  closing,
  delivered,
  entry,
  FINE,
  get,
  ok,
  old,
  origin,
  originEnds,
  seesGet,
  until,
} from '../words.ts';

const BREAKS = 'RFC 9112 8';
const CHUNK = 'RFC 9112 7.1';
const UNTIL_END = 'RFC 9112 6.3';

const HELLO_SHAPE: AnswerShape = { status: 200, body: 'hello' };
/** An end that is none: or, where nothing went down yet, a 502. */
const brokenAfter = (body: string): readonly Outcome[] => [aborted({ status: 200, body }), BAD_GATEWAY];
const coded = (body: string) => ok('transfer-encoding: chunked', body);

/** Broken in the middle, to a client of HTTP/1.1 and to one of HTTP/1.0, who knows no chunks. */
function broken(id: string, means: string, bytes: string, end?: 'fin' | 'reset', body = 'hello'): readonly Entry[] {
  const ours = brokenAfter(body);
  return [
    answer(id, means, BREAKS, bytes, ours, end),
    oldAnswer(`${id}-10`, `${means}, to HTTP/1.0`, bytes, ours, end),
  ];
}

function oldAnswer(id: string, means: string, bytes: string, ours: readonly Outcome[], end?: 'fin' | 'reset'): Entry {
  const ends = end === undefined ? [] : [originEnds(end)];
  const ask = get().replace('HTTP/1.1', 'HTTP/1.0');
  return old(
    entry(id, means, 'RFC 9112 6.3', [asks(ask), until('request'), origin(bytes), ...ends, until('settled')], ours),
  );
}

const BREAKING: readonly Entry[] = [
  ...broken('R42', 'a counted body that ends early', ok('content-length: 10', 'hello'), 'fin'),
  ...broken('R42b', 'a counted body that is reset', ok('content-length: 10', 'hello'), 'reset'),
  ...broken('R42c', 'a counted body that does not begin', ok('content-length: 10'), 'fin'),
  ...broken('R43', 'a chunked body that ends after a chunk', coded('5\r\nhello\r\n'), 'fin'),
  ...broken('R43b', 'a chunked body that ends in a chunk', coded('6\r\nhello'), 'fin'),
  ...broken('R43c', 'a chunked body that ends in a size', coded('5\r\nhello\r\n1'), 'fin'),
  ...broken('R43d', 'a chunked body that ends after the last size', coded('5\r\nhello\r\n0\r\n'), 'fin'),
  ...broken('R43e', 'a chunked body that ends before the last LF', coded('5\r\nhello\r\n0\r\n\r'), 'fin'),
  ...broken('R43f', 'a chunked body that ends in its trailers', coded('5\r\nhello\r\n0\r\nx: 1\r\n'), 'fin'),
  ...broken('R43g', 'a chunked body that is reset', coded('5\r\nhello\r\n'), 'reset'),
  ...broken('R43h', 'a chunked body that does not begin', coded(''), 'fin'),
  ...broken('R44', 'a body to the end of the connection that is reset', ok('x: 1', 'hello'), 'reset'),
  answer('R45', 'a head that breaks off', BREAKS, 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n', BAD_GATEWAY, 'fin'),
  answer('R45b', 'a head that is reset', BREAKS, 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n', BAD_GATEWAY, 'reset'),
  answer(
    'R45c',
    'a head that breaks off before its last LF',
    BREAKS,
    'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r',
    BAD_GATEWAY,
    'fin',
  ),
  answer('R45d', 'an interim answer and nothing more', BREAKS, 'HTTP/1.1 103 Early Hints\r\n\r\n', BAD_GATEWAY, 'fin'),
];

const badChunks = (id: string, means: string, body: string, decoded?: string): readonly Entry[] =>
  broken(id, means, coded(body), undefined, decoded);

const CHUNKS: readonly Entry[] = [
  ...badChunks('R50', 'a size that is no number', '5\r\nhello\r\nG\r\n\r\n'),
  ...badChunks('R50b', 'a hexadecimal prefix', '5\r\nhello\r\n0x1\r\na\r\n0\r\n\r\n'),
  ...badChunks('R50c', 'a negative size', '5\r\nhello\r\n-1\r\na\r\n0\r\n\r\n'),
  ...badChunks('R50d', 'a size past 2^64', '5\r\nhello\r\n10000000000000005\r\na\r\n0\r\n\r\n'),
  ...badChunks('R50e', 'a space before a size', '5\r\nhello\r\n 1\r\na\r\n0\r\n\r\n'),
  ...badChunks('R50f', 'no size', '5\r\nhello\r\n\r\na\r\n0\r\n\r\n'),
  ...badChunks('R51', 'a chunk that is too long', '4\r\nhello\r\n0\r\n\r\n'),
  ...badChunks('R51b', 'a chunk that is too short', '6\r\nhello\r\n0\r\n\r\n', 'hello\r'),
  ...badChunks('R51c', 'a LF after the data', '5\r\nhello\n0\r\n\r\n'),
  ...badChunks('R51d', 'a CR after the data', '5\r\nhello\r0\r\n\r\n'),
  ...badChunks('R51e', 'a LF after a size', '5\nhello\r\n0\r\n\r\n'),
  ...badChunks('R51f', 'a LF after the last size', '5\r\nhello\r\n0\n\r\n'),
  ...badChunks('R51g', 'nothing after the data', '5\r\nhello0\r\n\r\n'),
  ...badChunks('R52', 'a control character in an extension', '5;a\x01\r\nhello\r\n0\r\n\r\n'),
  ...badChunks('R52b', 'a LF in an extension', '5;a\nb\r\nhello\r\n0\r\n\r\n'),
  ...badChunks('R53', 'a control character in a trailer', '5\r\nhello\r\n0\r\nx: \x01\r\n\r\n'),
  ...badChunks('R53b', 'a trailer without a colon', '5\r\nhello\r\n0\r\nxyz\r\n\r\n'),
  ...badChunks('R53c', 'a bare CR in a trailer', '5\r\nhello\r\n0\r\nx: a\rb\r\n\r\n'),
  answer('R54', 'a good chunked body', CHUNK, coded('5\r\nhello\r\n0\r\n\r\n'), delivered(HELLO_SHAPE, 'must')),
  answer(
    'R54b',
    'extensions are taken off',
    CHUNK,
    coded('5;a=b\r\nhello\r\n0;c\r\n\r\n'),
    delivered({ ...HELLO_SHAPE, without: ['a=b'] }, 'must'),
  ),
  answer('R54c', 'an empty chunked body', CHUNK, coded('0\r\n\r\n'), delivered({ status: 200, body: '' }, 'must')),
  oldAnswer('R54d', 'a good chunked body to HTTP/1.0', coded('5\r\nhello\r\n0\r\n\r\n'), [
    closing(delivered({ ...HELLO_SHAPE, lacks: ['transfer-encoding'] }, 'must')),
  ]),
  answer(
    'R55',
    'a trailer',
    'RFC 9110 6.5',
    coded('5\r\nhello\r\n0\r\nx-t: 1\r\n\r\n'),
    delivered(HELLO_SHAPE, 'must'),
  ),
  ...[
    'content-length: 9',
    'transfer-encoding: gzip',
    'set-cookie: evil=1',
    'content-type: evil/type',
    'host: evil',
  ].map((line, i) =>
    answer(
      `R55${String.fromCharCode(98 + i)}`,
      `${line.split(':')[0]} in a trailer stays behind`,
      'RFC 9110 6.5.1',
      coded(`5\r\nhello\r\n0\r\n${line}\r\n\r\n`),
      [delivered({ ...HELLO_SHAPE, without: [line] }), ...brokenAfter('hello')],
    ),
  ),
];

const TWICE = 'RFC 9112 9.3';
const TOO_MUCH: readonly Entry[] = [
  answer(
    'R07',
    'a second answer behind the first',
    TWICE,
    `${FINE}${ok('content-length: 4', 'evil')}`,
    delivered({ status: 200, body: 'fine' }, 'never'),
  ),
  answer('R07c', 'bytes behind an answer', TWICE, `${FINE}x`, delivered({ status: 200, body: 'fine' }, 'never')),
  answer(
    'R07d',
    'an empty line behind an answer',
    TWICE,
    `${FINE}\r\n`,
    delivered({ status: 200, body: 'fine' }, 'never'),
  ),
  answer(
    'R07e',
    'a second answer behind a chunked one',
    TWICE,
    `${coded('4\r\nfine\r\n0\r\n\r\n')}${ok('content-length: 4', 'evil')}`,
    delivered({ status: 200, body: 'fine' }, 'never'),
  ),
  answer(
    'R07f',
    'an interim answer behind an answer',
    TWICE,
    `${FINE}HTTP/1.1 100 Continue\r\n\r\n`,
    delivered({ status: 200, body: 'fine' }, 'never'),
  ),
  entry(
    'R07b',
    'an answer on an idle connection',
    TWICE,
    [
      asks(get()),
      until('request'),
      origin(FINE),
      until('answer'),
      until('settled'),
      origin(ok('content-length: 4', 'evil')),
      until('settled'),
    ],
    delivered({ status: 200, body: 'fine' }, 'never'),
  ),
  entry(
    'R07g',
    'the end of an idle connection',
    TWICE,
    [
      asks(get()),
      until('request'),
      origin(FINE),
      until('answer'),
      until('settled'),
      originEnds('fin'),
      until('origin over'),
      until('settled'),
    ],
    delivered({ status: 200, body: 'fine' }, 'never'),
  ),
  entry(
    'R07h',
    'the reset of an idle connection',
    TWICE,
    [
      asks(get()),
      until('request'),
      origin(FINE),
      until('answer'),
      until('settled'),
      originEnds('reset'),
      until('settled'),
    ],
    delivered({ status: 200, body: 'fine' }, 'never'),
  ),
  answer(
    'R46',
    'Connection: close and more bytes',
    'RFC 9112 9.6',
    `${ok('connection: close\r\ncontent-length: 4', 'fine')}more`,
    delivered({ status: 200, body: 'fine' }, 'never'),
  ),
  answer(
    'R46b',
    'Connection: close',
    'RFC 9112 9.6',
    ok('connection: close\r\ncontent-length: 4', 'fine'),
    delivered({ status: 200, body: 'fine' }, 'never'),
  ),
  answer(
    'R46c',
    'Connection: close in capitals',
    'RFC 9112 9.6',
    ok('CONNECTION: CLOSE\r\ncontent-length: 4', 'fine'),
    delivered({ status: 200, body: 'fine' }, 'never'),
  ),
  answer(
    'R46d',
    'an answer of HTTP/1.0',
    'RFC 9112 9.3',
    'HTTP/1.0 200 OK\r\ncontent-length: 4\r\n\r\nfine',
    delivered({ status: 200, body: 'fine' }, 'never'),
  ),
];

const OLD_END = 'HTTP/1.0 200 OK\r\n\r\nhello';
const ENDS: readonly Entry[] = [
  also(
    answer(
      'R39',
      'a body to the end of the connection',
      UNTIL_END,
      ok('x: 1', 'hello'),
      delivered({ ...HELLO_SHAPE, fields: { 'transfer-encoding': 'chunked' } }, 'never'),
      'fin',
    ),
    closing(delivered(HELLO_SHAPE, 'never')),
  ),
  answer(
    'R39b',
    'an empty body to the end of the connection',
    UNTIL_END,
    ok('x: 1'),
    delivered({ status: 200 }, 'never'),
    'fin',
  ),
  answer('R39c', 'HTTP/1.0 to the end of the connection', UNTIL_END, OLD_END, delivered(HELLO_SHAPE, 'never'), 'fin'),
  oldAnswer(
    'R39d',
    'a body to the end of the connection, to HTTP/1.0',
    ok('x: 1', 'hello'),
    [closing(delivered(HELLO_SHAPE, 'never'))],
    'fin',
  ),
  answer(
    'R39e',
    'a body that looks like an answer',
    UNTIL_END,
    ok('x: 1', FINE),
    delivered({ status: 200, body: FINE }, 'never'),
    'fin',
  ),
  answer('R39f', 'no answer', 'RFC 9112 9.3.1', '', BAD_GATEWAY, 'fin'),
  answer('R39g', 'a reset for an answer', 'RFC 9112 9.3.1', '', BAD_GATEWAY, 'reset'),
];

const NONE = 'RFC 9112 6.3';
const head = (id: string, means: string, bytes: string, ...ours: readonly Outcome[]): Entry =>
  asking(
    ['HEAD'],
    entry(
      id,
      means,
      'RFC 9110 9.3.2',
      [asks(get().replace('GET', 'HEAD')), until('request'), origin(bytes), until('settled')],
      ours,
    ),
  );
const toHead = (outcome: Outcome): Outcome => ({ ...outcome, sees: [seesGet({ line: 'HEAD /g HTTP/1.1' })] });
const bodiless = (status: number, pooled?: 'never' | 'must', more: Partial<AnswerShape> = {}): Outcome =>
  delivered({ status, body: '', ...more }, pooled);

const BODILESS: readonly Entry[] = [
  also(
    answer(
      'R13',
      'a body after 204',
      NONE,
      'HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nhello',
      bodiless(204, 'never', { lacks: ['content-length'] }),
    ),
    BAD_GATEWAY,
  ),
  answer(
    'R13b',
    'a chunked body after 204',
    NONE,
    'HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
    [bodiless(204, 'never', { lacks: ['transfer-encoding'] }), BAD_GATEWAY],
  ),
  answer('R13c', 'a 204', NONE, 'HTTP/1.1 204 No Content\r\n\r\n', bodiless(204, 'must')),
  answer(
    'R13d',
    'a 204 with a length of 0',
    NONE,
    'HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n',
    bodiless(204, 'must', { lacks: ['content-length'] }),
  ),
  answer(
    'R14',
    'a body after 304',
    NONE,
    'HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\nhello',
    bodiless(304, 'never'),
  ),
  answer(
    'R14b',
    'a 304 with the length of what it stands for',
    NONE,
    'HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n',
    bodiless(304, 'must'),
  ),
  answer(
    'R14c',
    'a chunked body after 304',
    NONE,
    'HTTP/1.1 304 Not Modified\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
    [bodiless(304, 'never'), BAD_GATEWAY],
  ),
  answer(
    'R15',
    'a second answer after 204',
    NONE,
    `HTTP/1.1 204 No Content\r\n\r\n${ok('content-length: 4', 'evil')}`,
    bodiless(204, 'never'),
  ),
  answer(
    'R15b',
    'a second answer after 304',
    NONE,
    `HTTP/1.1 304 Not Modified\r\n\r\n${ok('content-length: 4', 'evil')}`,
    bodiless(304, 'never'),
  ),
  answer(
    'R16',
    'an answer with a length of 0 and a body',
    NONE,
    ok('content-length: 0', 'hello'),
    bodiless(200, 'never'),
  ),
  answer(
    'R16b',
    'a 205 with a body',
    'RFC 9110 15.3.6',
    'HTTP/1.1 205 Reset Content\r\ncontent-length: 4\r\n\r\nfine',
    [delivered({ status: 205, body: 'fine' }), bodiless(205), BAD_GATEWAY],
  ),
  head(
    'R17',
    'HEAD: a length and no body',
    ok('content-length: 4'),
    toHead(bodiless(200, 'must', { fields: { 'content-length': '4' } })),
  ),
  head('R17b', 'HEAD: a length and a body', FINE, toHead(bodiless(200, 'never'))),
  head('R17c', 'HEAD: chunked and no body', ok('transfer-encoding: chunked'), toHead(bodiless(200, 'must'))),
  head('R17d', 'HEAD: chunked and a body', coded('5\r\nhello\r\n0\r\n\r\n'), toHead(bodiless(200, 'never'))),
  head('R17e', 'HEAD: no framing', ok('x: 1'), toHead(bodiless(200))),
  also(
    head(
      'R17f',
      'HEAD: a length and a coding',
      ok('content-length: 4\r\ntransfer-encoding: chunked'),
      toHead(BAD_GATEWAY),
    ),
    toHead(bodiless(200)),
  ),
];

export const ANSWER_BODIES: readonly Entry[] = [...BREAKING, ...CHUNKS, ...TOO_MUCH, ...ENDS, ...BODILESS];
