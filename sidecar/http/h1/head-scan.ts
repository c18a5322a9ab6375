// Finds the lines of a head in one walk over its bytes: where each begins, has its first colon and ends, and
// where the empty line is. What may stand nowhere in a head ends the walk at once: control bytes (RFC 9110
// 5.5), a bare CR, a bare LF (RFC 9112 2.2). Can stop at any byte and go on with more.

const ORDINARY = 0;
const COLON = 1;
const CR = 2;
const FORBIDDEN = 3;

const CLASSES = new Uint8Array(256);
CLASSES.fill(FORBIDDEN, 0, 32);
CLASSES[0x7f] = FORBIDDEN;
CLASSES[0x09] = ORDINARY;
CLASSES[0x0d] = CR;
CLASSES[0x3a] = COLON;
const LF = 0x0a;

/**
 * Where the line that begins at `from` ends, counted from there: before its CR LF, within `most` bytes. -1 where
 * that is not seen, or a byte stands in it that may stand nowhere in a head.
 */
export function endOfLine(bytes: Uint8Array, from: number, most: number): number {
  const stop = from + most - 1;
  for (let at = from; at < stop; at++) {
    if ((CLASSES[bytes[at] as number] as number) < CR) continue;
    return bytes[at] === 0x0d && bytes[at + 1] === LF ? at - from : -1;
  }
  return -1;
}

/** The walk ran out of bytes. */
export const MORE = 0;
export const BAD_BYTE = -1;
export const TOO_MANY_LINES = -2;

/** Numbers kept per line: its start, its first colon or -1, its end. */
const PER_LINE = 3;
const FIRST_LINES = 64;

export class HeadScan {
  /** Lines seen whole, the first line of the head included. */
  lines = 0;
  #marks = new Int32Array(PER_LINE * FIRST_LINES);
  #at = 0;
  #lineStart = 0;
  #colon = -1;

  /** Places are counted from the head's first byte. */
  start(line: number): number {
    return this.#marks[line * PER_LINE] as number;
  }

  colon(line: number): number {
    return this.#marks[line * PER_LINE + 1] as number;
  }

  end(line: number): number {
    return this.#marks[line * PER_LINE + 2] as number;
  }

  reset(): void {
    this.lines = 0;
    this.#at = 0;
    this.#lineStart = 0;
    this.#colon = -1;
  }

  /**
   * Goes on to `stop`, in bytes whose head begins at `base`. Returns the length of the head with its empty
   * line, or MORE, BAD_BYTE, TOO_MANY_LINES. A head is `mostLines` lines at most.
   */
  run(bytes: Uint8Array, base: number, stop: number, mostLines: number): number {
    let at = this.#at;
    for (; base + at < stop; at++) {
      const kind = CLASSES[bytes[base + at] as number];
      if (kind === ORDINARY) continue;
      if (kind === COLON) {
        if (this.#colon === -1) this.#colon = at;
        continue;
      }
      if (kind === FORBIDDEN) return BAD_BYTE;
      if (base + at + 1 === stop) break;
      if (bytes[base + at + 1] !== LF) return BAD_BYTE;
      if (at === this.#lineStart) return at + 2;
      if (this.lines === mostLines) return TOO_MANY_LINES;
      this.#endLine(at);
      at++;
    }
    this.#at = at;
    return MORE;
  }

  #endLine(at: number): void {
    const mark = this.lines * PER_LINE;
    if (mark === this.#marks.length) this.#grow();
    this.#marks[mark] = this.#lineStart;
    this.#marks[mark + 1] = this.#colon;
    this.#marks[mark + 2] = at;
    this.lines++;
    this.#lineStart = at + 2;
    this.#colon = -1;
  }

  #grow(): void {
    const grown = new Int32Array(this.#marks.length * 2);
    grown.set(this.#marks);
    this.#marks = grown;
  }
}
