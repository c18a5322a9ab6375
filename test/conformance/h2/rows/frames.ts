// E: frames that are wrong by themselves or where they stand (RFC 9113 4 to 6).

import * as f from '../frames.ts';
import { connection, type Gets, passes, type Row, refused, STREAM, stream } from '../row.ts';

const { TYPE, ERROR, SETTING } = f;
const { PROTOCOL, FRAME_SIZE, FLOW_CONTROL, STREAM_CLOSED, COMPRESSION, CALM } = ERROR;
const GET = f.request();
const MOST_WINDOW = 2 ** 31 - 1;
/** A request that goes on. */
const OPEN = f.headers(STREAM, f.request('POST', '/p'), false);

/** These frames alone end the connection. */
const fatal = (id: string, means: string, code: number, ...says: readonly Buffer[]) =>
  refused(id, means, Buffer.concat(says), connection(code));
/** These end a stream that is open, and no other. */
const onOpen = (id: string, means: string, gets: Gets, ...says: readonly Buffer[]) =>
  refused(id, means, Buffer.concat([OPEN, ...says]), gets);

const WINDOWS: readonly Row[] = [
  fatal('E01', 'WINDOW_UPDATE of 0 for the connection', PROTOCOL, f.windowUpdate(0, 0)),
  fatal('E02', 'a window of the connection past 2^31-1', FLOW_CONTROL, f.windowUpdate(0, MOST_WINDOW)),
  onOpen('E03', 'WINDOW_UPDATE of 0 for a stream', stream(PROTOCOL), f.windowUpdate(STREAM, 0)),
  onOpen('E04', 'a window of a stream past 2^31-1', stream(FLOW_CONTROL), f.windowUpdate(STREAM, MOST_WINDOW)),
  fatal('E04b', 'WINDOW_UPDATE for a stream that nobody opened', PROTOCOL, f.windowUpdate(9, 1)),
  fatal('E04c', 'length of WINDOW_UPDATE', FRAME_SIZE, f.frame(TYPE.WINDOW_UPDATE, 0, 0, Buffer.alloc(3))),
];

const PRIORITIES: readonly Row[] = [
  refused('E05', 'PRIORITY on itself', f.priority(STREAM, STREAM), stream(PROTOCOL)),
  onOpen('E05b', 'PRIORITY on itself, of an open stream', stream(PROTOCOL), f.priority(STREAM, STREAM)),
  refused('E06', 'length of PRIORITY', f.frame(TYPE.PRIORITY, 0, STREAM, Buffer.alloc(4)), stream(FRAME_SIZE)),
  fatal('E06b', 'PRIORITY for the connection', PROTOCOL, f.priority(0, 3)),
  fatal(
    'E06c',
    'HEADERS too short for their priority',
    FRAME_SIZE,
    f.frame(TYPE.HEADERS, 0x25, STREAM, Buffer.alloc(4)),
  ),
];

const PLACES: readonly Row[] = [
  fatal('E07', 'DATA for the connection', PROTOCOL, f.data(0, 'x')),
  fatal('E08', 'SETTINGS for a stream', PROTOCOL, f.frame(TYPE.SETTINGS, 0, STREAM)),
  fatal('E12', 'CONTINUATION of nothing', PROTOCOL, f.frame(TYPE.CONTINUATION, f.END_HEADERS, STREAM)),
  fatal('E13', 'a frame within a field block', PROTOCOL, unfinished(), f.ping()),
  fatal('E13b', 'CONTINUATION for another stream', PROTOCOL, unfinished(), f.frame(TYPE.CONTINUATION, 4, 3)),
  fatal('E13c', 'HEADERS within a field block', PROTOCOL, unfinished(), f.headers(3, GET)),
  fatal('E14', 'DATA on a stream that nobody opened', PROTOCOL, f.data(STREAM, 'x')),
  fatal('E16', 'PUSH_PROMISE of a client', PROTOCOL, f.frame(TYPE.PUSH_PROMISE, 4, STREAM, f.words(2))),
  fatal('E18', 'RST_STREAM for a stream that nobody opened', PROTOCOL, f.rst(STREAM, 8)),
  fatal('E18b', 'RST_STREAM for the connection', PROTOCOL, f.rst(0, 8)),
  fatal('E19b', 'PING for a stream', PROTOCOL, f.frame(TYPE.PING, 0, STREAM, Buffer.alloc(8))),
  fatal('E22', 'GOAWAY for a stream', PROTOCOL, f.frame(TYPE.GOAWAY, 0, STREAM, f.words(0, 0))),
];

