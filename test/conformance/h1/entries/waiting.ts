// P10-P13: who waits for whom: expectations, and answers that come before their request is whole
// (RFC 9110 10.1.1, RFC 9112 9.5).

import type { Entry, Outcome } from '../entry.ts';
import {
  client,
  echo,
  entry,
  FINE,
  forwarded,
  get,
  ifAsked,
  inTurn,
  origin,
  originEnds,
  post,
  refused,
  request,
  seesGet,
  seesPost,
  until,
} from '../words.ts';

const EXPECT = 'RFC 9110 10.1.1';
const expecting = post('content-length: 5\r\nexpect: 100-continue');
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
const relayed = (...interim: readonly number[]): Outcome => ({
  gets: [{ kind: 'answer', status: 200, body: 'fine', interim }],
  sees: [seesPost()],
  after: 'either',
});

const EXPECTATIONS: readonly Entry[] = [
  entry(
    'P10',
    'an expectation that the origin meets',
    EXPECT,
    [
      client(expecting),
      until('head'),
      ifAsked('expect', CONTINUE),
      until('interim'),
      client('hello'),
      until('request'),
      origin(FINE),
    ],
    relayed(100),
    relayed(100, 100),
  ),
  entry(
    'P10b',
    'a client that does not wait',
    EXPECT,
    [client(`${expecting}hello`), until('request'), origin(FINE)],
    [relayed(), relayed(100)],
  ),
  entry(
    'P10c',
    'a final answer instead: the body is not taken for a request',
    EXPECT,
    [
      client(expecting),
      until('head'),
      origin('HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\nbig'),
      until('answer'),
      client(get('', '/s')),
      until('settled'),
    ],
    {
      gets: [{ kind: 'answer', status: 413, body: 'big' }],
      sees: [],
      after: 'either',
      unfinished: true,
      pooled: 'never',
    },
    // Who says 100 without asking has the beginning of the smuggled request as the body.
    {
      gets: [{ kind: 'answer', status: 413, body: 'big', interim: [100] }],
      sees: [seesPost({ body: 'GET /' })],
      after: 'either',
      unfinished: true,
    },
    {
      gets: [{ kind: 'answer', status: 413, body: 'big', interim: [100] }],
      sees: [],
      after: 'either',
      unfinished: true,
    },
    inTurn(
      {
        gets: [{ kind: 'answer', status: 413, body: 'big', interim: [100] }],
        sees: [seesPost({ body: 'GET /' })],
        after: 'either',
      },
      refused(),
    ),
  ),
  request(
    'P11',
    'an unknown expectation',
    EXPECT,
    post('content-length: 5\r\nexpect: 200-ok', 'hello'),
    refused(417),
    forwarded(seesPost()),
  ),
  request(
    'P11b',
    'an expectation and another',
    EXPECT,
    post('content-length: 5\r\nexpect: 100-continue, x', 'hello'),
    refused(417),
    forwarded(seesPost()),
    { ...forwarded(seesPost()), gets: [echo(100)] },
  ),
  request(
    'P12',
    'an obfuscated expectation',
    EXPECT,
    post('content-length: 5\r\nexpect: y 100-continue', 'hello'),
    refused(417),
    forwarded(seesPost({ lacks: ['expect'] })),
  ),
  request(
    'P12b',
    'an expectation without a body',
    EXPECT,
    get('expect: 100-continue'),
    forwarded(seesGet({ lacks: ['expect'] })),
    forwarded(seesGet()),
    { ...forwarded(seesGet()), gets: [echo(100)] },
  ),
  request('P12c', 'an obfuscated expectation without a body', EXPECT, get('expect: y 100-continue'), [
    forwarded(seesGet({ lacks: ['expect'] })),
    refused(417),
  ]),
  request(
    'P12d',
    'two expectations',
    EXPECT,
    post('content-length: 5\r\nexpect: 100-continue\r\nexpect: 100-continue', 'hello'),
    refused(400, 417),
    forwarded(seesPost()),
    { ...forwarded(seesPost()), gets: [echo(100)] },
  ),
  request(
    'P12e',
    'an empty expectation',
    EXPECT,
    post('content-length: 5\r\nexpect: ', 'hello'),
    [refused(417), forwarded(seesPost({ lacks: ['expect'] }))],
    forwarded(seesPost()),
  ),
  request('P12f', 'an expectation in capitals', EXPECT, post('content-length: 5\r\nexpect: 100-CONTINUE', 'hello'), [
    forwarded(seesPost()),
    { ...forwarded(seesPost()), gets: [echo(100)] },
  ]),
];

/** The rest of a body that would be a request by itself. */
const SMUGGLED = get('', '/s');
const TOO_LARGE = 'HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\nbig';
const early = (status: number): Outcome => ({
  gets: [{ kind: 'answer', status, body: 'big' }],
  sees: [],
  after: 'either',
  unfinished: true,
  pooled: 'never',
});

const EARLY: readonly Entry[] = [
  entry(
    'P13',
    'an answer before the body is whole',
    'RFC 9112 9.5',
    [client(post('content-length: 100', 'hello')), until('head'), origin(TOO_LARGE), until('answer')],
    early(413),
    { ...early(413), after: 'waits' },
    // Who sends nothing on before the body is whole waits for it.
    { gets: [], sees: [], after: 'waits', unfinished: true },
  ),
  entry(
    'P13b',
    'an answer before the body is whole, and then the rest of it',
    'RFC 9112 9.5',
    [
      client(post(`content-length: ${5 + SMUGGLED.length}`, 'hello')),
      until('head'),
      origin(TOO_LARGE),
      until('answer'),
      client(SMUGGLED),
      until('settled'),
    ],
    early(413),
    {
      gets: [{ kind: 'answer', status: 413, body: 'big' }],
      sees: [seesPost({ body: `hello${SMUGGLED}` })],
      after: 'either',
    },
    // The whole body came before the answer was said; the answer is then to the whole request.
    { gets: [], sees: [seesPost({ body: `hello${SMUGGLED}` })], after: 'waits' },
  ),
  entry(
    'P13c',
    'an answer before a chunked body is whole',
    'RFC 9112 9.5',
    [client(post('transfer-encoding: chunked', '5\r\nhello\r\n')), until('head'), origin(TOO_LARGE), until('answer')],
    early(413),
    { ...early(413), after: 'waits' },
    { gets: [], sees: [], after: 'waits', unfinished: true },
  ),
  entry(
    'P13d',
    'an answer before the body is whole, and the end of the connection',
    'RFC 9112 9.5',
    [
      client(post('content-length: 100', 'hello')),
      until('head'),
      origin(TOO_LARGE),
      originEnds('fin'),
      until('answer'),
    ],
    early(413),
    { ...early(413), after: 'waits' },
    { gets: [], sees: [], after: 'waits', unfinished: true },
  ),
];

export const WAITING: readonly Entry[] = [...EXPECTATIONS, ...EARLY];
