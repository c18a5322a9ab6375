// R: what upstreams answer over HTTP/2, right and wrong (RFC 9113 8), and frames of theirs that are wrong.

import * as f from '../frames.ts';

/** What a client of either version gets. */
export type Got =
  /** An answer of the proxy's own, with these response flags. */
  | { readonly kind: 'refusal'; readonly status: number; readonly flags: string }
  /** A beginning of the answer, which cannot be taken for all of it; or the refusal, where none of it went on. */
  | { readonly kind: 'abort' }
  | { readonly kind: 'whole'; readonly status: number; readonly body: string };

export interface AnswerRow {
  readonly id: string;
  readonly means: string;
  /** Said on the stream of the request. */
  readonly says: (stream: number) => Buffer;
  readonly gets: Got;
  /** What the upstream gets: RST_STREAM, or GOAWAY for the connection; null: nothing. */
  readonly upstream: { readonly kind: 'stream' | 'connection'; readonly code: number } | null;
  readonly method?: 'HEAD' | 'GET';
  /** Then the upstream closes the connection. */
  readonly closes?: true;
}

const { TYPE, ERROR, SETTING } = f;
const { PROTOCOL, FRAME_SIZE, FLOW_CONTROL, COMPRESSION } = ERROR;
const UPE: Got = { kind: 'refusal', status: 502, flags: 'UPE' };
const ABORT: Got = { kind: 'abort' };
const CHUNK = 'abc';

const stream = (code: number) => ({ kind: 'stream', code }) as const;
const connection = (code: number) => ({ kind: 'connection', code }) as const;

/** A head that is malformed. */
function bad(id: string, means: string, fields: f.Fields): AnswerRow {
  const says = (to: number) => Buffer.concat([f.headers(to, fields, false), f.data(to, CHUNK)]);
  return { id, means, says, gets: UPE, upstream: stream(PROTOCOL) };
}

const field = (id: string, means: string, name: string, value: string) =>
  bad(id, means, f.response(200, [name, value]));

/** These frames on the stream make the answer malformed before any of it went on. */
function refused(id: string, means: string, says: AnswerRow['says'], code: number = PROTOCOL): AnswerRow {
  return { id, means, says, gets: UPE, upstream: stream(code) };
}

/** A good head, and then these. */
function broken(
  id: string,
  means: string,
  fields: f.Fields,
  says: AnswerRow['says'],
  code: number = PROTOCOL,
): AnswerRow {
  const all = (to: number) => Buffer.concat([f.headers(to, f.response(200, ...fields), false), says(to)]);
  return { id, means, says: all, gets: ABORT, upstream: stream(code) };
}

function fatal(id: string, means: string, code: number, says: AnswerRow['says']): AnswerRow {
  return { id, means, says, gets: UPE, upstream: connection(code) };
}

function whole(id: string, means: string, says: AnswerRow['says'], body: string, status = 200): AnswerRow {
  return { id, means, says, gets: { kind: 'whole', status, body }, upstream: null };
}

const HEADS: readonly AnswerRow[] = [
  bad('R01', 'no :status', [['x', '1']]),
  bad('R02', 'two :status', [
    [':status', '200'],
    [':status', '200'],
  ]),
  bad('R03', ':status of letters', f.response('abc')),
  bad('R03b', ':status of two digits', f.response('99')),
  bad('R03c', ':status of four digits', f.response('2000')),
  bad('R03d', ':status with a sign', f.response('+20')),
  bad('R03e', ':status past 599', f.response('600')),
  bad('R03f', 'an empty :status', f.response('')),
  bad('R03g', ':status with an exponent', f.response('2e2')),
  bad('R04', ':path in an answer', [
    [':status', '200'],
    [':path', '/'],
  ]),
  bad('R05', ':status after others', [
    ['x', '1'],
    [':status', '200'],
  ]),
  field('R06', 'an upper-case name', 'X-Upper', '1'),
  field('R06b', 'an empty name', '', '1'),
  field('R07', 'CRLF in a value', 'x', 'a\r\nb'),
  field('R07b', 'NUL in a value', 'x', 'a\0b'),
  field('R07c', 'a value with outer spaces', 'x', ' a'),
  field('R08', 'connection', 'connection', 'close'),
  field('R08b', 'transfer-encoding', 'transfer-encoding', 'chunked'),
  field('R08c', 'keep-alive', 'keep-alive', 'timeout=5'),
  field('R08d', 'upgrade', 'upgrade', 'h2c'),
  field('R08e', 'proxy-connection', 'proxy-connection', 'close'),
  field('R09', 'a length that is none', 'content-length', '03'),
  bad('R09b', 'two lengths', f.response(200, ['content-length', '3'], ['content-length', '3'])),
  refused('R10', 'no body where the length is 5', (to) => f.headers(to, f.response(200, ['content-length', '5']))),
  refused('R14', '101', (to) => f.headers(to, f.response(101), false)),
];