const LENGTHS: readonly Row[] = [
  fatal('E09', 'DATA larger than agreed', FRAME_SIZE, OPEN, f.frame(TYPE.DATA, 0, STREAM, Buffer.alloc(16_385))),
  fatal('E09b', 'an unknown frame larger than agreed', FRAME_SIZE, f.frame(77, 0, 0, Buffer.alloc(0), 16_385)),
  fatal('E10', 'length of SETTINGS', FRAME_SIZE, f.frame(TYPE.SETTINGS, 0, 0, Buffer.alloc(5))),
  fatal('E10b', 'an acknowledgement with settings', FRAME_SIZE, f.frame(TYPE.SETTINGS, f.ACK, 0, Buffer.alloc(6))),
  fatal('E17', 'more padding than DATA', PROTOCOL, OPEN, f.frame(TYPE.DATA, f.PADDED, STREAM, Buffer.from([9, 1, 2]))),
  fatal('E17b', 'more padding than HEADERS', PROTOCOL, f.frame(TYPE.HEADERS, 0xd, STREAM, Buffer.from([9, 1, 2]))),
  fatal('E19', 'length of PING', FRAME_SIZE, f.frame(TYPE.PING, 0, 0, Buffer.alloc(7))),
  fatal('E19c', 'length of RST_STREAM', FRAME_SIZE, OPEN, f.frame(TYPE.RST_STREAM, 0, STREAM, Buffer.alloc(3))),
  fatal('E22b', 'length of GOAWAY', FRAME_SIZE, f.frame(TYPE.GOAWAY, 0, 0, Buffer.alloc(7))),
];

const SETTINGS: readonly Row[] = [
  fatal('E11', 'a window setting past 2^31-1', FLOW_CONTROL, f.settings({ [SETTING.WINDOW]: 2 ** 31 })),
  fatal('E11b', 'a frame size too small', PROTOCOL, f.settings({ [SETTING.FRAME]: 16_383 })),
  fatal('E11c', 'a frame size too large', PROTOCOL, f.settings({ [SETTING.FRAME]: 2 ** 24 })),
  fatal('E11d', 'ENABLE_PUSH of 2', PROTOCOL, f.settings({ [SETTING.PUSH]: 2 })),
  fatal(
    'E11e',
    'a setting that carries the window of an open stream past 2^31-1',
    FLOW_CONTROL,
    OPEN,
    f.windowUpdate(STREAM, MOST_WINDOW - 65_535),
    f.settings({ [SETTING.WINDOW]: 65_536 }),
  ),
];

const FIELD_BLOCKS: readonly Row[] = [
  fatal('E23', 'a field block with an index of nothing', COMPRESSION, f.headers(STREAM, Buffer.from([0xff, 0x40]))),
  fatal('E23b', 'a field block that breaks off', COMPRESSION, f.headers(STREAM, Buffer.from([0, 5, 0x61]))),
  fatal('E23c', 'a table larger than agreed', COMPRESSION, f.headers(STREAM, Buffer.from([0x3f, 0xe2, 0x1f]))),
];

/** Behind a request that is whole and not answered (RFC 9113 5.1, half-closed). */
function afterEnd(id: string, means: string, says: Buffer): Row {
  return {
    ...refused(id, means, Buffer.concat([f.headers(STREAM, GET), says]), stream(STREAM_CLOSED)),
    sees: { line: 'GET /d HTTP/1.1' },
    mayMiss: true,
    unanswered: true,
  };
}

