// How the bytes of an entry are cut into packets: not at all, once at every place, and byte by byte.

import type { Entry } from './entry.ts';

/** A place in all that is cut of what both sides say, counted on; or no place, or every one. */
export type Cut = number | 'whole' | 'each';

/** More places than this are spread evenly. */
const MOST_PLACES = 200;
/** Of a text so long that each play of it is slow. */
const FEW_PLACES = 40;
const LONG = 8 * 1024;
/** Pieces of a long text that would be bytes of a short one. */
const MOST_PIECES = 2000;

export function cutsOf(entry: Entry, more = 0): readonly Cut[] {
  const length = lengthOf(entry) + more;
  const most = length > LONG ? FEW_PLACES : MOST_PLACES;
  const step = Math.max(1, Math.ceil(length / most));
  const places = Array.from({ length: Math.ceil((length - 1) / step) }, (_, i) => 1 + i * step);
  return ['whole', ...places, 'each'];
}

function lengthOf({ moves }: Entry): number {
  return moves.reduce((sum, move) => sum + ('says' in move && move.whole !== true ? move.says.length : 0), 0);
}

/** The pieces of a text that begins at `offset` of all that is said. */
export function pieces(text: string, offset: number, cut: Cut): readonly string[] {
  if (cut === 'whole') return [text];
  if (cut === 'each') return each(text);
  const at = cut - offset;
  return at > 0 && at < text.length ? [text.slice(0, at), text.slice(at)] : [text];
}

function each(text: string): string[] {
  const size = Math.max(1, Math.ceil(text.length / MOST_PIECES));
  return Array.from({ length: Math.ceil(text.length / size) }, (_, i) => text.slice(i * size, (i + 1) * size));
}