const BODIES: readonly AnswerRow[] = [
  broken('R11', 'a body shorter than its length', [['content-length', '5']], (to) => f.data(to, CHUNK)),
  broken('R12', 'a body longer than its length', [['content-length', '2']], (to) => f.data(to, CHUNK)),
  broken('R12b', 'more behind a body of its length', [['content-length', '3']], (to) =>
    Buffer.concat([f.data(to, CHUNK, false), f.data(to, 'd')]),
  ),
  refused('R13', 'a body where the length is 0', (to) =>
    Buffer.concat([f.headers(to, f.response(200, ['content-length', '0']), false), f.data(to, CHUNK)]),
  ),
  broken('R15', 'a pseudo field in trailers', [], (to) => trailers(to, [[':status', '200']])),
  broken('R15b', 'CRLF in trailers', [], (to) => trailers(to, [['x', 'a\r\nb']])),
  broken('R16', 'trailers that do not end the answer', [], (to) => trailers(to, [['x', '1']], false)),
  broken('R17', 'a length in trailers', [], (to) => trailers(to, [['content-length', '3']])),
  broken('R17b', 'trailers before the length is full', [['content-length', '9']], (to) => trailers(to, [['x', '1']])),
  refused('R20', 'a body before its head', (to) => f.data(to, CHUNK, false)),
  refused('R20b', 'a body without a head', (to) => f.data(to, CHUNK)),
  refused('R20c', 'a body after an interim head', (to) =>
    Buffer.concat([f.headers(to, f.response(103), false), f.data(to, CHUNK)]),
  ),
  refused('R20d', 'an end without a head', (to) => f.data(to, '')),
];

function trailers(to: number, fields: f.Fields, end = true): Buffer {
  return Buffer.concat([f.data(to, CHUNK, false), f.headers(to, fields, end)]);
}

/** What may have no body has one. */
const BODILESS: readonly AnswerRow[] = [
  { ...bad('R40', 'a body behind HEAD', f.response(200)), method: 'HEAD' },
  {
    ...bad('R40b', 'a body of the length that was said, behind HEAD', f.response(200, ['content-length', '3'])),
    method: 'HEAD',
  },
  bad('R41', 'a body behind 204', f.response(204)),
  bad('R42', 'a body behind 304', f.response(304)),
];

const INTERIM: readonly AnswerRow[] = [
  refused('R18', 'nine interim answers', (to) => interim(to, 9)),
  whole(
    'R18b',
    'eight',
    (to) => Buffer.concat([interim(to, 8), f.headers(to, f.response(200), false), f.data(to, CHUNK)]),
    CHUNK,
  ),
  refused('R19', 'an interim answer that is the end', (to) => f.headers(to, f.response(103))),
];

function interim(to: number, count: number): Buffer {
  return Buffer.concat(Array.from({ length: count }, () => f.headers(to, f.response(103, ['link', '<a>']), false)));
}

