// Beginnings of connections: PROXY headers of both versions, ClientHellos, request lines, the preface of HTTP/2, one
// behind another, and changes to them.

import { PREFACE } from '../../../sidecar/http/h2/frames/frame-types.ts';
import { mutateBytes } from '../h2/bytes.ts';
import type { Random } from '../random.ts';
import { pickSeed } from '../seeds.ts';

const OF_SEEDS = 0.3;

export function generateFirstBytes(random: Random, seeds: readonly Buffer[]): Buffer {
  const begin = () => start(random, seeds);
  let bytes = begin();
  for (let i = random.chance(0.4) ? 0 : random.between(1, 3); i > 0; i--) bytes = mutateBytes(bytes, random, begin);
  return bytes;
}

function start(random: Random, seeds: readonly Buffer[]): Buffer {
  if (seeds.length > 0 && random.chance(OF_SEEDS)) return pickSeed(random, seeds);
  const first = some(random);
  return random.chance(0.3) ? Buffer.concat([first, some(random)]) : first;
}

function some(random: Random): Buffer {
  switch (random.below(7)) {
    case 0:
      return proxyLine(random);
    case 1:
      return proxyBytes(random);
    case 2:
    case 3:
      return hello(random);
    case 4:
      return PREFACE.subarray(0, random.chance(0.7) ? PREFACE.length : random.below(PREFACE.length));
    default:
      return requestLine(random);
  }
}

const METHODS = ['GET', 'POST', 'M-SEARCH', 'UNSUBSCRIBE', 'PRI', 'UNSUBSCRIBED', 'get', 'G-', 'MKCALENDAR', ''];
const TARGETS = ['/', '*', '/a?b#c', 'http://a/b', '/\x7f', '/\xe4', '', '/ '];
const VERSIONS = ['HTTP/1.1', 'HTTP/1.0', 'HTTP/1.9', 'HTTP/2.0', 'http/1.1', 'HTTP/1.', 'HTTP/1.11', 'SMTP'];
const ENDS = ['\r\n', '\n', '\r', ' \r\n', ''];

function requestLine(random: Random): Buffer {
  const target = random.chance(0.02) ? `/${'a'.repeat(random.between(65_000, 66_000))}` : random.pick(TARGETS);
  const words = [likely(random, METHODS), target, likely(random, VERSIONS)];
  return Buffer.from(
    `${random.chance(0.1) ? '\r\n' : ''}${words.join(random.chance(0.95) ? ' ' : '  ')}${likely(random, ENDS)}`,
    'latin1',
  );
}

/** The first of them most often. */
function likely<T>(random: Random, list: readonly T[]): T {
  return random.chance(0.6) ? (list[0] as T) : random.pick(list);
}

const FOURS = ['127.0.0.1', '10.0.0.255', '256.0.0.1', '1.2.3', '01.2.3.4', '::1'];
const SIXES = ['::1', '2001:db8::2', '::ffff:1.2.3.4', '1:2:3:4:5:6:7:8', 'fe80::1%lo', '1.2.3.4'];
const PORTS = ['80', '0', '65535', '65536', '-1', '080', '1e3', ''];

function proxyLine(random: Random): Buffer {
  if (random.chance(0.1)) return Buffer.from(`PROXY UNKNOWN${random.chance(0.5) ? ' some thing' : ''}\r\n`);
  const [family, hosts] = random.chance(0.5) ? ['TCP4', FOURS] : ['TCP6', SIXES];
  const words = [family, likely(random, hosts), likely(random, hosts), likely(random, PORTS), likely(random, PORTS)];
  return Buffer.from(`PROXY ${words.join(' ')}${random.chance(0.1) ? ' '.repeat(random.below(90)) : ''}\r\n`);
}

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');

function proxyBytes(random: Random): Buffer {
  const family = random.pick([1, 2, 1, 2, 0, 3]);
  const addresses = bytes(random, family === 2 ? 36 : family === 1 ? 12 : random.below(40));
  const extensions = Array.from({ length: random.chance(0.6) ? 0 : random.between(1, 3) }, () =>
    Buffer.concat([Buffer.of(random.pick([1, 2, 3, 4, 5, 0xe0])), sized(bytes(random, random.below(20)))]),
  );
  const rest = Buffer.concat([addresses, ...extensions]);
  const command = random.chance(0.9) ? 0x20 | random.below(2) : random.below(256);
  const length = random.chance(0.95) ? rest.length : random.below(65_536);
  const transport = random.chance(0.9) ? 1 : random.below(16);
  return Buffer.concat([SIGNATURE, Buffer.of(command, (family << 4) | transport), u16(length), rest]);
}

const NAMES = ['a.test', 'A.Test', 'b', '', 'a.test\0', 'ä.test', 'x'.repeat(255), 'x'.repeat(256)];
const PROTOCOLS = ['h2', 'http/1.1', 'istio', ''];

function hello(random: Random): Buffer {
  const names = Array.from({ length: random.chance(0.9) ? 1 : random.below(3) }, () => likely(random, NAMES));
  const list = names.map((name) => Buffer.concat([Buffer.of(random.chance(0.95) ? 0 : 1), sized(latin1(name))]));
  const offered = random.some(PROTOCOLS, 0.5).map((name) => Buffer.concat([Buffer.of(name.length), latin1(name)]));
  const extensions = [
    ...(random.chance(0.8) ? [extension(0, sized(Buffer.concat(list)))] : []),
    ...(random.chance(0.1) ? [extension(0, sized(Buffer.concat(list)))] : []),
    ...(random.chance(0.6) ? [extension(16, sized(Buffer.concat(offered)))] : []),
    ...(random.chance(0.3)
      ? [
          extension(
            random.below(65_536),
            bytes(random, random.chance(0.98) ? random.below(50) : random.between(16_000, 16_500)),
          ),
        ]
      : []),
  ];
  const body = Buffer.concat([
    u16(0x0303),
    bytes(random, 32),
    random.chance(0.8) ? Buffer.of(0) : Buffer.concat([Buffer.of(32), bytes(random, 32)]),
    sized(bytes(random, 2 * random.below(8))),
    Buffer.of(1, 0),
    sized(Buffer.concat(extensions)),
  ]);
  const message = Buffer.concat([Buffer.of(random.chance(0.97) ? 1 : 2, 0), u16(body.length), body]);
  return Buffer.concat(records(random, message));
}

/** A message may come in several records. */
function records(random: Random, message: Buffer): Buffer[] {
  const most = random.chance(0.7) ? message.length : random.between(1, 60);
  const list: Buffer[] = [];
  for (let at = 0; at < message.length; at += most)
    list.push(Buffer.concat([Buffer.of(22, 3, 1), sized(message.subarray(at, at + most))]));
  return list;
}

const u16 = (value: number) => Buffer.of((value >> 8) & 0xff, value & 0xff);
const sized = (body: Buffer) => Buffer.concat([u16(body.length), body]);
const extension = (type: number, body: Buffer) => Buffer.concat([u16(type), sized(body)]);
const latin1 = (text: string) => Buffer.from(text, 'latin1');
const bytes = (random: Random, length: number) => Buffer.from(Array.from({ length }, () => random.below(256)));
