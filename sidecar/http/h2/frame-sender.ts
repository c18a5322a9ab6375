// Frames of one connection on their way out: written straight into its output, heads by its encoder.

import type { HeaderList } from '../head.ts';
import { writeLatin1 } from '../latin1.ts';
import type { Piece } from '../stream.ts';
import { FRAME_HEAD, PREFACE } from './frames/frame-types.ts';
import {
  headersBound,
  writeDataHead,
  writeGoaway,
  writeHeaders,
  writePing,
  writeRstStream,
  writeSettings,
  writeSettingsAck,
  writeWindowUpdate,
} from './frames/frame-writer.ts';
import { blockBound, HpackEncoder } from './hpack/encoder.ts';
import type { Output } from './output.ts';

/** A head that may take more than this gets memory of its own. */
const MOST_PLAIN_HEAD = 16 * 1024;
/** Room for any frame of fixed length. */
const FIXED_ROOM = 32;

export class FrameSender {
  readonly encoder = new HpackEncoder();
  readonly #output: Output;

  constructor(output: Output) {
    this.#output = output;
  }

  preface(): void {
    const output = this.#output;
    const out = output.room(PREFACE.length);
    output.commit(output.at + PREFACE.copy(out, output.at));
  }

  /** `pairs`: ids and values after one another. */
  settings(pairs: readonly number[]): void {
    const out = this.#output.room(FRAME_HEAD + 3 * pairs.length);
    this.#output.commit(writeSettings(out, this.#output.at, pairs));
  }

  settingsAck(): void {
    const out = this.#output.room(FIXED_ROOM);
    this.#output.commit(writeSettingsAck(out, this.#output.at));
  }

  /** With the 8 bytes of `data` from `from` on. */
  ping(ack: boolean, data: Buffer, from: number): void {
    const out = this.#output.room(FIXED_ROOM);
    this.#output.commit(writePing(out, this.#output.at, ack, data, from));
  }

  goaway(lastId: number, code: number, text: string): void {
    const out = this.#output.room(FIXED_ROOM + text.length);
    this.#output.commit(writeGoaway(out, this.#output.at, lastId, code, text));
  }

  rstStream(id: number, code: number): void {
    const out = this.#output.room(FIXED_ROOM);
    this.#output.commit(writeRstStream(out, this.#output.at, id, code));
  }

  /** Stream 0: the connection. */
  windowUpdate(id: number, increment: number): void {
    const out = this.#output.room(FIXED_ROOM);
    this.#output.commit(writeWindowUpdate(out, this.#output.at, id, increment));
  }

  /** One frame of `piece` from `from` to `to`. */
  data(id: number, piece: Piece, from: number, to: number, end: boolean): void {
    const length = to - from;
    const output = this.#output;
    const out = output.room(length + FRAME_HEAD);
    const at = writeDataHead(out, output.at, length, end, id);
    if (typeof piece !== 'string') piece.copy(out, at, from, to);
    else writeLatin1(length === piece.length ? piece : piece.slice(from, to), out, at);
    output.commit(at + length);
  }

  /** A field block in as many frames as `maxFrameSize` asks for. Returns its length on the wire. */
  headers(id: number, pseudo: HeaderList, fields: HeaderList, end: boolean, maxFrameSize: number): number {
    const room = headersBound(FRAME_HEAD + blockBound(pseudo, fields), maxFrameSize);
    if (room > MOST_PLAIN_HEAD) return this.#largeHeaders(id, pseudo, fields, end, maxFrameSize, room);
    const output = this.#output;
    const out = output.room(room);
    const { at } = output;
    const last = this.encoder.encode(pseudo, fields, out, at + FRAME_HEAD);
    output.commit(writeHeaders(out, at, last, end, id, maxFrameSize));
    return output.at - at;
  }

  #largeHeaders(
    id: number,
    pseudo: HeaderList,
    fields: HeaderList,
    end: boolean,
    maxFrameSize: number,
    room: number,
  ): number {
    const out = Buffer.allocUnsafe(room);
    const last = this.encoder.encode(pseudo, fields, out, FRAME_HEAD);
    const length = writeHeaders(out, 0, last, end, id, maxFrameSize);
    this.#output.large(out.subarray(0, length));
    return length;
  }
}
