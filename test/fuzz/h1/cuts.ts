// The same bytes in pieces: what a codec makes of them must not depend on where they were cut.

import type { Random } from '../random.ts';

/** Byte by byte only up to here: longer inputs are cut in many places instead. */
const BYTE_BY_BYTE = 4096;

/** A few cuts at places that follow from the input alone. */
export function someCuts(input: Buffer, random: Random): Buffer[] {
  const cuts = random.between(1, 3);
  const places = Array.from({ length: cuts }, () => random.below(input.length + 1)).sort((a, b) => a - b);
  return cutAt(input, places);
}

/** Up to here every place is tried, and every two of very short inputs. */
const EVERY_PLACE = 400;
const EVERY_TWO_PLACES = 16;

/** The input in two pieces, or three, at every place. */
export function everyCut(input: Buffer): Buffer[][] {
  if (input.length > EVERY_PLACE) return [];
  const places = Array.from({ length: Math.max(input.length - 1, 0) }, (_, i) => i + 1);
  const two = places.map((place) => cutAt(input, [place]));
  if (input.length > EVERY_TWO_PLACES) return two;
  return [...two, ...places.flatMap((a) => places.filter((b) => b > a).map((b) => cutAt(input, [a, b])))];
}

export function manyCuts(input: Buffer): Buffer[] {
  const step = input.length <= BYTE_BY_BYTE ? 1 : Math.ceil(input.length / 512);
  const places = Array.from({ length: Math.floor((input.length - 1) / step) }, (_, i) => (i + 1) * step);
  return cutAt(input, places);
}

function cutAt(input: Buffer, places: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  let from = 0;
  for (const place of [...places, input.length]) {
    if (place > from) pieces.push(input.subarray(from, place));
    from = place;
  }
  return pieces;
}