const STREAM_FRAMES: readonly AnswerRow[] = [
  refused('R24', 'WINDOW_UPDATE of 0', (to) => f.windowUpdate(to, 0)),
  refused('R24b', 'a window past 2^31-1', (to) => f.windowUpdate(to, 2 ** 31 - 1), FLOW_CONTROL),
  refused('R25', 'PRIORITY on itself', (to) => f.priority(to, to)),
  {
    ...refused('R30', 'RST_STREAM before the head', (to) => f.rst(to, ERROR.INTERNAL)),
    gets: reset('UR'),
    upstream: null,
  },
  {
    ...broken('R30b', 'RST_STREAM in the body', [], (to) =>
      Buffer.concat([f.data(to, CHUNK, false), f.rst(to, ERROR.CANCEL)]),
    ),
    upstream: null,
  },
  {
    ...broken('R30c', 'RST_STREAM behind a head with a length of 0', [['content-length', '0']], (to) =>
      f.rst(to, ERROR.CANCEL),
    ),
    gets: reset('UR'),
    upstream: null,
  },
  {
    ...broken('R30d', 'RST_STREAM behind a body of its length', [['content-length', '3']], (to) =>
      Buffer.concat([f.data(to, CHUNK, false), f.rst(to, ERROR.CANCEL)]),
    ),
    upstream: null,
  },
];

function reset(flags: string): Got {
  return { kind: 'refusal', status: 503, flags };
}

const ENDS: readonly AnswerRow[] = [
  {
    ...refused('R31', 'an end of the connection before the head', () => Buffer.alloc(0)),
    gets: reset('UC'),
    upstream: null,
    closes: true,
  },
  {
    ...broken('R31b', 'an end of the connection in the body', [], (to) => f.data(to, CHUNK, false)),
    upstream: null,
    closes: true,
  },
  {
    ...broken('R31c', 'an end of the connection behind a body of its length', [['content-length', '3']], (to) =>
      f.data(to, CHUNK, false),
    ),
    upstream: null,
    closes: true,
  },
  {
    ...refused('R31d', 'an end of the connection within a head', (to) =>
      f.headers(to, f.response(200)).subarray(0, 11),
    ),
    gets: reset('UC'),
    upstream: null,
    closes: true,
  },
];

