// Where an offset of a text stands: its line, its column, and the line as written. The lines are found once,
// when the first is asked for, so that a thousand mistakes cost no more than one each.

export interface TextPlace {
  /** From 1. */
  readonly line: number;
  /** From 1, in characters. */
  readonly column: number;
  /** Without the end of the line. */
  readonly sourceLine: string;
}

export class TextLines {
  readonly #text: string;
  #starts: readonly number[] | null = null;

  constructor(text: string) {
    this.#text = text;
  }

  /** An offset past the end is the end. */
  at(offset: number): TextPlace {
    this.#starts ??= lineStarts(this.#text);
    const place = Math.max(0, Math.min(offset, this.#text.length));
    const index = lastNotAfter(this.#starts, place);
    const start = this.#starts[index] as number;
    const next = this.#starts[index + 1];
    const end = next === undefined ? this.#text.length : next - 1;
    const sourceLine = this.#text.slice(start, this.#text[end - 1] === '\r' && end > start ? end - 1 : end);
    return { line: index + 1, column: place - start + 1, sourceLine };
  }
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

/** The place of the last of the rising numbers that is not greater. */
function lastNotAfter(numbers: readonly number[], value: number): number {
  let low = 0;
  let high = numbers.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((numbers[middle] as number) <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}