const AFTER: readonly Row[] = [
  afterEnd('E24', 'HEADERS after the end', f.headers(STREAM, GET)),
  afterEnd('E25', 'DATA after the end', f.data(STREAM, 'x')),
  onOpen(
    'E26',
    'frames after a reset of our own, which do no harm',
    stream(PROTOCOL),
    f.windowUpdate(STREAM, 0),
    f.data(STREAM, 'late', false),
    f.windowUpdate(STREAM, 1),
    f.headers(STREAM, [['x', '1']]),
  ),
];

function unfinished(): Buffer {
  return f.frame(TYPE.HEADERS, f.END_STREAM, STREAM, f.block(GET));
}

const BEGINNINGS: readonly Row[] = [
  {
    ...refused('E20', 'a preface that breaks off', Buffer.from('PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n'), { kind: 'closed' }),
    bare: true,
  },
  { ...fatal('E21', 'another frame before SETTINGS', PROTOCOL, f.PREFACE, f.headers(STREAM, GET)), bare: true },
  { ...fatal('E21b', 'an acknowledgement before SETTINGS', PROTOCOL, f.PREFACE, f.settingsAck()), bare: true },
  {
    ...fatal(
      'E21c',
      'HTTP/1.1 after the preface',
      FRAME_SIZE,
      f.PREFACE,
      Buffer.from('GET / HTTP/1.1\r\nhost: a\r\n\r\n'),
    ),
    bare: true,
  },
];

const GOOD: readonly Row[] = [
  passes('E30', 'unknown frames', Buffer.concat([f.frame(77, 0xff, 0, Buffer.alloc(9)), f.headers(STREAM, GET)]), {
    line: 'GET /d HTTP/1.1',
  }),
  passes('E31', 'a field block in many frames', inBytes(), { line: 'GET /d HTTP/1.1' }),
  passes(
    'E32',
    'padding of all kinds',
    Buffer.concat([
      f.frame(
        TYPE.HEADERS,
        f.PADDED | f.PRIORITISED | f.END_HEADERS,
        STREAM,
        Buffer.concat([Buffer.from([3, 0, 0, 0, 0, 1]), f.block(f.request('POST', '/p')), Buffer.alloc(3)]),
      ),
      f.frame(TYPE.DATA, f.PADDED, STREAM, Buffer.from('\x02ab\0\0')),
      f.frame(TYPE.DATA, f.PADDED | f.END_STREAM, STREAM, Buffer.from([0])),
    ]),
    { line: 'POST /p HTTP/1.1', body: 'ab' },
  ),
  passes('E33', 'unknown settings', Buffer.concat([f.settings({ 99: 7 }), f.headers(STREAM, GET)]), {
    line: 'GET /d HTTP/1.1',
  }),
];

/** Fewer frames than the bound on CONTINUATION. */
function inBytes(): Buffer {
  const bytes = f.block(GET);
  const size = Math.ceil(bytes.length / 12);
  return Buffer.concat(
    Array.from({ length: 12 }, (_, i) => {
      const last = i === 11 ? f.END_HEADERS : 0;
      const piece = bytes.subarray(i * size, (i + 1) * size);
      return f.frame(i === 0 ? TYPE.HEADERS : TYPE.CONTINUATION, (i === 0 ? f.END_STREAM : 0) | last, STREAM, piece);
    }),
  );
}

const BLOCKS_WITHOUT_END: readonly Row[] = [
  fatal(
    'E34',
    'more CONTINUATION frames than a block may have',
    CALM,
    unfinished(),
    ...Array.from({ length: 17 }, () => f.frame(TYPE.CONTINUATION, 0, STREAM)),
  ),
];

export const FRAMES: readonly Row[] = [
  ...GOOD,
  ...WINDOWS,
  ...PRIORITIES,
  ...PLACES,
  ...LENGTHS,
  ...SETTINGS,
  ...FIELD_BLOCKS,
  ...AFTER,
  ...BEGINNINGS,
  ...BLOCKS_WITHOUT_END,
];
