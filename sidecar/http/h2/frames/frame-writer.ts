// Frames into a buffer that is large enough, at an offset; each function returns where the frame ends.

import { FLAG, FRAME, FRAME_HEAD } from './frame-types.ts';

export function writeFrameHead(out: Buffer, at: number, length: number, type: number, flags: number, stream: number) {
  out[at] = length >>> 16;
  out[at + 1] = length >>> 8;
  out[at + 2] = length;
  out[at + 3] = type;
  out[at + 4] = flags;
  return writeWord(out, at + 5, stream);
}

/** Before `length` bytes of a body. */
export function writeDataHead(out: Buffer, at: number, length: number, endStream: boolean, stream: number): number {
  return writeFrameHead(out, at, length, FRAME.DATA, endStream ? FLAG.END_STREAM : 0, stream);
}

/** Bytes that a block of this length takes as frames. */
export function headersBound(blockLength: number, maxFrameSize: number): number {
  return blockLength + FRAME_HEAD * Math.max(1, Math.ceil(blockLength / maxFrameSize));
}

/**
 * Makes HEADERS, and CONTINUATION where it takes them, of a block that was written to `at + FRAME_HEAD` up to
 * `end`: so that the usual block, which fits into one frame, is written once and not moved.
 */
export function writeHeaders(
  out: Buffer,
  at: number,
  end: number,
  endStream: boolean,
  stream: number,
  maxFrameSize: number,
): number {
  const length = end - at - FRAME_HEAD;
  const ends = endStream ? FLAG.END_STREAM : 0;
  if (length <= maxFrameSize) {
    writeFrameHead(out, at, length, FRAME.HEADERS, ends | FLAG.END_HEADERS, stream);
    return end;
  }
  writeFrameHead(out, at, maxFrameSize, FRAME.HEADERS, ends, stream);
  return spread(out, at + FRAME_HEAD + maxFrameSize, end, stream, maxFrameSize);
}

/** Makes frames of what stands from `from` to `end`. The last piece moves first, as its place is behind the block. */
function spread(out: Buffer, from: number, end: number, stream: number, maxFrameSize: number): number {
  const frames = Math.ceil((end - from) / maxFrameSize);
  for (let i = frames - 1; i >= 0; i--) {
    const start = from + i * maxFrameSize;
    const length = Math.min(maxFrameSize, end - start);
    const at = start + i * FRAME_HEAD;
    out.copyWithin(at + FRAME_HEAD, start, start + length);
    writeFrameHead(out, at, length, FRAME.CONTINUATION, i === frames - 1 ? FLAG.END_HEADERS : 0, stream);
  }
  return end + frames * FRAME_HEAD;
}

/** `pairs` are ids and values after one another. */
export function writeSettings(out: Buffer, at: number, pairs: readonly number[]): number {
  let end = writeFrameHead(out, at, 3 * pairs.length, FRAME.SETTINGS, 0, 0);
  for (let i = 0; i < pairs.length; i += 2) {
    out[end] = (pairs[i] as number) >>> 8;
    out[end + 1] = pairs[i] as number;
    end = writeWord(out, end + 2, pairs[i + 1] as number);
  }
  return end;
}

export function writeSettingsAck(out: Buffer, at: number): number {
  return writeFrameHead(out, at, 0, FRAME.SETTINGS, FLAG.ACK, 0);
}

/** With the 8 bytes of `data` from `from` on. */
export function writePing(out: Buffer, at: number, ack: boolean, data: Buffer, from: number): number {
  const end = writeFrameHead(out, at, 8, FRAME.PING, ack ? FLAG.ACK : 0, 0);
  data.copy(out, end, from, from + 8);
  return end + 8;
}

/** The text is for the peer's log. */
export function writeGoaway(out: Buffer, at: number, lastStream: number, code: number, text = ''): number {
  writeFrameHead(out, at, 8 + text.length, FRAME.GOAWAY, 0, 0);
  writeWord(out, at + FRAME_HEAD, lastStream);
  const end = writeWord(out, at + FRAME_HEAD + 4, code);
  return end + out.write(text, end, 'latin1');
}

export function writeRstStream(out: Buffer, at: number, stream: number, code: number): number {
  return writeWord(out, writeFrameHead(out, at, 4, FRAME.RST_STREAM, 0, stream), code);
}

/** Stream 0 is the connection. */
export function writeWindowUpdate(out: Buffer, at: number, stream: number, increment: number): number {
  return writeWord(out, writeFrameHead(out, at, 4, FRAME.WINDOW_UPDATE, 0, stream), increment);
}

function writeWord(out: Buffer, at: number, value: number): number {
  out[at] = value >>> 24;
  out[at + 1] = value >>> 16;
  out[at + 2] = value >>> 8;
  out[at + 3] = value;
  return at + 4;
}
