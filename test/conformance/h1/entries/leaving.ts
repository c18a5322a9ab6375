// P23, P24: who leaves first, and what is not sent again (RFC 9112 9.5, 9.6, RFC 9110 9.2.2).

import type { Entry, Outcome } from '../entry.ts';
import {
  client,
  clientEnds,
  DROPPED,
  entry,
  FINE,
  forwarded,
  get,
  origin,
  originEnds,
  post,
  refused,
  seesGet,
  seesPost,
  until,
} from '../words.ts';

/** The exchange with the origin ends with the client; the client gets nothing whole. */
const GONE: Outcome = { gets: [], sees: [seesGet()], after: 'closed', pooled: 'never' };
/** Who only ended its sending side may be told. */
const GONE_AND_TOLD: Outcome = { ...GONE, gets: [{ kind: 'refusal', statuses: [400] }] };
const left = (id: string, means: string, ends: 'fin' | 'reset'): Entry =>
  entry(
    id,
    means,
    'RFC 9112 9.5',
    [client(get()), until('request'), origin('HTTP/1.1 200 OK\r\n'), clientEnds(ends), until('origin over')],
    GONE,
    GONE_AND_TOLD,
  );
const cutShort = (id: string, means: string, text: string, ends: 'fin' | 'reset' = 'fin'): Entry =>
  entry(id, means, 'RFC 9112 8', [client(text), until('settled'), clientEnds(ends)], [DROPPED, refused()]);
const coded = (body: string) => post('transfer-encoding: chunked', body);

const LEAVING: readonly Entry[] = [
  left('P23', 'a client that leaves before its answer', 'fin'),
  left('P23b', 'a client that resets before its answer', 'reset'),
  entry(
    'P23c',
    'a client that leaves in the middle of its answer',
    'RFC 9112 9.5',
    [
      client(get()),
      until('request'),
      origin('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhello'),
      until('bytes'),
      clientEnds('reset'),
      until('origin over'),
    ],
    GONE,
  ),
  cutShort('P23d', 'a counted body that breaks off', post('content-length: 10', 'hello')),
  cutShort('P23e', 'a counted body that is reset', post('content-length: 10', 'hello'), 'reset'),
  cutShort('P23f', 'a body that does not begin', post('content-length: 10')),
  cutShort('P23g', 'a chunk that breaks off', coded('5\r\nhel')),
  cutShort('P23h', 'a chunked body that breaks off after a chunk', coded('5\r\nhello\r\n')),
  cutShort('P23i', 'a chunked body that breaks off in a size', coded('5\r\nhello\r\n1')),
  cutShort('P23j', 'a chunked body that breaks off after the last size', coded('5\r\nhello\r\n0\r\n')),
  cutShort('P23k', 'a chunked body that breaks off before the last LF', coded('5\r\nhello\r\n0\r\n\r')),
  cutShort('P23l', 'a chunked body that breaks off in its trailers', coded('5\r\nhello\r\n0\r\nx: 1\r\n')),
  cutShort('P23m', 'a chunked body that is reset after the last size', coded('5\r\nhello\r\n0\r\n'), 'reset'),
  cutShort('P23n', 'a head that breaks off', 'GET /g HTTP/1.1\r\nhost: a\r\n'),
  cutShort('P23o', 'a head that breaks off before its last LF', 'GET /g HTTP/1.1\r\nhost: a\r\n\r'),
  entry(
    'P23p',
    'a whole request and the end of the sending side',
    'RFC 9112 9.6',
    [client(get()), clientEnds('fin')],
    [DROPPED, { ...forwarded(seesGet()), after: 'closed' }, { gets: [], sees: [seesGet()], after: 'closed' }],
    GONE_AND_TOLD,
  ),
];

const unanswered = (id: string, means: string, text: string, sees: Outcome['sees'], ends: 'fin' | 'reset'): Entry =>
  entry(
    id,
    means,
    'RFC 9110 9.2.2',
    [client(text), until('request'), originEnds(ends)],
    [{ gets: [{ kind: 'refusal', statuses: [502, 503] }], sees, after: 'either', pooled: 'never' }],
  );

const UNANSWERED: readonly Entry[] = [
  unanswered(
    'P24',
    'a POST that was not answered is not sent again',
    post('content-length: 5', 'hello'),
    [seesPost()],
    'fin',
  ),
  unanswered(
    'P24b',
    'a POST that was reset is not sent again',
    post('content-length: 5', 'hello'),
    [seesPost()],
    'reset',
  ),
  entry(
    'P24c',
    'a POST on a kept connection that was not answered is not sent again',
    'RFC 9110 9.2.2',
    [
      client(get()),
      until('request'),
      origin(FINE),
      until('answer'),
      client(post('content-length: 5', 'hello')),
      until('request'),
      originEnds('fin'),
    ],
    {
      gets: [
        { kind: 'answer', status: 200, body: 'fine' },
        { kind: 'refusal', statuses: [502, 503] },
      ],
      sees: [seesGet(), seesPost()],
      after: 'either',
    },
  ),
];

export const LEAVING_FIRST: readonly Entry[] = [...LEAVING, ...UNANSWERED];
