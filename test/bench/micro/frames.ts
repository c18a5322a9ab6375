// Frames of HTTP/2 as a busy connection brings them: many in one read.

import type { FrameHandler } from '../../../sidecar/http/h2/frames/frame-handler.ts';
import { FrameReader } from '../../../sidecar/http/h2/frames/frame-reader.ts';
import { FRAME_HEAD } from '../../../sidecar/http/h2/frames/frame-types.ts';
import { writeDataHead, writeHeaders, writeSettings } from '../../../sidecar/http/h2/frames/frame-writer.ts';
import type { MicroBench } from '../micro.ts';

const MESSAGES = 16;
const BLOCK_BYTES = 30;
const BODY_BYTES = 100;

const handler: FrameHandler = {
  onHeaders: () => {},
  onData: () => {},
  onFrame: () => {},
  onStreamFault: () => {},
  onFault: (_code, reason) => {
    throw new Error(reason);
  },
};

/** HEADERS and DATA of so many streams. */
function messages(): Buffer {
  const out = Buffer.alloc(MESSAGES * (2 * FRAME_HEAD + BLOCK_BYTES + BODY_BYTES), 0x82);
  let end = 0;
  for (let stream = 1; stream < 2 * MESSAGES; stream += 2) {
    end = writeHeaders(out, end, end + FRAME_HEAD + BLOCK_BYTES, false, stream, 16_384);
    end = writeDataHead(out, end, BODY_BYTES, true, stream) + BODY_BYTES;
  }
  return out;
}

export const FRAMES: readonly MicroBench[] = [
  {
    name: 'h2 read HEADERS and DATA of 16 streams',
    make: () => {
      const reader = new FrameReader(handler, { preface: false });
      const settings = Buffer.alloc(FRAME_HEAD);
      writeSettings(settings, 0, []);
      reader.push(settings);
      const bytes = messages();
      return () => reader.push(bytes);
    },
  },
];
