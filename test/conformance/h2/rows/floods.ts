// X01 to X10: frames that cost us more than the client. Each ends its connection with ENHANCE_YOUR_CALM and is
// counted by the name of the bound.

import type { Flood } from '../../../../sidecar/http/h2/flood.ts';
import * as f from '../frames.ts';

export interface FloodRow {
  readonly id: string;
  readonly means: string;
  readonly says: Buffer;
  readonly counter: Flood;
}

const { TYPE } = f;
const MANY = 20_000;
/** Past the streams after which a share of resets is looked at. */
const STREAMS = 3000;
const MOST_WINDOW = 2 ** 31 - 1;
const POST = f.block(f.request('POST', '/slow'));
const GET = f.block(f.request('GET', '/slow'));

function times(count: number, make: (i: number) => Buffer): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, i) => make(i)));
}

/** Streams that each end at once, by what follows their head. */
function streams(id: string, means: string, rest: (stream: number) => Buffer, end = false): FloodRow {
  const one = (i: number) => Buffer.concat([f.headers(2 * i + 1, end ? GET : POST, end), rest(2 * i + 1)]);
  return { id, means, says: times(STREAMS, one), counter: 'stream_reset_flood' };
}

const RESETS: readonly FloodRow[] = [
  streams('X01', 'rapid reset (CVE-2023-44487)', (id) => f.rst(id, f.ERROR.CANCEL)),
  streams('X09a', 'made to reset by WINDOW_UPDATE of 0 (CVE-2025-8671)', (id) => f.windowUpdate(id, 0)),
  streams('X09b', 'by a window past 2^31-1', (id) => f.windowUpdate(id, MOST_WINDOW)),
  streams('X09c', 'by the length of PRIORITY', (id) => f.frame(TYPE.PRIORITY, 0, id, Buffer.alloc(4))),
  streams('X09d', 'by PRIORITY on itself', (id) => f.priority(id, id)),
  streams('X09e', 'by HEADERS after the end', (id) => f.headers(id, [['x', '1']]), true),
  streams('X10', 'by DATA after the end', (id) => f.data(id, 'x'), true),
];

/** Every head is wrong by itself. */
const MALFORMED: FloodRow = {
  id: 'X10b',
  means: 'by a request without :path',
  says: times(STREAMS, (i) =>
    f.headers(2 * i + 1, [
      [':method', 'GET'],
      [':scheme', 'http'],
      [':authority', 'a'],
    ]),
  ),
  counter: 'stream_reset_flood',
};

const CONTROL: readonly FloodRow[] = [
  { id: 'X02', means: 'PING', says: times(MANY, () => f.ping()), counter: 'ping_flood' },
  { id: 'X03', means: 'SETTINGS', says: times(MANY, () => f.settings()), counter: 'settings_flood' },
  {
    id: 'X04',
    means: 'DATA with nothing in it',
    says: Buffer.concat([f.headers(1, POST, false), times(MANY, () => f.data(1, '', false))]),
    counter: 'inbound_empty_frames_flood',
  },
  {
    id: 'X04b',
    means: 'DATA with nothing but padding',
    says: Buffer.concat([
      f.headers(1, POST, false),
      times(300, () => f.frame(TYPE.DATA, f.PADDED, 1, Buffer.from([0]))),
    ]),
    counter: 'inbound_empty_frames_flood',
  },
  {
    id: 'X05',
    means: 'CONTINUATION without end (CVE-2024-27983)',
    says: Buffer.concat([
      unfinished(),
      times(40, () => f.frame(TYPE.CONTINUATION, 0, 1, f.block(f.request('GET', '/', ['x', 'y'.repeat(16_000)])))),
    ]),
    counter: 'inbound_continuation_flood',
  },
  {
    id: 'X06',
    means: 'empty CONTINUATION without end',
    says: Buffer.concat([unfinished(), times(MANY, () => f.frame(TYPE.CONTINUATION, 0, 1))]),
    counter: 'inbound_continuation_flood',
  },
  {
    id: 'X07',
    means: 'PRIORITY',
    says: times(MANY, (i) => f.priority(2 * i + 3, 1)),
    counter: 'inbound_priority_frames_flood',
  },
  {
    id: 'X07b',
    means: 'PRIORITY on itself, of streams that nobody opened',
    says: times(MANY, () => f.priority(1, 1)),
    counter: 'inbound_priority_frames_flood',
  },
  {
    id: 'X07c',
    means: 'PRIORITY of a wrong length, of streams that nobody opened',
    says: times(MANY, () => f.frame(TYPE.PRIORITY, 0, 1, Buffer.alloc(4))),
    counter: 'inbound_priority_frames_flood',
  },
  {
    id: 'X08',
    means: 'WINDOW_UPDATE for the connection',
    says: times(MANY, () => f.windowUpdate(0, 1)),
    counter: 'inbound_window_update_frames_flood',
  },
  {
    id: 'X08b',
    means: 'WINDOW_UPDATE for a stream',
    says: Buffer.concat([f.headers(1, POST, false), times(MANY, () => f.windowUpdate(1, 1))]),
    counter: 'inbound_window_update_frames_flood',
  },
  {
    id: 'X17b',
    means: 'frames of unknown types',
    says: times(MANY, () => f.frame(10, 0, 0)),
    counter: 'inbound_unknown_frames_flood',
  },
];

function unfinished(): Buffer {
  return f.frame(TYPE.HEADERS, f.END_STREAM, 1, GET);
}

export const FLOODS: readonly FloodRow[] = [...RESETS, MALFORMED, ...CONTROL];
