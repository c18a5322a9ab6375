// Keeps what a reader of frames tells, as text that is the same however the bytes were cut: pieces of DATA are
// put together.

import { errorName } from '../../../../../sidecar/http/h2/frames/error-codes.ts';
import type { FrameHandler } from '../../../../../sidecar/http/h2/frames/frame-handler.ts';
import { FrameReader, type FrameReaderOptions } from '../../../../../sidecar/http/h2/frames/frame-reader.ts';
import { FRAME_RULES } from '../../../../../sidecar/http/h2/frames/frame-types.ts';

export class FramesRecorder implements FrameHandler {
  readonly events: string[] = [];
  /** Called after each event. */
  onEvent: () => void = () => {};
  /** Pieces of a DATA frame that is not whole. */
  #pieces: Buffer[] = [];
  #counted = 0;

  onHeaders(stream: number, endStream: boolean, block: Buffer, start: number, end: number, dependsOn: number): void {
    const marks = `${endStream ? ' ends' : ''}${dependsOn < 0 ? '' : ` after ${dependsOn}`}`;
    this.#add(`HEADERS ${stream}${marks}: ${block.toString('hex', start, end)}`);
  }

  onData(stream: number, flags: number, payload: Buffer, start: number, end: number, counted: number, last: boolean) {
    this.#pieces.push(Buffer.from(payload.subarray(start, end)));
    this.#counted += counted;
    if (!last) return;
    const data = Buffer.concat(this.#pieces).toString('hex');
    const line = `DATA ${stream} flags ${flags} of ${this.#counted}: ${data}`;
    this.#pieces = [];
    this.#counted = 0;
    this.#add(line);
  }

  onFrame(type: number, flags: number, stream: number, payload: Buffer, start: number, end: number): void {
    this.#add(`${FRAME_RULES[type]?.name} ${stream} flags ${flags}: ${payload.toString('hex', start, end)}`);
  }

  onStreamFault(stream: number, code: number, reason: string): void {
    this.#add(`stream ${stream}: ${errorName(code)}: ${reason}`);
  }

  onFault(code: number, reason: string): void {
    this.#add(`fault: ${errorName(code)}: ${reason}`);
  }

  /** With what came of a frame that is not whole. */
  get all(): readonly string[] {
    if (this.#pieces.length === 0) return this.events;
    return [...this.events, `part of ${this.#counted}: ${Buffer.concat(this.#pieces).toString('hex')}`];
  }

  #add(event: string): void {
    this.events.push(event);
    this.onEvent();
  }
}

/** What is told of these pieces. Each is overwritten once it was read: nothing may be kept of it. */
export function record(pieces: readonly Buffer[], options: FrameReaderOptions): readonly string[] {
  const recorder = new FramesRecorder();
  const reader = new FrameReader(recorder, options);
  for (const piece of pieces) {
    const lent = Buffer.from(piece);
    reader.push(lent);
    lent.fill(0xee);
  }
  return recorder.all;
}
