// Connections as bytes: the preface, SETTINGS, frames that keep mostly to the rules, and changes to them.

import { PREFACE } from '../../../sidecar/http/h2/frames/frame-types.ts';
import { writeFrameHead, writeSettings } from '../../../sidecar/http/h2/frames/frame-writer.ts';
import type { Random } from '../random.ts';
import { pickSeed } from '../seeds.ts';
import { mutateBytes } from './bytes.ts';

const OF_SEEDS = 0.3;

export function generateFrames(random: Random, seeds: readonly Buffer[]): Buffer {
  const begin = () => start(random, seeds);
  let bytes = begin();
  for (let i = random.chance(0.5) ? 0 : random.between(1, 4); i > 0; i--) bytes = mutateBytes(bytes, random, begin);
  return bytes;
}

/** The preface stands in every input; where a server is read, the target leaves it out. */
function start(random: Random, seeds: readonly Buffer[]): Buffer {
  if (seeds.length > 0 && random.chance(OF_SEEDS)) return pickSeed(random, seeds);
  const frames = Array.from({ length: random.below(9) }, () => some(random)).flat();
  const first = random.chance(0.97) ? [settings(random)] : [];
  return Buffer.concat([PREFACE, ...first, ...frames]);
}

function some(random: Random): Buffer[] {
  const stream = random.chance(0.95) ? random.pick([1, 3, 5]) : random.pick([0, 2, 2 ** 31 - 1]);
  switch (random.below(11)) {
    case 0:
    case 1:
      return [data(random, stream)];
    case 2:
    case 3:
    case 4:
      return block(random, stream);
    case 5:
      return [settings(random)];
    case 6:
      return [frame(random.pick([2, 3, 8]), 0, stream, bytes(random, random.pick([4, 4, 4, 5, 5])))];
    case 7:
      return [frame(6, random.below(2), 0, bytes(random, random.chance(0.9) ? 8 : random.below(10)))];
    case 8:
      return [frame(7, 0, 0, bytes(random, random.chance(0.9) ? random.between(8, 20) : random.below(8)))];
    case 9:
      return [frame(random.between(10, 255), random.below(256), stream, bytes(random, random.below(20)))];
    default:
      return [frame(random.below(10), random.below(256), random.below(4), bytes(random, random.below(20)))];
  }
}

function data(random: Random, stream: number): Buffer {
  const length = random.chance(0.1) ? random.between(100, 20_000) : random.below(30);
  return padded(random, 0, random.below(2), stream, bytes(random, length));
}

/** HEADERS, and CONTINUATION where it does not end. */
function block(random: Random, stream: number): Buffer[] {
  const priority = random.chance(0.2) ? bytes(random, 5) : Buffer.alloc(0);
  const continuations = random.chance(0.6) ? 0 : random.between(1, random.chance(0.1) ? 20 : 3);
  const flags = random.below(2) | (priority.length > 0 ? 0x20 : 0) | (continuations === 0 ? 4 : 0);
  const first = padded(random, 1, flags, stream, bytes(random, random.below(40)), priority);
  const rest = Array.from({ length: continuations }, (_, i) => {
    const ends = i === continuations - 1 && random.chance(0.9);
    return frame(9, ends ? 4 : 0, stream, bytes(random, random.below(30)));
  });
  return [first, ...rest];
}

function padded(
  random: Random,
  type: number,
  flags: number,
  stream: number,
  rest: Buffer,
  before: Buffer = Buffer.alloc(0),
) {
  if (random.chance(0.6)) return frame(type, flags, stream, Buffer.concat([before, rest]));
  const padding = random.chance(0.9) ? random.below(10) : random.below(256);
  const told = random.chance(0.95) ? padding : random.below(256);
  return frame(type, flags | 8, stream, Buffer.concat([Buffer.of(told), before, rest, Buffer.alloc(padding)]));
}

function settings(random: Random): Buffer {
  if (random.chance(0.2)) return frame(4, 1, 0, Buffer.alloc(0));
  const pairs = Array.from({ length: random.below(5) }, () => [random.below(10), random.next()]).flat();
  const out = Buffer.alloc(100);
  return out.subarray(0, writeSettings(out, 0, pairs));
}

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  writeFrameHead(head, 0, payload.length, type, flags, stream);
  return Buffer.concat([head, payload]);
}

function bytes(random: Random, length: number): Buffer {
  const few = random.chance(0.5);
  return Buffer.from(Array.from({ length }, () => (few ? random.below(3) : random.below(256))));
}
