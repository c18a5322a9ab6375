// P08, P09, P20-P22, P25: what one connection carries after another, the methods that are not for the
// origin, and loops (RFC 9112 9, RFC 9110 9.3).

import type { Entry } from '../entry.ts';
import {
  answeredHere,
  asking,
  client,
  closing,
  DROPPED,
  delivered,
  either,
  entry,
  forwarded,
  get,
  inTurn,
  old,
  origin,
  post,
  refused,
  request,
  seesGet,
  seesPost,
  until,
} from '../words.ts';

const PIPELINE = 'RFC 9112 9.3.2';
const CLOSE = 'RFC 9112 9.6';
const TWO = forwarded(seesGet(), seesGet({}, '/2'));

const PIPELINES: readonly Entry[] = [
  request('P08', 'two requests at once', PIPELINE, `${get()}${get('', '/2')}`, TWO),
  request(
    'P08b',
    'three requests at once, one with a body',
    PIPELINE,
    `${get()}${post('content-length: 5', 'hello')}${get('', '/2')}`,
    forwarded(seesGet(), seesPost(), seesGet({}, '/2')),
  ),
  request(
    'P08c',
    'a chunked body and a request at once',
    PIPELINE,
    `${post('transfer-encoding: chunked', '5\r\nhello\r\n0\r\n\r\n')}${get()}`,
    forwarded(seesPost(), seesGet()),
  ),
  asking(
    ['HEAD', 'GET'],
    request(
      'P08d',
      'HEAD and GET at once',
      PIPELINE,
      `HEAD /h HTTP/1.1\r\nhost: a\r\n\r\n${get()}`,
      forwarded({ line: 'HEAD /h HTTP/1.1' }, seesGet()),
    ),
  ),
  request(
    'P08e',
    'a bad second request does not touch the first answer',
    PIPELINE,
    `${get()}GE(T / HTTP/1.1\r\nhost: a\r\n\r\n`,
    [inTurn(forwarded(seesGet()), refused())],
    inTurn(forwarded(seesGet()), DROPPED),
  ),
  request(
    'P08f',
    'a bad body of a second request does not touch the first answer',
    PIPELINE,
    `${get()}${post('transfer-encoding: chunked', 'G\r\n')}`,
    [inTurn(forwarded(seesGet()), refused())],
    inTurn(forwarded(seesGet()), DROPPED),
  ),
  request(
    'P08g',
    'a refused second request ends the third',
    PIPELINE,
    `${get()}${get('host: b')}${get('', '/3')}`,
    [inTurn(forwarded(seesGet()), refused())],
    inTurn(forwarded(seesGet()), DROPPED),
  ),
  request(
    'P08h',
    'ten requests at once',
    PIPELINE,
    Array.from({ length: 10 }, (_, i) => get('', `/${i}`)).join(''),
    forwarded(...Array.from({ length: 10 }, (_, i) => seesGet({}, `/${i}`))),
  ),
  request(
    'P09',
    'a request after the last one',
    CLOSE,
    `${get('connection: close')}${get('', '/2')}`,
    closing(forwarded(seesGet())),
  ),
  request(
    'P09b',
    'bytes that are no request after the last one',
    CLOSE,
    `${get('connection: close')}\0\0 what`,
    closing(forwarded(seesGet())),
  ),
  request(
    'P09c',
    'close among other members',
    CLOSE,
    `${get('connection: x, Close')}${get('', '/2')}`,
    closing(forwarded(seesGet())),
  ),
  request(
    'P09d',
    'close beside keep-alive',
    CLOSE,
    `${get('connection: close, keep-alive')}${get('', '/2')}`,
    closing(forwarded(seesGet())),
  ),
  request(
    'P09e',
    'close in a second field',
    CLOSE,
    `${get('connection: keep-alive\r\nconnection: close')}${get('', '/2')}`,
    closing(forwarded(seesGet())),
  ),
  request(
    'P09f',
    'close and a body',
    CLOSE,
    post('connection: close\r\ncontent-length: 5', 'hello'),
    closing(forwarded(seesPost())),
  ),
];

const ask10 = (fields = '', target = '/g') => `GET ${target} HTTP/1.0\r\nhost: a\r\n${fields}\r\n`;
const OLD = 'RFC 9112 C.2.2';

