// Every frame and every fault, whole and cut everywhere.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FrameReader, type FrameReaderOptions } from '../../../../../sidecar/http/h2/frames/frame-reader.ts';
import { PREFACE } from '../../../../../sidecar/http/h2/frames/frame-types.ts';
import { everyCut, manyCuts } from '../../../../fuzz/h1/cuts.ts';
import { FramesRecorder, record } from './frames-recorder.ts';

const CLIENT: FrameReaderOptions = { preface: false };
const SERVER: FrameReaderOptions = { preface: true };
const SMALL: FrameReaderOptions = { preface: false, block: { bytes: 40, continuations: 3 } };

/** `text` is the payload in hexadecimal; a number is so many bytes. */
function frame(type: number, flags: number, stream: number, text: string | number = ''): Buffer {
  const payload = typeof text === 'number' ? Buffer.alloc(text, 0xab) : Buffer.from(text.replaceAll(' ', ''), 'hex');
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const SETTINGS = frame(4, 0, 0);
const OPENING = 'SETTINGS 0 flags 0: ';

/** What is told of frames behind the first SETTINGS, once it was the same for every cut. */
function told(frames: readonly Buffer[], options = CLIENT): readonly string[] {
  const bytes = Buffer.concat([SETTINGS, ...frames]);
  const whole = record([bytes], options);
  for (const pieces of [manyCuts(bytes), ...everyCut(bytes)]) assert.deepEqual(record(pieces, options), whole);
  assert.equal(whole[0], OPENING);
  return whole.slice(1);
}

interface Case {
  readonly frames: readonly Buffer[];
  readonly events: readonly string[];
  readonly options?: FrameReaderOptions;
}

const TAKEN: Readonly<Record<string, Case>> = {
  'DATA, empty and not': {
    frames: [frame(0, 0, 1, '0102'), frame(0, 1, 3), frame(0, 1, 1, '03')],
    events: ['DATA 1 flags 0 of 2: 0102', 'DATA 3 flags 1 of 0: ', 'DATA 1 flags 1 of 1: 03'],
  },
  'DATA with padding, which is counted': {
    frames: [frame(0, 8, 1, '02 0102 0000'), frame(0, 9, 1, '00'), frame(0, 9, 1, '03 000000')],
    events: ['DATA 1 flags 8 of 5: 0102', 'DATA 1 flags 9 of 1: ', 'DATA 1 flags 9 of 4: '],
  },
  'HEADERS, with padding and a priority': {
    frames: [
      frame(1, 4, 1, '82'),
      frame(1, 5, 3),
      frame(1, 4 | 8, 5, '01 82 00'),
      frame(1, 5 | 0x20, 7, '80000003 10 82'),
      frame(1, 4 | 8 | 0x20, 9, '02 00000000 10 82 0000'),
    ],
    events: [
      'HEADERS 1: 82',
      'HEADERS 3 ends: ',
      'HEADERS 5: 82',
      'HEADERS 7 ends after 3: 82',
      'HEADERS 9 after 0: 82',
    ],
  },
  'HEADERS and CONTINUATION': {
    frames: [
      frame(1, 1 | 8 | 0x20, 1, '01 00000000 10 82 00'),
      frame(9, 0, 1),
      frame(9, 0, 1, '84'),
      frame(9, 4, 1, '86'),
    ],
    events: ['HEADERS 1 ends after 0: 828486'],
  },
  'two blocks one after another': {
    frames: [frame(1, 0, 1, '82'), frame(9, 4, 1, '84'), frame(1, 0, 3, '86'), frame(9, 4, 3)],
    events: ['HEADERS 1: 8284', 'HEADERS 3: 86'],
  },
  'the fixed frames, with the reserved bit': {
    frames: [
      frame(2, 0, 1, '00000003 10'),
      frame(3, 0, 0x80000001, '00000008'),
      frame(4, 1, 0),
      frame(4, 0, 0x80000000, '0003 00000064'),
      frame(6, 1, 0, '0102030405060708'),
      frame(7, 0, 0, '00000001 00000000 6869'),
      frame(8, 0, 0, '00000001'),
      frame(8, 0, 5, '00000000'),
    ],
    events: [
      'PRIORITY 1 flags 0: 0000000310',
      'RST_STREAM 1 flags 0: 00000008',
      'SETTINGS 0 flags 1: ',
      'SETTINGS 0 flags 0: 000300000064',
      'PING 0 flags 1: 0102030405060708',
      'GOAWAY 0 flags 0: 00000001000000006869',
      'WINDOW_UPDATE 0 flags 0: 00000001',
      'WINDOW_UPDATE 5 flags 0: 00000000',
    ],
  },
  'unknown types are skipped': {
    frames: [frame(10, 0xff, 0, '010203'), frame(0xff, 0, 7), frame(12, 0, 1, 20), frame(6, 0, 0, 8)],
    events: ['PING 0 flags 0: abababababababab'],
  },
  'a PRIORITY that is wrong harms its stream only': {
    frames: [frame(2, 0, 1, 4), frame(2, 0, 3), frame(2, 0, 5, '80000005 10'), frame(0, 0, 1, '01')],
    events: [
      'stream 1: FRAME_SIZE_ERROR: length of PRIORITY',
      'stream 3: FRAME_SIZE_ERROR: length of PRIORITY',
      'stream 5: PROTOCOL_ERROR: PRIORITY depends on itself',
      'DATA 1 flags 0 of 1: 01',
    ],
  },
  'a block and CONTINUATION up to the bounds': {
    frames: [frame(1, 0, 1, 20), frame(9, 0, 1, 20), frame(9, 0, 1), frame(9, 4, 1), frame(1, 0, 3, 1), frame(9, 4, 3)],
    events: [`HEADERS 1: ${'ab'.repeat(40)}`, 'HEADERS 3: ab'],
    options: SMALL,
  },
};

const FAULTS: Readonly<Record<string, Case>> = {
  'a frame larger than we take': fault('FRAME_SIZE_ERROR: the frame is too large', [frame(0, 0, 1, 16_385)]),
  'an unknown frame larger than we take': fault('FRAME_SIZE_ERROR: the frame is too large', [frame(99, 0, 1, 16_385)]),
  'DATA of the connection': fault('PROTOCOL_ERROR: DATA for stream 0', [frame(0, 0, 0, '01')]),
  'DATA without its length of padding': fault('FRAME_SIZE_ERROR: length of DATA', [frame(0, 8, 1)]),
  'DATA with too much padding': fault('PROTOCOL_ERROR: more padding than DATA has room for', [frame(0, 8, 1, '0200')]),
  'HEADERS of the connection': fault('PROTOCOL_ERROR: HEADERS for stream 0', [frame(1, 4, 0, '82')]),
  'HEADERS without its priority': fault('FRAME_SIZE_ERROR: length of HEADERS', [frame(1, 0x24, 1, 4)]),
  'HEADERS without its length of padding': fault('FRAME_SIZE_ERROR: length of HEADERS', [frame(1, 0xc, 1)]),
  'HEADERS with too much padding': fault('PROTOCOL_ERROR: more padding than HEADERS has room for', [
    frame(1, 0x2c, 1, '02 00000000 10 82'),
  ]),
  'PRIORITY of the connection': fault('PROTOCOL_ERROR: PRIORITY for stream 0', [frame(2, 0, 0, 5)]),
  'RST_STREAM of the connection': fault('PROTOCOL_ERROR: RST_STREAM for stream 0', [frame(3, 0, 0, 4)]),
  'RST_STREAM of 5 bytes': fault('FRAME_SIZE_ERROR: length of RST_STREAM', [frame(3, 0, 1, 5)]),
  'SETTINGS of a stream': fault('PROTOCOL_ERROR: SETTINGS for stream 1', [frame(4, 0, 1)]),
  'SETTINGS of 7 bytes': fault('FRAME_SIZE_ERROR: length of SETTINGS', [frame(4, 0, 0, 7)]),
  'SETTINGS with ACK and more': fault('FRAME_SIZE_ERROR: length of SETTINGS', [frame(4, 1, 0, 6)]),
  PUSH_PROMISE: fault('PROTOCOL_ERROR: PUSH_PROMISE', [frame(5, 4, 1, '00000002 82')]),
  'PING of a stream': fault('PROTOCOL_ERROR: PING for stream 3', [frame(6, 0, 3, 8)]),
  'PING of 7 bytes': fault('FRAME_SIZE_ERROR: length of PING', [frame(6, 0, 0, 7)]),
  'PING of none': fault('FRAME_SIZE_ERROR: length of PING', [frame(6, 0, 0)]),
  'GOAWAY of a stream': fault('PROTOCOL_ERROR: GOAWAY for stream 1', [frame(7, 0, 1, 8)]),
  'GOAWAY of 7 bytes': fault('FRAME_SIZE_ERROR: length of GOAWAY', [frame(7, 0, 0, 7)]),
  'WINDOW_UPDATE of 3 bytes': fault('FRAME_SIZE_ERROR: length of WINDOW_UPDATE', [frame(8, 0, 0, 3)]),
  'CONTINUATION of nothing': fault('PROTOCOL_ERROR: CONTINUATION of nothing', [frame(9, 4, 1, '82')]),
  'CONTINUATION behind a whole block': fault(
    'PROTOCOL_ERROR: CONTINUATION of nothing',
    [frame(1, 4, 1, '82'), frame(9, 4, 1, '82')],
    ['HEADERS 1: 82'],
  ),
  'CONTINUATION of another stream': fault('PROTOCOL_ERROR: CONTINUATION of nothing', [frame(1, 0, 1), frame(9, 4, 3)]),
  'HEADERS within a block': fault('PROTOCOL_ERROR: a frame within a field block', [frame(1, 0, 1), frame(1, 4, 1)]),
  'DATA within a block': fault('PROTOCOL_ERROR: a frame within a field block', [frame(1, 0, 1), frame(0, 0, 1)]),
  'an unknown frame within a block': fault('PROTOCOL_ERROR: a frame within a field block', [
    frame(1, 0, 1),
    frame(77, 0, 1),
  ]),
  'a block larger than the bound': fault(
    'ENHANCE_YOUR_CALM: the field block is too large',
    [frame(1, 0, 1, 20), frame(9, 4, 1, 21)],
    [],
    SMALL,
  ),
  'HEADERS larger than the bound': fault(
    'ENHANCE_YOUR_CALM: the field block is too large',
    [frame(1, 4, 1, 41)],
    [],
    SMALL,
  ),
  'too many CONTINUATION, though empty': fault(
    'ENHANCE_YOUR_CALM: too many CONTINUATION frames',
    [frame(1, 0, 1), frame(9, 0, 1), frame(9, 0, 1), frame(9, 0, 1), frame(9, 4, 1)],
    [],
    SMALL,
  ),
};

/** Frames behind a fault are never told. */
function fault(reason: string, frames: readonly Buffer[], before: readonly string[] = [], options = CLIENT): Case {
  return { frames: [...frames, frame(6, 0, 0, 8)], events: [...before, `fault: ${reason}`], options };
}

for (const [title, cases] of Object.entries({ TAKEN, FAULTS })) {
  describe(title.toLowerCase(), () => {
    for (const [what, { frames, events, options }] of Object.entries(cases))
      it(what, () => assert.deepEqual(told(frames, options), events));
  });
}

describe('the beginning', () => {
  const PING = frame(6, 0, 0, 8);

  it('a client begins with the preface, whole or cut', () => {
    const bytes = Buffer.concat([PREFACE, SETTINGS, frame(8, 0, 0, '00000001')]);
    for (const pieces of [[bytes], manyCuts(bytes), ...everyCut(bytes)])
      assert.deepEqual(record(pieces, SERVER), [OPENING, 'WINDOW_UPDATE 0 flags 0: 00000001']);
  });

  it('any other byte is a fault as soon as it comes', () => {
    for (let i = 0; i < PREFACE.length; i++) {
      const bytes = Buffer.from(PREFACE.subarray(0, i + 1));
      bytes.writeUInt8((bytes[i] as number) ^ 0x20, i);
      const wanted = ['fault: PROTOCOL_ERROR: this is not the preface of HTTP/2'];
      assert.deepEqual(record([bytes], SERVER), wanted);
      assert.deepEqual(record([...manyCuts(bytes), SETTINGS], SERVER), wanted);
    }
  });

  it('SETTINGS is the first frame, and no answer to one', () => {
    for (const first of [PING, frame(4, 1, 0), frame(99, 0, 0)])
      assert.deepEqual(record([first, SETTINGS], CLIENT), ['fault: PROTOCOL_ERROR: the first frame is not SETTINGS']);
  });
});

describe('a handler that stops', () => {
  const FRAMES: readonly Buffer[] = [
    SETTINGS,
    frame(0, 0, 1, '0102'),
    frame(0, 8, 1, '01 02 00'),
    frame(1, 4, 1, '82'),
    frame(1, 0, 1, '82'),
    frame(9, 4, 1, '82'),
    frame(2, 0, 1, 3),
    frame(2, 0, 1, '00000001 10'),
    frame(6, 0, 0, 8),
  ];

  it('within any callback hears nothing more', () => {
    const bytes = Buffer.concat(FRAMES);
    const events = record([bytes], CLIENT);
    assert.equal(events.length, FRAMES.length - 1);
    for (let most = 1; most < events.length; most++) {
      const recorder = new FramesRecorder();
      const reader = new FrameReader(recorder, CLIENT);
      recorder.onEvent = () => {
        if (recorder.events.length === most) reader.stop();
      };
      reader.push(bytes);
      reader.push(SETTINGS);
      assert.deepEqual(recorder.events, events.slice(0, most));
    }
  });
});

it('unknown frames are counted', () => {
  const reader = new FrameReader(new FramesRecorder(), CLIENT);
  reader.push(Buffer.concat([SETTINGS, frame(11, 0, 0), frame(12, 0, 5, 7), frame(6, 0, 0, 8)]));
  assert.equal(reader.unknownFrames, 2);
});

it('a larger frame where we said so, and CONTINUATION without an end by default', () => {
  const large = { preface: false, maxFrameSize: 20_000 };
  assert.match(record([SETTINGS, frame(0, 0, 1, 20_000)], large)[1] ?? '', /^DATA 1 flags 0 of 20000/);
  const endless = Array.from({ length: 17 }, () => frame(9, 0, 1, 1));
  const wanted = 'fault: ENHANCE_YOUR_CALM: too many CONTINUATION frames';
  assert.deepEqual(record([SETTINGS, frame(1, 0, 1), ...endless], CLIENT), [OPENING, wanted]);
  const flood = [frame(1, 0, 1, 16_384), ...Array.from({ length: 4 }, () => frame(9, 0, 1, 16_384))];
  assert.match(record([SETTINGS, ...flood], CLIENT)[1] ?? '', /ENHANCE_YOUR_CALM: the field block is too large/);
});
