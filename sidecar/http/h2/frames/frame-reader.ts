// Frames from the bytes of a connection, however they are cut (RFC 9113 4 to 6). What can be said of a frame by
// itself is checked here: its length, whether it may belong to a stream, padding, and which frame may follow.
// What depends on the state of streams is left to whoever is told of them.

import { H2_ERROR } from './error-codes.ts';
import { type BlockLimits, DEFAULT_BLOCK_LIMITS, FieldBlock } from './field-block.ts';
import type { FrameHandler } from './frame-handler.ts';
import { FLAG, FRAME, FRAME_HEAD, FRAME_RULES, type FrameRule, PREFACE } from './frame-types.ts';
import { DEFAULT_SETTINGS } from './settings.ts';

/** What the next byte belongs to. */
const STATE = { PREFACE: 0, HEAD: 1, PAYLOAD: 2, PAD_LENGTH: 3, DATA: 4, SKIP: 5, STOPPED: 6 } as const;

export interface FrameReaderOptions {
  /** The connection begins with the preface of a client. */
  readonly preface: boolean;
  /** Our SETTINGS_MAX_FRAME_SIZE. */
  readonly maxFrameSize?: number;
  readonly block?: BlockLimits;
}

const NOTHING: Buffer = Buffer.alloc(0);

export class FrameReader {
  readonly #handler: FrameHandler;
  readonly #maxFrameSize: number;
  readonly #block: FieldBlock;
  #state: number;
  /** A head of which only a part has come. */
  readonly #head = Buffer.alloc(FRAME_HEAD);
  /** Bytes of the preface or of the head that were seen. */
  #seen = 0;
  #sawSettings = false;
  #unknownFrames = 0;

  #length = 0;
  #type = 0;
  #flags = 0;
  #stream = 0;

  /** The beginning of a payload whose end has not come. */
  #gathered = NOTHING;
  /** Bytes of it, or of DATA or what is skipped that are still to come. */
  #held = 0;
  #left = 0;
  #padding = 0;
  #counted = 0;

  constructor(handler: FrameHandler, { preface, maxFrameSize, block }: FrameReaderOptions) {
    this.#handler = handler;
    this.#maxFrameSize = maxFrameSize ?? DEFAULT_SETTINGS.maxFrameSize;
    this.#block = new FieldBlock(block ?? DEFAULT_BLOCK_LIMITS);
    this.#state = preface ? STATE.PREFACE : STATE.HEAD;
  }

  /** Frames of types that we do not know, which were skipped. */
  get unknownFrames(): number {
    return this.#unknownFrames;
  }

