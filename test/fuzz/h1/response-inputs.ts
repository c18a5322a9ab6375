// Mostly valid answers of an upstream, with interim ones before and bytes after, and changes to them.

import type { Random } from '../random.ts';
import { howManyChanges, mutateText } from '../text-mutation.ts';
import { body, fields, framed } from './message-parts.ts';
import { HTTP_WORDS } from './words.ts';

const STATUSES = ['200', '200', '200', '201', '204', '205', '206', '302', '304', '404', '500', '503', '599'];
const REASONS = [' OK', ' OK', ' OK', '', ' ', ' Not Found', ' caf\xe9', ' a\tb'];

export function generateResponses(random: Random, seeds: readonly Buffer[]): Buffer {
  const begin = () => start(random, seeds);
  let text = begin();
  for (let i = howManyChanges(random); i > 0; i--) text = mutateText(text, random, HTTP_WORDS, begin);
  return Buffer.from(text, 'latin1');
}

const OF_SEEDS = 0.3;

function start(random: Random, seeds: readonly Buffer[]): string {
  if (seeds.length > 0 && random.chance(OF_SEEDS)) return random.pick(seeds).toString('latin1');
  let text = '';
  if (random.chance(0.12)) for (let i = random.between(1, 3); i > 0; i--) text += interim(random);
  text += random.chance(0.05) ? SWITCH : response(random);
  return random.chance(0.1) ? text + response(random) : text;
}

function interim(random: Random): string {
  const repeated = random.chance(0.05) ? random.between(7, 10) : 1;
  const line = random.pick(['HTTP/1.1 100 Continue', 'HTTP/1.1 103 Early Hints', 'HTTP/1.1 102 Processing']);
  return `${line}\r\n${fields(random)}\r\n`.repeat(repeated);
}

const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x05hello';

function response(random: Random): string {
  const [framing, text] = framed(random, random.chance(0.5) ? body(random) : '');
  const version = random.chance(0.93) ? '1.1' : '1.0';
  const line = `HTTP/${version} ${random.pick(STATUSES)}${random.pick(REASONS)}\r\n`;
  return `${line}${fields(random)}${framing}\r\n${text}`;
}
