// Makes a finding small: takes parts away, large ones first, as long as it stays the same finding.

/** Which of the candidates shows the finding, or -1. */
export type Find = (candidates: readonly Buffer[]) => Promise<number>;

/** Parts are taken away until there is none that can be spared, or for so long. */
export async function minimise(input: Buffer, find: Find, ms: number): Promise<Buffer> {
  const end = performance.now() + ms;
  let small = input;
  for (let size = input.length >> 1; size >= 1 && performance.now() < end; size = nextSize(size)) {
    small = await withoutParts(small, size, find, end);
  }
  return await plainer(small, find, end);
}

function nextSize(size: number): number {
  return size === 1 ? 0 : size >> 1;
}

/** Takes away every part of this size that can be spared. */
async function withoutParts(input: Buffer, size: number, find: Find, end: number): Promise<Buffer> {
  let small = input;
  while (performance.now() < end) {
    const candidates = placesOf(small, size).map((at) => without(small, at, size));
    const index = candidates.length === 0 ? -1 : await find(candidates);
    if (index === -1) return small;
    small = candidates[index] as Buffer;
  }
  return small;
}

/** A large input is not asked about at every byte, */
const MOST_PLACES = 2000;
/** and all that is asked about at once has to be held. */
const MOST_ASKED_BYTES = 64 * 1024 * 1024;

function placesOf(input: Buffer, size: number): number[] {
  const most = Math.min(MOST_PLACES, Math.ceil(MOST_ASKED_BYTES / Math.max(input.length, 1)));
  const step = Math.max(size >> 1, 1, Math.ceil(input.length / most));
  return Array.from({ length: Math.ceil(Math.max(input.length - size + 1, 0) / step) }, (_, i) => i * step);
}

function without(input: Buffer, at: number, size: number): Buffer {
  return Buffer.concat([input.subarray(0, at), input.subarray(at + size)]);
}

const PLAIN = 'a'.charCodeAt(0);

/** Puts a plain letter for every byte that does not matter. */
async function plainer(input: Buffer, find: Find, end: number): Promise<Buffer> {
  let small = input;
  for (let at = 0; at < Math.min(small.length, MOST_PLACES) && performance.now() < end; at++) {
    const candidate = Buffer.from(small);
    candidate[at] = PLAIN;
    if (small[at] !== PLAIN && isLetter(small[at] as number) && (await find([candidate])) === 0) small = candidate;
  }
  return small;
}

function isLetter(byte: number): boolean {
  const lower = byte | 32;
  return byte >= 128 || (lower >= 97 && lower <= 122);
}