const FATAL: readonly AnswerRow[] = [
  fatal('R50', 'PUSH_PROMISE', PROTOCOL, (to) =>
    f.frame(TYPE.PUSH_PROMISE, f.END_HEADERS, to, Buffer.concat([f.words(2), f.block(f.request())])),
  ),
  fatal('R51', 'an even stream', PROTOCOL, () => f.headers(2, f.response(200))),
  fatal('R52', 'HEADERS for a stream that nobody opened', PROTOCOL, () => f.headers(999, f.response(200))),
  fatal('R53', 'DATA for a stream that nobody opened', PROTOCOL, () => f.data(999, 'x')),
  fatal('R54', 'RST_STREAM for a stream that nobody opened', PROTOCOL, () => f.rst(999, 8)),
  fatal('R55', 'a field block that cannot be read', COMPRESSION, (to) => f.headers(to, Buffer.from([0xff, 0x40]))),
  fatal('R56', 'ENABLE_PUSH of a server', PROTOCOL, () => f.settings({ [SETTING.PUSH]: 1 })),
  fatal('R57', 'a window setting past 2^31-1', FLOW_CONTROL, () => f.settings({ [SETTING.WINDOW]: 2 ** 31 })),
  fatal('R58', 'a frame larger than agreed', FRAME_SIZE, (to) => f.frame(TYPE.DATA, 0, to, Buffer.alloc(0), 16_385)),
  fatal('R59', 'CONTINUATION of nothing', PROTOCOL, (to) => f.frame(TYPE.CONTINUATION, f.END_HEADERS, to)),
  fatal('R60', 'a frame within a field block', PROTOCOL, (to) =>
    Buffer.concat([f.frame(TYPE.HEADERS, 0, to, f.block(f.response(200))), f.ping()]),
  ),
  fatal('R61', 'WINDOW_UPDATE of 0 for the connection', PROTOCOL, () => f.windowUpdate(0, 0)),
  fatal('R62', 'a window of the connection past 2^31-1', FLOW_CONTROL, () => f.windowUpdate(0, 2 ** 31 - 1)),
  fatal('R63', 'length of SETTINGS', FRAME_SIZE, () => f.frame(TYPE.SETTINGS, 0, 0, Buffer.alloc(5))),
  fatal('R64', 'HTTP/1.1', FRAME_SIZE, () => Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')),
  fatal('R65', 'HEADERS for the connection', PROTOCOL, () => f.headers(0, f.response(200))),
];

const FLOOD: readonly AnswerRow[] = [
  fatal('X02c', 'PING', ERROR.CALM, () => times(2000, f.ping())),
  fatal('X03c', 'SETTINGS', ERROR.CALM, () => times(2000, f.settings())),
  fatal('X05c', 'CONTINUATION without end', ERROR.CALM, (to) =>
    Buffer.concat([
      f.frame(TYPE.HEADERS, 0, to, f.block(f.response(200))),
      times(20, f.frame(TYPE.CONTINUATION, 0, to)),
    ]),
  ),
  fatal('X07d', 'PRIORITY', ERROR.CALM, () => times(20_000, f.priority(1, 3))),
  fatal('X08c', 'WINDOW_UPDATE', ERROR.CALM, () => times(2000, f.windowUpdate(0, 1))),
  fatal('X17', 'ORIGIN (CVE-2026-48619)', ERROR.CALM, () =>
    times(2000, f.frame(0xc, 0, 0, Buffer.from('\0\x08http://a'))),
  ),
  fatal('X17a', 'ALTSVC', ERROR.CALM, (to) => times(2000, f.frame(0xa, 0, to, Buffer.from('\0\0h2=":443"')))),
  {
    ...fatal('X04c', 'DATA with nothing in it', ERROR.CALM, (to) =>
      Buffer.concat([f.headers(to, f.response(200), false), times(20, f.data(to, '', false))]),
    ),
    gets: ABORT,
  },
];

function times(count: number, bytes: Buffer): Buffer {
  return Buffer.concat(Array.from({ length: count }, () => bytes));
}

const GOOD: readonly AnswerRow[] = [
  whole(
    'R00',
    'a plain answer',
    (to) => Buffer.concat([f.headers(to, f.response(200, ['content-length', '3']), false), f.data(to, CHUNK)]),
    CHUNK,
  ),
  whole(
    'R00b',
    'without a length, with trailers',
    (to) => Buffer.concat([f.headers(to, f.response(200), false), trailers(to, [['x', '1']])]),
    CHUNK,
  ),
  whole(
    'R00c',
    'a length, and an end of its own',
    (to) =>
      Buffer.concat([
        f.headers(to, f.response(200, ['content-length', '3']), false),
        f.data(to, CHUNK, false),
        f.data(to, ''),
      ]),
    CHUNK,
  ),
  whole(
    'R00d',
    'a length of 0, and an end of its own',
    (to) => Buffer.concat([f.headers(to, f.response(200, ['content-length', '0']), false), f.data(to, '')]),
    '',
  ),
  whole('R00e', 'a head alone', (to) => f.headers(to, f.response(200)), ''),
  whole('R00f', '404', (to) => Buffer.concat([f.headers(to, f.response(404), false), f.data(to, CHUNK)]), CHUNK, 404),
  whole(
    'R00g',
    'unknown frames and padding',
    (to) =>
      Buffer.concat([
        f.frame(0xa, 0, to, Buffer.alloc(7)),
        f.headers(to, f.response(200), false),
        f.frame(TYPE.DATA, f.PADDED | f.END_STREAM, to, Buffer.from('\x02abc\0\0')),
      ]),
    CHUNK,
  ),
  {
    ...whole('R00h', 'HEAD with a length', (to) => f.headers(to, f.response(200, ['content-length', '3'])), ''),
    method: 'HEAD',
  },
  {
    ...whole(
      'R00j',
      'HEAD with a length and an end of its own',
      (to) => Buffer.concat([f.headers(to, f.response(200, ['content-length', '3']), false), f.data(to, '')]),
      '',
    ),
    method: 'HEAD',
  },
  whole('R00i', '304 with a length', (to) => f.headers(to, f.response(304, ['content-length', '3'])), '', 304),
];

export const ANSWERS: readonly AnswerRow[] = [
  ...GOOD,
  ...HEADS,
  ...BODIES,
  ...BODILESS,
  ...INTERIM,
  ...STREAM_FRAMES,
  ...ENDS,
];
export const ANSWER_FAULTS: readonly AnswerRow[] = [...FATAL, ...FLOOD];