const HTTP_10: readonly Entry[] = [
  request('P22', 'HTTP/1.0 ends with its answer', OLD, `${ask10()}${ask10('', '/2')}`, closing(forwarded(seesGet()))),
  request('P22b', 'HTTP/1.0 that would be kept alive', OLD, ask10('connection: keep-alive\r\n'), [
    closing(forwarded(seesGet())),
    either(forwarded(seesGet())),
  ]),
  request(
    'P22c',
    'HTTP/1.0 with Proxy-Connection',
    OLD,
    `${ask10('proxy-connection: keep-alive\r\n')}${ask10('', '/2')}`,
    closing(forwarded(seesGet({ lacks: ['proxy-connection'] }))),
  ),
  request(
    'P22d',
    'HTTP/1.0 with a body',
    OLD,
    'POST /p HTTP/1.0\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello',
    closing(forwarded(seesPost())),
  ),
  request(
    'P22e',
    'HTTP/1.0 without Host',
    'RFC 9112 3.2',
    'GET /g HTTP/1.0\r\n\r\n',
    [closing(forwarded(seesGet({ host: /./ }))), refused()],
    closing(forwarded({ line: 'GET /g HTTP/1.0', lacks: ['host'] })),
  ),
  request('P22f', 'HTTP/1.0 with two Hosts', 'RFC 9112 3.2', ask10('host: b\r\n'), refused()),
  request(
    'P22g',
    'HTTP/1.0 with an expectation',
    'RFC 9110 10.1.1',
    `POST /p HTTP/1.0\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\nhello`,
    closing(forwarded(seesPost({ lacks: ['expect'] }))),
    closing(forwarded(seesPost())),
  ),
  request(
    'P22h',
    'HTTP/1.0 with an upgrade',
    'RFC 9110 7.8',
    ask10('connection: upgrade\r\nupgrade: websocket\r\n', '/ws'),
    [closing(forwarded(seesGet({ lacks: ['upgrade'] }, '/ws'))), refused(400, 403, 426)],
  ),
].map(old);

const METHODS: readonly Entry[] = [
  request('P20', 'CONNECT', 'RFC 9110 9.3.6', 'CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n', [
    refused(400, 403, 404, 405, 501),
    answeredHere(403, 404, 405, 501),
  ]),
  request('P20b', 'CONNECT with a path', 'RFC 9110 9.3.6', 'CONNECT /a HTTP/1.1\r\nhost: a\r\n\r\n', [
    refused(400, 405),
  ]),
  request(
    'P20c',
    'CONNECT with a body',
    'RFC 9110 9.3.6',
    'CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\ncontent-length: 5\r\n\r\nhello',
    [refused(400, 403, 404, 405, 501), answeredHere(403, 404, 405, 501)],
  ),
  request('P20d', 'CONNECT to port 0', 'RFC 9110 9.3.6', 'CONNECT a:0 HTTP/1.1\r\nhost: a:0\r\n\r\n', [
    refused(400, 403, 404, 405, 501),
    answeredHere(403, 404, 405, 501),
  ]),
  request('P20e', 'CONNECT without a port', 'RFC 9110 9.3.6', 'CONNECT a HTTP/1.1\r\nhost: a\r\n\r\n', [
    refused(400, 403, 404, 405, 501),
    answeredHere(403, 404, 405, 501),
  ]),
  request(
    'P21',
    'TRACE',
    'RFC 9110 9.3.8',
    'TRACE /t HTTP/1.1\r\nhost: a\r\n\r\n',
    [refused(405), answeredHere(405)],
    forwarded({ line: 'TRACE /t HTTP/1.1' }),
  ),
  request(
    'P21b',
    'TRACE with a body',
    'RFC 9110 9.3.8',
    'TRACE /t HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello',
    [refused(400, 405)],
    answeredHere(405),
  ),
  asking(
    ['HEAD'],
    request(
      'P21c',
      'HEAD',
      'RFC 9110 9.3.2',
      'HEAD /h HTTP/1.1\r\nhost: a\r\n\r\n',
      forwarded({ line: 'HEAD /h HTTP/1.1' }),
    ),
  ),
];

const hops = (count: number) => Array.from({ length: count }, () => '1.1 fairlead').join(', ');
const LOOPS: readonly Entry[] = [
  request(
    'P25',
    'a request that passed us ten times',
    'RFC 9110 7.6.3',
    get(`via: ${hops(11)}`),
    [refused(508), answeredHere(508)],
    forwarded(seesGet()),
  ),
  entry(
    'P25b',
    'an answer that says that it passed others',
    'RFC 9110 7.6.3',
    [client(get()), until('request'), origin('HTTP/1.1 200 OK\r\nvia: 1.1 x\r\ncontent-length: 4\r\n\r\nfine')],
    delivered({ status: 200, body: 'fine', fields: { via: /1\.1 x/ } }),
  ),
];

export const CONNECTIONS: readonly Entry[] = [...PIPELINES, ...HTTP_10, ...METHODS, ...LOOPS];
