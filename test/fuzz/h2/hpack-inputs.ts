// Programs for HPACK: blocks of a peer that keeps mostly to the rules, lists of ours, sizes, and changes to them.

import { folded, integer, plain } from '../../sidecar/http/h2/hpack/taken.ts';
import type { Random } from '../random.ts';
import { pickSeed } from '../seeds.ts';
import { mutateBytes } from './bytes.ts';
import { decodeCommand, encodeCommand, resizeCommand } from './hpack-program.ts';

const NAMES = [
  ...[':method', ':path', ':status', ':x', 'te', 'host', 'cookie', 'set-cookie', 'authorization', 'accept', 'date'],
  ...[
    'content-length',
    'x-request-id',
    'x-envoy-a',
    'x-envoy-b',
    'Upper',
    'a b',
    'a:b',
    '',
    '__proto__',
    'constructor',
  ],
];
const VALUES = [
  '',
  'GET',
  '/',
  '200',
  'a',
  'gzip, deflate',
  'text/html; charset=utf-8',
  ' a',
  'a\t',
  'a\rb',
  '\0',
  '\xe9',
];

const OF_SEEDS = 0.3;

export function generateProgram(random: Random, seeds: readonly Buffer[]): Buffer {
  const begin = () => start(random, seeds);
  let program = begin();
  for (let i = random.chance(0.5) ? 0 : random.between(1, 4); i > 0; i--) program = mutateBytes(program, random, begin);
  return program;
}

function start(random: Random, seeds: readonly Buffer[]): Buffer {
  if (seeds.length > 0 && random.chance(OF_SEEDS)) return pickSeed(random, seeds);
  const peer: Peer = { entries: 0, allowed: 4096, owed: false };
  return Buffer.concat(Array.from({ length: random.between(1, 8) }, () => command(random, peer)));
}

/** Roughly what the other side knows, so that most of what it sends is right. */
interface Peer {
  entries: number;
  allowed: number;
  owed: boolean;
}

function command(random: Random, peer: Peer): Buffer {
  const what = random.below(10);
  if (what < 5) return decodeCommand(block(random, peer));
  if (what < 9)
    return encodeCommand(Array.from({ length: random.below(9) }, () => [name(random), value(random)]).flat());
  peer.allowed = random.chance(0.8) ? random.pick([0, 32, 64, 100, 1000, 4096, 8192]) : random.next();
  peer.owed ||= peer.allowed < 4096;
  return resizeCommand(peer.allowed);
}

function block(random: Random, peer: Peer): Buffer {
  const updates = peer.owed || random.chance(0.1) ? random.between(1, 2) : 0;
  const sizes = Array.from({ length: updates }, () => update(random, peer));
  const fields = Array.from({ length: random.below(10) }, () => field(random, peer));
  // A bomb now and then: one entry over and over.
  if (random.chance(0.02)) fields.push(Buffer.alloc(random.between(100, 3000), peer.entries > 0 ? 0xbe : 0x82));
  return Buffer.concat([...sizes, ...fields]);
}

function update(random: Random, peer: Peer): Buffer {
  peer.owed = false;
  peer.entries = 0;
  const sizes = [0, 32, 64, 100, 1000, 4096, 8192].filter((size) => size <= peer.allowed);
  return integer(0x20, 0x1f, random.chance(0.95) ? random.pick(sizes) : random.below(10_000));
}

function field(random: Random, peer: Peer): Buffer {
  if (random.chance(0.4)) return integer(0x80, 0x7f, index(random, peer));
  const [pattern, mask] = random.pick([
    [0x40, 0x3f],
    [0x40, 0x3f],
    [0x00, 0x0f],
    [0x10, 0x0f],
  ] as const);
  const named = random.chance(0.5);
  const first = integer(pattern, mask, named ? index(random, peer) : 0);
  if (pattern === 0x40) peer.entries++;
  return Buffer.concat([first, ...(named ? [] : [string(name(random), random)]), string(value(random), random)]);
}

/** Mostly one that is there: static, or among the newest. */
function index(random: Random, peer: Peer): number {
  if (random.chance(0.005)) return random.below(200);
  return random.chance(0.5)
    ? random.between(1, 61)
    : 61 + random.between(1, Math.min(peer.entries, 6)) * Math.sign(peer.entries);
}

function name(random: Random): string {
  return random.chance(0.9) ? random.pick(NAMES) : `x-${random.below(300)}`;
}

function value(random: Random): string {
  if (random.chance(0.6)) return random.pick(VALUES);
  if (random.chance(0.5)) return `value ${random.below(5)}`;
  const length = random.chance(0.05) ? random.between(500, 5000) : random.below(30);
  const most = random.chance(0.5) ? 127 : 256;
  const bytes = Array.from({ length }, () => random.below(most)).map((byte) => (byte === 10 ? 13 : byte));
  return Buffer.from(bytes).toString('latin1');
}

function string(text: string, random: Random): Buffer {
  return random.chance(0.5) ? plain(text) : folded(text);
}
