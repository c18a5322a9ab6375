// HEADERS and its CONTINUATION put together into one field block, within bounds: whoever sends
// CONTINUATION without an end gets neither memory nor time of ours.

export interface BlockLimits {
  /** Bytes of the frames that make up a block. */
  readonly bytes: number;
  /** Frames behind the first, empty ones too. */
  readonly continuations: number;
}

/** A list of fields that we take is not larger (DEFAULT_LIST_LIMITS), and frames of the usual size hold a quarter. */
export const DEFAULT_BLOCK_LIMITS: BlockLimits = { bytes: 64 * 1024, continuations: 16 };

const NOTHING: Buffer = Buffer.alloc(0);
const FIRST_BYTES = 4096;

export class FieldBlock {
  readonly #limits: BlockLimits;
  #bytes = NOTHING;
  #length = 0;
  #continuations = 0;
  #stream = 0;
  endStream = false;
  dependsOn = -1;

  constructor(limits: BlockLimits) {
    this.#limits = limits;
  }

  /** The stream whose block is not whole; 0: there is none. */
  get stream(): number {
    return this.#stream;
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  get length(): number {
    return this.#length;
  }

  /** Why a frame of this length is too much; null where it is not. */
  excess(length: number, continues: boolean): string | null {
    if (this.#length + length > this.#limits.bytes) return 'the field block is too large';
    if (continues && ++this.#continuations > this.#limits.continuations) return 'too many CONTINUATION frames';
    return null;
  }

  begin(stream: number, endStream: boolean, dependsOn: number): void {
    this.#stream = stream;
    this.endStream = endStream;
    this.dependsOn = dependsOn;
  }

  append(payload: Buffer, start: number, end: number): void {
    const length = this.#length + end - start;
    if (length > this.#bytes.length) this.#grow(length);
    payload.copy(this.#bytes, this.#length, start, end);
    this.#length = length;
  }

  /** The block was taken: its memory is let go of. */
  clear(): void {
    this.#bytes = NOTHING;
    this.#length = 0;
    this.#continuations = 0;
    this.#stream = 0;
  }

  #grow(length: number): void {
    const larger = Buffer.allocUnsafe(Math.min(Math.max(FIRST_BYTES, 2 * length), this.#limits.bytes));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