  /** Nothing is told any more, not even of the rest of a chunk under way. */
  stop(): void {
    this.#state = STATE.STOPPED;
    this.#gathered = NOTHING;
    this.#block.clear();
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) at = this.#step(chunk, at);
  }

  /** Takes some bytes; where the next ones are. */
  #step(chunk: Buffer, at: number): number {
    switch (this.#state) {
      case STATE.HEAD:
        return this.#readHead(chunk, at);
      case STATE.PAYLOAD:
        return this.#readPayload(chunk, at);
      case STATE.DATA:
        return this.#readData(chunk, at);
      case STATE.PAD_LENGTH:
        this.#beginData(chunk[at] as number, 1);
        return at + 1;
      case STATE.SKIP:
        return this.#skip(chunk, at);
      case STATE.PREFACE:
        return this.#readPreface(chunk, at);
      default:
        return chunk.length;
    }
  }

  #readPreface(chunk: Buffer, at: number): number {
    if (chunk[at] !== PREFACE[this.#seen]) this.#refuse(H2_ERROR.PROTOCOL_ERROR, 'this is not the preface of HTTP/2');
    else if (++this.#seen === PREFACE.length) this.#nextFrame();
    return at + 1;
  }

  #readHead(chunk: Buffer, at: number): number {
    if (this.#seen === 0 && chunk.length - at >= FRAME_HEAD) {
      this.#begin(chunk, at);
      return at + FRAME_HEAD;
    }
    const taken = chunk.copy(this.#head, this.#seen, at);
    this.#seen += taken;
    if (this.#seen === FRAME_HEAD) this.#begin(this.#head, 0);
    return at + taken;
  }

  /** A head is there. A frame without payload is whole with it. */
  #begin(head: Buffer, at: number): void {
    this.#length = ((head[at] as number) << 16) | ((head[at + 1] as number) << 8) | (head[at + 2] as number);
    this.#type = head[at + 3] as number;
    this.#flags = head[at + 4] as number;
    this.#stream = head.readUInt32BE(at + 5) & 0x7fffffff;
    const rule = FRAME_RULES[this.#type];
    if (!this.#isInPlace() || (rule !== undefined && !this.#isWellFormed(rule))) return;
    if (rule === undefined) this.#unknownFrames++;
    if (rule === undefined || this.#type === FRAME.PRIORITY) this.#beginOptional(rule);
    else if (this.#type === FRAME.DATA) this.#beginPadded();
    else if (this.#length === 0) this.#deliver(NOTHING, 0, 0);
    else this.#state = STATE.PAYLOAD;
  }

  /** What may be wrong or unknown without harm to the connection. */
  #beginOptional(rule: FrameRule | undefined): void {
    if (rule !== undefined && this.#length === rule.least) {
      this.#state = STATE.PAYLOAD;
      return;
    }
    // Before the callback, which may stop us.
    this.#beginSkip(this.#length);
    if (rule !== undefined) this.#handler.onStreamFault(this.#stream, H2_ERROR.FRAME_SIZE_ERROR, 'length of PRIORITY');
  }

  /** Whether a frame of this type may stand here. */
  #isInPlace(): boolean {
    if (this.#length > this.#maxFrameSize) return this.#refuse(H2_ERROR.FRAME_SIZE_ERROR, 'the frame is too large');
    if (!this.#sawSettings) {
      if (this.#type !== FRAME.SETTINGS || (this.#flags & FLAG.ACK) !== 0)
        return this.#refuse(H2_ERROR.PROTOCOL_ERROR, 'the first frame is not SETTINGS');
      this.#sawSettings = true;
    }
    const continued = this.#block.stream;
    const continues = this.#type === FRAME.CONTINUATION;
    if (continues ? continued === 0 || continued !== this.#stream : continued !== 0)
      return this.#refuse(
        H2_ERROR.PROTOCOL_ERROR,
        continues ? 'CONTINUATION of nothing' : 'a frame within a field block',
      );
    if (!continues && this.#type !== FRAME.HEADERS) return true;
    const excess = this.#block.excess(this.#length, continues);
    return excess === null || this.#refuse(H2_ERROR.ENHANCE_YOUR_CALM, excess);
  }

  #isWellFormed({ name, stream, least, most, unit }: FrameRule): boolean {
    if (stream !== 'either' && (this.#stream === 0) !== (stream === 'forbidden'))
      return this.#refuse(H2_ERROR.PROTOCOL_ERROR, `${name} for stream ${this.#stream}`);
    if (this.#type === FRAME.PUSH_PROMISE) return this.#refuse(H2_ERROR.PROTOCOL_ERROR, 'PUSH_PROMISE');
    // PRIORITY may be skipped.
    if (this.#type === FRAME.PRIORITY) return true;
    const length = this.#length;
    const fits = length >= least && length <= most && length % unit === 0;
    const tooMuch = this.#type === FRAME.SETTINGS && (this.#flags & FLAG.ACK) !== 0 && length > 0;
    return (fits && !tooMuch) || this.#refuse(H2_ERROR.FRAME_SIZE_ERROR, `length of ${name}`);
  }

  #readPayload(chunk: Buffer, at: number): number {
    const length = this.#length;
    if (this.#held === 0) {
      if (chunk.length - at >= length) {
        this.#deliver(chunk, at, at + length);
        return at + length;
      }
      this.#gathered = Buffer.allocUnsafe(length);
    }
    const taken = chunk.copy(this.#gathered, this.#held, at);
    this.#held += taken;
    if (this.#held === length) {
      const whole = this.#gathered;
      this.#gathered = NOTHING;
      this.#held = 0;
      this.#deliver(whole, 0, length);
    }
    return at + taken;
  }

  /** A whole frame other than DATA. The state is set before each callback, which may stop us. */
  #deliver(payload: Buffer, start: number, end: number): void {
    this.#nextFrame();
    if (this.#type === FRAME.HEADERS) this.#deliverHeaders(payload, start, end);
    else if (this.#type === FRAME.CONTINUATION) this.#deliverContinuation(payload, start, end);
    else if (this.#type === FRAME.PRIORITY && dependency(payload, start) === this.#stream)
      this.#handler.onStreamFault(this.#stream, H2_ERROR.PROTOCOL_ERROR, 'PRIORITY depends on itself');
    else this.#handler.onFrame(this.#type, this.#flags, this.#stream, payload, start, end);
  }

  #deliverHeaders(payload: Buffer, start: number, end: number): void {
    const padded = (this.#flags & FLAG.PADDED) !== 0;
    const prioritised = (this.#flags & FLAG.PRIORITY) !== 0;
    const least = (padded ? 1 : 0) + (prioritised ? 5 : 0);
    if (end - start < least) {
      this.#refuse(H2_ERROR.FRAME_SIZE_ERROR, 'length of HEADERS');
      return;
    }
    const padding = padded ? (payload[start] as number) : 0;
    if (padding > end - start - least) {
      this.#refuse(H2_ERROR.PROTOCOL_ERROR, 'more padding than HEADERS has room for');
      return;
    }
    const dependsOn = prioritised ? dependency(payload, start + (padded ? 1 : 0)) : -1;
    this.#deliverBlock(payload, start + least, end - padding, dependsOn);
  }

  #deliverBlock(payload: Buffer, start: number, end: number, dependsOn: number): void {
    const endStream = (this.#flags & FLAG.END_STREAM) !== 0;
    if ((this.#flags & FLAG.END_HEADERS) !== 0) {
      this.#handler.onHeaders(this.#stream, endStream, payload, start, end, dependsOn);
      return;
    }
    this.#block.begin(this.#stream, endStream, dependsOn);
    this.#block.append(payload, start, end);
  }

  #deliverContinuation(payload: Buffer, start: number, end: number): void {
    this.#block.append(payload, start, end);
    if ((this.#flags & FLAG.END_HEADERS) === 0) return;
    const { bytes, length, endStream, dependsOn } = this.#block;
    this.#block.clear();
    this.#handler.onHeaders(this.#stream, endStream, bytes, 0, length, dependsOn);
  }

  #beginPadded(): void {
    if ((this.#flags & FLAG.PADDED) === 0) this.#beginData(0, 0);
    else if (this.#length > 0) this.#state = STATE.PAD_LENGTH;
    else this.#refuse(H2_ERROR.FRAME_SIZE_ERROR, 'length of DATA');
  }

  /** `taken`: whether the first byte was the length of the padding. */
  #beginData(padding: number, taken: number): void {
    this.#left = this.#length - taken - padding;
    this.#padding = padding;
    this.#counted = this.#length;
    if (this.#left < 0) this.#refuse(H2_ERROR.PROTOCOL_ERROR, 'more padding than DATA has room for');
    else if (this.#left > 0) this.#state = STATE.DATA;
    else this.#deliverData(NOTHING, 0, 0);
  }

  #readData(chunk: Buffer, at: number): number {
    const end = Math.min(at + this.#left, chunk.length);
    this.#left -= end - at;
    this.#deliverData(chunk, at, end);
    return end;
  }

  #deliverData(payload: Buffer, start: number, end: number): void {
    const last = this.#left === 0;
    const counted = this.#counted;
    this.#counted = 0;
    if (last) this.#beginSkip(this.#padding);
    this.#handler.onData(this.#stream, this.#flags, payload, start, end, counted, last);
  }

  #beginSkip(length: number): void {
    this.#nextFrame();
    this.#left = length;
    if (length > 0) this.#state = STATE.SKIP;
  }

  #skip(chunk: Buffer, at: number): number {
    const end = Math.min(at + this.#left, chunk.length);
    this.#left -= end - at;
    if (this.#left === 0) this.#nextFrame();
    return end;
  }

  #nextFrame(): void {
    this.#state = STATE.HEAD;
    this.#seen = 0;
  }

  /** Always false, for checks to end in. */
  #refuse(code: number, reason: string): false {
    this.stop();
    this.#handler.onFault(code, reason);
    return false;
  }
}

/** The stream that a priority names. */
function dependency(payload: Buffer, at: number): number {
  return payload.readUInt32BE(at) & 0x7fffffff;
}
