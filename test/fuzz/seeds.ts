// Kept inputs, a file each: `seeds/TARGET` are tests and material for new inputs, `findings/TARGET` are
// known and not mended yet.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from './random.ts';
import type { Target, TargetName } from './target.ts';

const FOLDER = import.meta.dirname;

export interface Seed {
  readonly name: string;
  readonly bytes: Buffer;
}

/** In the order of their names, so that a run is the same each time. */
export function readSeeds(target: TargetName, kind: 'seeds' | 'findings' = 'seeds'): readonly Seed[] {
  const folder = join(FOLDER, kind, target);
  return filesOf(folder).map((name) => ({ name, bytes: readFileSync(join(folder, name)) }));
}

/** Larger inputs are run as they are; built on, they would take the time of many others. */
const MOST_MATERIAL_BYTES = 8 * 1024;

/** The seeds that new inputs are made of. */
export function readMaterial(target: TargetName): readonly Buffer[] {
  const seeds = readSeeds(target).map(({ bytes }) => bytes);
  return seeds.filter(({ length }) => length <= MOST_MATERIAL_BYTES);
}

/** A seed to build on: the smallest of three, since small inputs find as much in a part of the time. */
export function pickSeed(random: Random, seeds: readonly Buffer[]): Buffer {
  const drawn = [random.pick(seeds), random.pick(seeds), random.pick(seeds)];
  return drawn.reduce((least, seed) => (seed.length < least.length ? seed : least));
}

function filesOf(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

/** Writes a finding; the name says what is wrong with it. Returns the path. */
export function keep(target: Target, into: string | null, kind: string, bytes: Buffer): string {
  const folder = into ?? join(FOLDER, 'seeds', target.name);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${wordsOf(kind)}-${mark(bytes)}.${target.extension}`);
  writeFileSync(path, bytes);
  return path;
}

function wordsOf(kind: string): string {
  const words = kind.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return words.slice(0, 70).replace(/^-|-$/g, '');
}

/** Tells two findings of one kind apart (FNV-1a). */
function mark(bytes: Buffer): string {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0').slice(0, 4);
}
