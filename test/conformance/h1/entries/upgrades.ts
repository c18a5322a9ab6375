// P14-P19: a switch of protocols happens where it is allowed, was asked for and was granted; bytes that came
// early are neither lost nor read as something else (RFC 9110 7.8).

import { UPGRADE_PATH } from '../bootstrap.ts';
import type { Entry, Outcome, Sees } from '../entry.ts';
import {
  answeredHere,
  client,
  closing,
  either,
  entry,
  FINE,
  forwarded,
  get,
  origin,
  refused,
  request,
  seesGet,
  until,
} from '../words.ts';

const UPGRADE = 'RFC 9110 7.8';
const KEYS = 'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==';
const asked = (target: string, type = 'websocket', more = '') =>
  get(`connection: upgrade\r\nupgrade: ${type}\r\n${KEYS}${more}`, target);
const switched = (type = 'websocket') =>
  `HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ${type}\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n`;
const SEES: Sees = seesGet({}, UPGRADE_PATH);
const tunnel = (through: string): Outcome => ({
  gets: [{ kind: 'answer', status: 101, tunnel: through }],
  sees: [SEES],
  after: 'either',
  pooled: 'never',
});
const WITHOUT: Outcome = either(forwarded(seesGet({ lacks: ['upgrade'] })));
/** Handed on whole: the origin decides, and what it answers without a switch stays HTTP. */
const WITH: Outcome = either(forwarded(seesGet({ fields: { upgrade: /./ } })));
const failed: Outcome = {
  gets: [{ kind: 'refusal', statuses: [502, 503] }],
  sees: [SEES],
  after: 'either',
  pooled: 'never',
};

export const UPGRADES: readonly Entry[] = [
  request(
    'P14',
    'a WebSocket where none is let through',
    UPGRADE,
    asked('/g'),
    [WITHOUT, answeredHere(403, 426)],
    WITH,
  ),
  request(
    'P14b',
    'and a request behind it',
    UPGRADE,
    `${asked('/g')}${get('', '/2')}`,
    [
      forwarded(seesGet({ lacks: ['upgrade'] }), seesGet({}, '/2')),
      answeredHere(403, 426),
      { ...answeredHere(403, 426), after: 'closed' },
    ],
    { ...WITH, after: 'closed' },
    forwarded(seesGet(), seesGet({}, '/2')),
  ),
  request(
    'P14c',
    'an upgrade to something unknown',
    UPGRADE,
    asked('/g', 'foo/2'),
    [WITHOUT, answeredHere(403, 426)],
    WITH,
  ),
  entry(
    'P15',
    'a WebSocket that is granted',
    UPGRADE,
    [
      client(asked(UPGRADE_PATH)),
      until('request'),
      origin(switched()),
      until('interim'),
      origin('from the origin'),
      until('settled'),
    ],
    tunnel('from the origin'),
  ),
  entry(
    'P15b',
    'bytes behind the answer that grants it',
    UPGRADE,
    [
      client(asked(UPGRADE_PATH)),
      until('request'),
      origin(`${switched()}early`),
      until('interim'),
      origin(' and late'),
      until('settled'),
    ],
    tunnel('early and late'),
  ),
  entry(
    'P15d',
    'bytes before it is granted',
    UPGRADE,
    [
      client(`${asked(UPGRADE_PATH)}early`),
      until('request'),
      until('settled'),
      origin(switched()),
      until('interim'),
      client(' and late'),
      until('settled'),
      origin('answer'),
      until('settled'),
    ],
    { ...tunnel('answer'), sees: [{ ...SEES, tunnel: 'early and late' }] },
  ),
  request(
    'P15c',
    'a request behind one that is not granted',
    UPGRADE,
    `${asked(UPGRADE_PATH)}${get('', '/s')}`,
    [{ gets: [{ kind: 'answer', status: 200, body: '' }], sees: [SEES], after: 'closed' }, closing(forwarded(SEES))],
    forwarded(SEES, seesGet({}, '/s')),
  ),
  request(
    'P16',
    'an upgrade with a body',
    UPGRADE,
    `${asked(UPGRADE_PATH, 'websocket', '\r\ncontent-length: 5')}hello`,
    refused(),
    either(forwarded(seesGet({ body: 'hello' }, UPGRADE_PATH))),
  ),
  request(
    'P16b',
    'an upgrade with a chunked body',
    UPGRADE,
    `${asked(UPGRADE_PATH, 'websocket', '\r\ntransfer-encoding: chunked')}5\r\nhello\r\n0\r\n\r\n`,
    refused(),
    either(forwarded(seesGet({ body: 'hello' }, UPGRADE_PATH))),
  ),
  entry(
    'P17',
    'a 426 to an upgrade is an answer',
    UPGRADE,
    [
      client(asked(UPGRADE_PATH)),
      until('request'),
      origin('HTTP/1.1 426 Upgrade Required\r\nsec-websocket-version: 13\r\ncontent-length: 4\r\n\r\nfine'),
    ],
    { gets: [{ kind: 'answer', status: 426, body: 'fine' }], sees: [SEES], after: 'either' },
  ),
  entry(
    'P17b',
    'a switch to another protocol than was asked for',
    UPGRADE,
    [client(asked(UPGRADE_PATH)), until('request'), origin(switched('foo')), until('settled')],
    failed,
  ),
  entry(
    'P17c',
    'a switch that does not say to what',
    UPGRADE,
    [
      client(asked(UPGRADE_PATH)),
      until('request'),
      origin('HTTP/1.1 101 Switching Protocols\r\n\r\n'),
      until('settled'),
    ],
    failed,
  ),
  entry(
    'P17d',
    'a 200 to an upgrade: what follows is no tunnel',
    UPGRADE,
    [client(asked(UPGRADE_PATH)), until('request'), origin(`${FINE}${FINE}`), until('settled')],
    [
      { gets: [{ kind: 'answer', status: 200, body: '' }], sees: [SEES], after: 'either', pooled: 'never' },
      { gets: [{ kind: 'answer', status: 200, body: 'fine' }], sees: [SEES], after: 'either', pooled: 'never' },
    ],
  ),
  request(
    'P19',
    'HTTP/2 is never offered on',
    'RFC 9113 3.1',
    get('connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__'),
    [forwarded(seesGet({ without: ['h2c', 'http2-settings'] })), answeredHere(403, 426)],
  ),
  request('P19b', 'HTTP/2 beside WebSocket', 'RFC 9113 3.1', get('connection: upgrade\r\nupgrade: h2c, websocket'), [
    either(forwarded(seesGet({ without: ['h2c'] }))),
    answeredHere(403, 426),
    refused(),
  ]),
];
