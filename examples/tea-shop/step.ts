// What a step of the story is made of.

import { connect } from 'node:net';
import { ask } from './ask.ts';
import type { Shop } from './shop.ts';

export interface Step {
  readonly title: string;
  /** What was seen, in one line. Throws what did not hold. */
  run(shop: Shop): Promise<string>;
}

const TIMEOUT_MS = 5000;

export function must(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Error(otherwise);
}

/** Says `words` on a new connection, and resolves with what it hears until `lines` have ended or the connection has. */
export function converse(port: number, words: string, lines = 1): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: TIMEOUT_MS }, () => socket.write(words));
    let heard = '';
    socket.on('data', (bytes) => {
      heard += bytes.toString('latin1');
      if (heard.split('\n').length > lines) socket.destroy();
    });
    socket.on('timeout', () => socket.destroy());
    // A reset is one way of being refused; `close` follows.
    socket.on('error', () => {});
    socket.on('close', () => resolve(heard));
  });
}

/** Sum of the counters and gauges of a member's sidecar whose name matches; -1 where there are none. */
export async function statOf(shop: Shop, member: string, name: RegExp): Promise<number> {
  const { text } = await ask({ port: shop.member(member).ports.admin, path: '/stats' });
  const values = text.split('\n').flatMap((line) => {
    const [, stat = '', value] = /^(.+): (\d+)$/.exec(line) ?? [];
    return name.test(stat) ? [Number(value)] : [];
  });
  return values.length === 0 ? -1 : values.reduce((sum, value) => sum + value, 0);
}
