// R: interim answers, switches of protocol, and fields of answers that end here (RFC 9110 15.2, 7.6.1). What
// nobody asked for is not passed on.

import type { AnswerShape, Entry, Outcome } from '../entry.ts';
import {
  also,
  answer,
  asks,
  BAD_GATEWAY,
  closing,
  delivered,
  entry,
  FINE,
  get,
  ifAsked,
  ok,
  old,
  origin,
  post,
  seesPost,
  until,
} from '../words.ts';

const INTERIM = 'RFC 9110 15.2';
const HINTS = 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n';
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
const fine = (...interim: readonly number[]): Outcome => delivered({ status: 200, body: 'fine', interim });
/** Passed on or not; not more of them than there were. */
const some = (status: number, most: number): readonly Outcome[] =>
  Array.from({ length: most + 1 }, (_, i) => fine(...Array.from({ length: i }, () => status)));

const toOld = (bytes: string) =>
  [asks(get().replace('HTTP/1.1', 'HTTP/1.0')), until('request'), origin(bytes), until('settled')] as const;
const expecting = (interim: string) =>
  [
    asks(post('content-length: 5\r\nexpect: 100-continue', 'hello')),
    until('request'),
    ifAsked('expect', interim),
    origin(FINE),
    until('settled'),
  ] as const;
const posted = (outcome: Outcome): Outcome => ({ ...outcome, sees: [seesPost()] });

const ANSWERS: readonly Entry[] = [
  // RFC 9110 15.2 lets a proxy hand on what it did not cause itself.
  also(answer('R18', 'a 100 that nobody asked for', INTERIM, `${CONTINUE}${FINE}`, fine()), fine(100)),
  also(
    answer('R18b', 'two of them', INTERIM, `${CONTINUE}${CONTINUE}${FINE}`, [fine(), BAD_GATEWAY]),
    fine(100),
    fine(100, 100),
  ),
  old(entry('R18c', 'a 100 to HTTP/1.0', INTERIM, toOld(`${CONTINUE}${FINE}`), closing(fine()))),
  old(entry('R18d', 'a 103 to HTTP/1.0', INTERIM, toOld(`${HINTS}${FINE}`), closing(fine()))),
  entry('R18e', 'a 100 to who expects it', 'RFC 9110 10.1.1', expecting(CONTINUE), [posted(fine(100)), posted(fine())]),
  entry(
    'R18f',
    'two 100 to who expects one',
    'RFC 9110 10.1.1',
    expecting(`${CONTINUE}${CONTINUE}`),
    [posted(fine(100)), posted(fine()), posted(BAD_GATEWAY)],
    posted(fine(100, 100)),
  ),
  answer('R19', 'a flood of 103', INTERIM, `${HINTS.repeat(20)}${FINE}`, BAD_GATEWAY),
  answer('R19b', 'a flood of 100', INTERIM, `${CONTINUE.repeat(20)}${FINE}`, [BAD_GATEWAY]),
  answer('R19c', 'a 103', INTERIM, `${HINTS}${FINE}`, some(103, 1)),
  answer('R19d', 'two 103', INTERIM, `${HINTS}${HINTS}${FINE}`, some(103, 2)),
  answer('R19e', 'a 102', INTERIM, `HTTP/1.1 102 Processing\r\n\r\n${FINE}`, some(102, 1)),
  answer('R19f', 'an interim answer that nobody knows', INTERIM, `HTTP/1.1 199 X\r\n\r\n${FINE}`, [
    ...some(199, 1),
    BAD_GATEWAY,
  ]),
  also(
    answer(
      'R19g',
      'a 103 with a length',
      'RFC 9110 8.6',
      `HTTP/1.1 103 Early Hints\r\ncontent-length: 5\r\n\r\n${FINE}`,
      BAD_GATEWAY,
    ),
    ...some(103, 1),
  ),
  also(
    answer(
      'R19h',
      'a 103 with chunked',
      'RFC 9112 6.1',
      `HTTP/1.1 103 Early Hints\r\ntransfer-encoding: chunked\r\n\r\n${FINE}`,
      BAD_GATEWAY,
    ),
    ...some(103, 1),
  ),
  answer(
    'R19i',
    'a 103 with a bad field',
    'RFC 9112 5',
    `HTTP/1.1 103 Early Hints\r\nx: a\rb\r\n\r\n${FINE}`,
    BAD_GATEWAY,
  ),
  answer(
    'R19j',
    'a 103 with a body',
    'RFC 9112 6.3',
    `HTTP/1.1 103 Early Hints\r\ncontent-length: 5\r\n\r\nhello${FINE}`,
    BAD_GATEWAY,
  ),
];

