// The target h2-frames: bytes of a connection through the reader, whole and cut, beside the plain reader of the
// tests; what it tells is written by us, and told the same again.

import { DEFAULT_BLOCK_LIMITS } from '../../../sidecar/http/h2/frames/field-block.ts';
import type { FrameHandler } from '../../../sidecar/http/h2/frames/frame-handler.ts';
import { FrameReader } from '../../../sidecar/http/h2/frames/frame-reader.ts';
import { FLAG, FRAME, FRAME_HEAD, PREFACE } from '../../../sidecar/http/h2/frames/frame-types.ts';
import * as writer from '../../../sidecar/http/h2/frames/frame-writer.ts';
import { record } from '../../sidecar/http/h2/frames/frames-recorder.ts';
import { eventsOf, type ReferenceOptions } from '../../sidecar/http/h2/frames/reference.ts';
import { everyCut, manyCuts, someCuts } from '../h1/cuts.ts';
import { Random } from '../random.ts';
import { type Effort, type Target, Violation } from '../target.ts';
import { generateFrames } from './frames-inputs.ts';

const SERVER: ReferenceOptions = { preface: true, maxFrameSize: 16_384, block: DEFAULT_BLOCK_LIMITS };
/** What a server sends, with bounds that are soon reached. */
const NARROW: ReferenceOptions = { preface: false, maxFrameSize: 64, block: { bytes: 60, continuations: 2 } };
const VARIANTS: readonly ReferenceOptions[] = [SERVER, { ...SERVER, preface: false }, NARROW];

export const h2Frames: Target = {
  name: 'h2-frames',
  extension: 'bin',
  variants: VARIANTS.length,
  msPerKib: 4,
  generate: generateFrames,
  run,
};

function run(input: Buffer, variant: number, effort: Effort): string {
  const options = VARIANTS[variant] as ReferenceOptions;
  const bytes = options.preface || !input.subarray(0, PREFACE.length).equals(PREFACE) ? input : input.subarray(24);
  const wanted = eventsOf(bytes, options);
  checkSame(record([bytes], options), wanted, 'whole');
  checkSame(record(someCuts(bytes, new Random(bytes.length, variant)), options), wanted, 'in pieces');
  if (effort !== 'quick') checkSame(record(manyCuts(bytes), options), wanted, 'everywhere');
  if (effort === 'full') for (const pieces of everyCut(bytes)) checkSame(record(pieces, options), wanted, 'somewhere');
  if (effort !== 'quick') checkWritten(bytes, options, wanted);
  const last = wanted.at(-1) ?? '';
  return last.startsWith('fault: ') ? `refused: ${last.split(': ')[1]}` : 'taken';
}

function checkSame(events: readonly string[], wanted: readonly string[], how: string): void {
  const at = wanted.findIndex((event, i) => event !== events[i]);
  if (at < 0 && events.length === wanted.length) return;
  const place = at < 0 ? wanted.length : at;
  throw new Violation(`told otherwise ${how}`, `${events[place]?.slice(0, 200)} for ${wanted[place]?.slice(0, 200)}`);
}

/** Whatever was told is written by us, in frames of other sizes, and told again: but priorities and padding. */
function checkWritten(bytes: Buffer, options: ReferenceOptions, told: readonly string[]): void {
  const rewriter = new Rewriter();
  new FrameReader(rewriter, options).push(bytes);
  const again = record([rewriter.written], { preface: false, block: { bytes: 1 << 20, continuations: 1 << 20 } });
  const plain = (event: string) => event.replace(/ after \d+:/, ':').replace(/^(DATA \d+) flags (\d+) of \d+/, endOf);
  const wanted = told.filter((event) => /^[A-Z]/.test(event) && !event.startsWith('PRIORITY')).map(plain);
  checkSame(again.map(plain), wanted, 'once written');
}

/** Of the flags of DATA only one is written again. */
function endOf(_event: string, title: string, flags: string): string {
  return `${title}${(Number(flags) & FLAG.END_STREAM) !== 0 ? ' ends' : ''}`;
}

/** As many bytes as hold whatever is told, and the heads of small frames. */
const ROOM = 256 * 1024;
/** Small, so that blocks take several frames. */
const FRAME_SIZE = 7;

class Rewriter implements FrameHandler {
  readonly #out = Buffer.alloc(ROOM);
  #end = 0;
  #data: Buffer[] = [];

  get written(): Buffer {
    return this.#out.subarray(0, this.#end);
  }

  onHeaders(stream: number, endStream: boolean, block: Buffer, start: number, end: number): void {
    const at = this.#end;
    const length = block.copy(this.#out, at + FRAME_HEAD, start, end);
    this.#end = writer.writeHeaders(this.#out, at, at + FRAME_HEAD + length, endStream, stream, FRAME_SIZE);
    if (this.#end - at !== writer.headersBound(length, FRAME_SIZE)) throw new Violation('frames past their bound');
  }

  onData(stream: number, flags: number, payload: Buffer, start: number, end: number, _counted: number, last: boolean) {
    this.#data.push(Buffer.from(payload.subarray(start, end)));
    if (!last) return;
    const data = Buffer.concat(this.#data);
    this.#data = [];
    this.#end = writer.writeDataHead(this.#out, this.#end, data.length, (flags & FLAG.END_STREAM) !== 0, stream);
    this.#end += data.copy(this.#out, this.#end);
  }

  onFrame(type: number, flags: number, stream: number, payload: Buffer, start: number, end: number): void {
    if (type === FRAME.PRIORITY) return;
    const at = this.#end;
    this.#end = this.#write(type, payload.subarray(start, end), stream, flags);
    // Flags and reserved bits without a meaning are not written by us.
    if (this.#end - at !== FRAME_HEAD + end - start) throw new Violation('a frame is written with another length');
    this.#out.writeUInt8(flags, at + 4);
    payload.copy(this.#out, at + FRAME_HEAD, start, start + (type === FRAME.GOAWAY ? 4 : 0));
  }

  #write(type: number, payload: Buffer, stream: number, flags: number): number {
    const [out, at] = [this.#out, this.#end];
    const word = (from: number) => payload.readUInt32BE(from);
    if (type === FRAME.RST_STREAM) return writer.writeRstStream(out, at, stream, word(0));
    if (type === FRAME.WINDOW_UPDATE) return writer.writeWindowUpdate(out, at, stream, word(0));
    if (type === FRAME.PING) return writer.writePing(out, at, (flags & FLAG.ACK) !== 0, payload, 0);
    if (type === FRAME.GOAWAY) return writer.writeGoaway(out, at, word(0), word(4), payload.toString('latin1', 8));
    if ((flags & FLAG.ACK) !== 0) return writer.writeSettingsAck(out, at);
    const pairs = Array.from({ length: payload.length / 6 }, (_, i) => [payload.readUInt16BE(6 * i), word(6 * i + 2)]);
    return writer.writeSettings(out, at, pairs.flat());
  }

  onStreamFault(): void {}

  onFault(): void {}
}
