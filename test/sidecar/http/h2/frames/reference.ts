// Frames once more, written for reading: all bytes of a connection at once, to the events that a reader must
// tell of them. What the state machine must agree with.

import type { BlockLimits } from '../../../../../sidecar/http/h2/frames/field-block.ts';

export interface ReferenceOptions {
  readonly preface: boolean;
  readonly maxFrameSize: number;
  readonly block: BlockLimits;
}

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const NAMES = 'DATA HEADERS PRIORITY RST_STREAM SETTINGS PUSH_PROMISE PING GOAWAY WINDOW_UPDATE CONTINUATION'.split(
  ' ',
);

/** The connection ends. */
class Fault extends Error {}

interface Frame {
  readonly name: string;
  readonly flags: number;
  readonly stream: number;
  readonly length: number;
  /** What has come of it. */
  readonly payload: Buffer;
}

interface OpenBlock {
  readonly stream: number;
  readonly title: string;
  readonly parts: Buffer[];
  bytes: number;
  continuations: number;
}

/** The events as `FramesRecorder` writes them. */
export function eventsOf(bytes: Buffer, options: ReferenceOptions): readonly string[] {
  const connection = new Connection(options);
  try {
    connection.read(bytes);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    connection.events.push(`fault: ${error.message}`);
  }
  return connection.events;
}

class Connection {
  readonly events: string[] = [];
  readonly #options: ReferenceOptions;
  #first = true;
  #block: OpenBlock | null = null;

  constructor(options: ReferenceOptions) {
    this.#options = options;
  }

  read(bytes: Buffer): void {
    let at = 0;
    if (this.#options.preface) {
      const seen = bytes.toString('latin1', 0, PREFACE.length);
      if (!PREFACE.startsWith(seen)) throw new Fault('PROTOCOL_ERROR: this is not the preface of HTTP/2');
      at = seen.length;
    }
    while (bytes.length - at >= 9) {
      const length = bytes.readUIntBE(at, 3);
      const name = NAMES[bytes[at + 3] as number] ?? '';
      const stream = bytes.readUInt32BE(at + 5) % 2 ** 31;
      const payload = bytes.subarray(at + 9, at + 9 + length);
      this.#frame({ name, flags: bytes[at + 4] as number, stream, length, payload });
      at += 9 + payload.length;
    }
  }

  #frame(frame: Frame): void {
    this.#checkPlace(frame);
    checkStream(frame);
    checkLength(frame);
    if (frame.name === 'DATA') this.#data(frame);
    else if (frame.name === 'PRIORITY' && frame.length !== 5)
      this.events.push(`stream ${frame.stream}: FRAME_SIZE_ERROR: length of PRIORITY`);
    else if (frame.payload.length === frame.length && frame.name !== '') this.#whole(frame);
  }

  #checkPlace({ name, flags, stream, length }: Frame): void {
    const { maxFrameSize, block } = this.#options;
    if (length > maxFrameSize) throw new Fault('FRAME_SIZE_ERROR: the frame is too large');
    if (this.#first && (name !== 'SETTINGS' || flags % 2 === 1))
      throw new Fault('PROTOCOL_ERROR: the first frame is not SETTINGS');
    this.#first = false;
    if (name === 'CONTINUATION') {
      if (this.#block?.stream !== stream) throw new Fault('PROTOCOL_ERROR: CONTINUATION of nothing');
      if (this.#block.bytes + length > block.bytes) throw new Fault('ENHANCE_YOUR_CALM: the field block is too large');
      if (++this.#block.continuations > block.continuations)
        throw new Fault('ENHANCE_YOUR_CALM: too many CONTINUATION frames');
      return;
    }
    if (this.#block !== null) throw new Fault('PROTOCOL_ERROR: a frame within a field block');
    if (name === 'HEADERS' && length > block.bytes) throw new Fault('ENHANCE_YOUR_CALM: the field block is too large');
  }

  #whole(frame: Frame): void {
    const { name, flags, stream, payload } = frame;
    if (name === 'HEADERS') this.#headers(frame);
    else if (name === 'CONTINUATION') this.#continued(payload, has(flags, 4));
    else if (name === 'PRIORITY' && payload.readUInt32BE(0) % 2 ** 31 === stream)
      this.events.push(`stream ${stream}: PROTOCOL_ERROR: PRIORITY depends on itself`);
    else this.events.push(`${name} ${stream} flags ${flags}: ${payload.toString('hex')}`);
  }

  #headers({ flags, stream, payload }: Frame): void {
    const least = (has(flags, 8) ? 1 : 0) + (has(flags, 0x20) ? 5 : 0);
    if (payload.length < least) throw new Fault('FRAME_SIZE_ERROR: length of HEADERS');
    const padding = has(flags, 8) ? (payload[0] as number) : 0;
    if (least + padding > payload.length) throw new Fault('PROTOCOL_ERROR: more padding than HEADERS has room for');
    const after = has(flags, 0x20) ? ` after ${payload.readUInt32BE(least - 5) % 2 ** 31}` : '';
    const title = `HEADERS ${stream}${has(flags, 1) ? ' ends' : ''}${after}: `;
    this.#block = { stream, title, parts: [], bytes: 0, continuations: 0 };
    this.#continued(payload.subarray(least, payload.length - padding), has(flags, 4));
  }

  #continued(part: Buffer, ends: boolean): void {
    const block = this.#block as OpenBlock;
    block.parts.push(part);
    block.bytes += part.length;
    if (!ends) return;
    this.events.push(block.title + Buffer.concat(block.parts).toString('hex'));
    this.#block = null;
  }

  #data({ flags, stream, length, payload }: Frame): void {
    const padded = has(flags, 8);
    if (padded && length === 0) throw new Fault('FRAME_SIZE_ERROR: length of DATA');
    if (padded && payload.length === 0) return;
    const padding = padded ? (payload[0] as number) : 0;
    const start = padded ? 1 : 0;
    const data = length - start - padding;
    if (data < 0) throw new Fault('PROTOCOL_ERROR: more padding than DATA has room for');
    const came = payload.subarray(start, start + data);
    if (came.length === data) this.events.push(`DATA ${stream} flags ${flags} of ${length}: ${came.toString('hex')}`);
    else if (came.length > 0) this.events.push(`part of ${length}: ${came.toString('hex')}`);
  }
}

function checkStream({ name, stream }: Frame): void {
  const connectionOnly = ['SETTINGS', 'PING', 'GOAWAY'].includes(name);
  if (name === '' || name === 'WINDOW_UPDATE' || connectionOnly === (stream === 0)) return;
  throw new Fault(`PROTOCOL_ERROR: ${name} for stream ${stream}`);
}

function checkLength({ name, flags, length }: Frame): void {
  if (name === 'PUSH_PROMISE') throw new Fault('PROTOCOL_ERROR: PUSH_PROMISE');
  const wrong =
    (name === 'RST_STREAM' && length !== 4) ||
    (name === 'WINDOW_UPDATE' && length !== 4) ||
    (name === 'PING' && length !== 8) ||
    (name === 'GOAWAY' && length < 8) ||
    (name === 'SETTINGS' && (length % 6 !== 0 || (has(flags, 1) && length > 0)));
  if (wrong) throw new Fault(`FRAME_SIZE_ERROR: length of ${name}`);
}

function has(flags: number, flag: number): boolean {
  return (flags & flag) !== 0;
}
