// Mostly valid requests, one or several on a connection, and changes to them.

import type { Random } from '../random.ts';
import { howManyChanges, mutateText } from '../text-mutation.ts';
import { blank, fields, framed } from './message-parts.ts';
import { HTTP_WORDS } from './words.ts';

const METHODS = ['GET', 'GET', 'GET', 'HEAD', 'POST', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'PROPFIND', 'BREW'];
const TARGETS = [
  ...['/', '/', '/', '/a/b?c=d&e', '/%2e%2e/%00', '//a', '/a;b=c', '/?', '/a%0d%0ab', "/~a/!$&'()*+,;=:@", '/#x'],
  ...['http://b.test/x', 'http://b.test', 'https://[::1]:8443/?q', 'HTTP://b.test:80/'],
];
const HOSTS = ['a', 'a.test', 'A.test:8080', '[::1]:80', '127.0.0.1', 'a:', ''];

export function generateRequests(random: Random, seeds: readonly Buffer[]): Buffer {
  const begin = () => start(random, seeds);
  let text = begin();
  for (let i = howManyChanges(random); i > 0; i--) text = mutateText(text, random, HTTP_WORDS, begin);
  return Buffer.from(text, 'latin1');
}

const OF_SEEDS = 0.3;

function start(random: Random, seeds: readonly Buffer[]): string {
  if (seeds.length > 0 && random.chance(OF_SEEDS)) return random.pick(seeds).toString('latin1');
  let text = random.chance(0.03) ? '\r\n' : '';
  for (let i = random.chance(0.3) ? random.between(2, 4) : 1; i > 0; i--) text += request(random);
  return text;
}

function request(random: Random): string {
  if (random.chance(0.06)) return special(random);
  const [framing, body] = framed(random, '');
  const host = `host:${blank(random)}${random.chance(0.8) ? 'a' : random.pick(HOSTS)}\r\n`;
  const expect = body !== '' && random.chance(0.1) ? 'Expect: 100-continue\r\n' : '';
  const version = random.chance(0.95) ? '1.1' : '1.0';
  const line = `${random.pick(METHODS)} ${random.pick(TARGETS)} HTTP/${version}\r\n`;
  return `${line}${host}${fields(random)}${expect}${framing}\r\n${body}`;
}

/** Requests after which the connection may be something else. */
function special(random: Random): string {
  const upgrade = (to: string) => `GET /u HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: ${to}\r\n\r\n`;
  return random.pick([
    upgrade('websocket') + '\x81\x05hello',
    upgrade('h2c'),
    'OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n',
    'CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  ]);
}