const SWITCHES: readonly Entry[] = [
  answer(
    'R20',
    'a switch that nobody asked for',
    'RFC 9110 15.2.2',
    'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nbytes',
    BAD_GATEWAY,
  ),
  answer(
    'R20b',
    'a switch without a word to what',
    'RFC 9110 15.2.2',
    'HTTP/1.1 101 Switching Protocols\r\n\r\n',
    BAD_GATEWAY,
  ),
  answer(
    'R20c',
    'a switch and then an answer',
    'RFC 9110 15.2.2',
    `HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n${FINE}`,
    BAD_GATEWAY,
  ),
  old(
    entry(
      'R20d',
      'a switch to HTTP/1.0',
      'RFC 9110 15.2.2',
      toOld('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'),
      closing(BAD_GATEWAY),
    ),
  ),
];

const HOP = 'RFC 9110 7.6.1';
const shaped = (id: string, means: string, fields: string, shape: Partial<AnswerShape>, source = HOP): Entry =>
  answer(
    id,
    means,
    source,
    ok(`${fields}\r\ncontent-length: 4`, 'fine'),
    delivered({ status: 200, body: 'fine', ...shape }),
  );

const FIELDS: readonly Entry[] = [
  shaped('R47', 'a nominated set-cookie stays', 'connection: set-cookie\r\nset-cookie: a=1', {
    fields: { 'set-cookie': 'a=1' },
  }),
  answer('R47b', 'a nominated length stays', HOP, ok('connection: content-length\r\ncontent-length: 4', 'fine'), [
    delivered({ status: 200, body: 'fine' }),
    BAD_GATEWAY,
  ]),
  shaped('R47c', 'a nominated field goes', 'connection: x-foo\r\nx-foo: 1', { lacks: ['x-foo'] }),
  shaped('R47d', 'a nominated field in other letters goes', 'connection: X-Foo\r\nx-fOO: 1', { lacks: ['x-foo'] }),
  shaped('R47e', 'keep-alive goes', 'keep-alive: timeout=5', { lacks: ['keep-alive'] }),
  shaped('R47f', 'proxy-connection goes', 'proxy-connection: keep-alive', { lacks: ['proxy-connection'] }),
  shaped('R47g', 'an upgrade that Connection does not nominate goes', 'upgrade: h2c', { lacks: ['upgrade'] }),
  shaped('R47h', 'a nominated content-type stays', 'connection: content-type\r\ncontent-type: text/plain', {
    fields: { 'content-type': 'text/plain' },
  }),
  shaped(
    'R49',
    'cookies stay apart',
    'set-cookie: a=1\r\nset-cookie: b=2',
    { without: ['a=1,', 'a=1;'], fields: { 'set-cookie': 'a=1,b=2' } },
    'RFC 9110 5.3',
  ),
  shaped('R49b', 'bytes past ASCII go on unchanged', 'x: caf\xe9', { fields: { x: 'caf\xe9' } }, 'RFC 9110 5.5'),
  shaped('R49c', 'an empty value', 'x:', { fields: { x: '' } }, 'RFC 9112 5'),
  shaped('R49d', 'blanks around a value', 'x: \t1 \t', { fields: { x: '1' } }, 'RFC 9112 5'),
  shaped(
    'R49e',
    'a list in two fields keeps its order',
    'x: 1\r\ny: 0\r\nx: 2',
    { fields: { x: '1,2' } },
    'RFC 9110 5.3',
  ),
];

export const INTERIM_ANSWERS: readonly Entry[] = [...ANSWERS, ...SWITCHES, ...FIELDS];
