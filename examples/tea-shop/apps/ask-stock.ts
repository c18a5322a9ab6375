// web's questions to stock. A connection has no host name: the sidecar offers stock at a loopback port of its own,
// $STOCK (HOST:PORT), as `upstreams` in mesh.yaml says.

import { connect } from 'node:net';

const TIMEOUT_MS = 2000;

/** Pieces of each tea that stock knows, all over one connection. */
export async function stockOf(names: readonly string[]): Promise<Record<string, number>> {
  const text = await exchange(names.map((name) => `GET ${name}\n`).join(''));
  const answers = text.split('\n').length - 1;
  if (answers < names.length) throw new Error(`stock ended after ${answers} of ${names.length} answers`);
  const found = text.matchAll(/^([a-z]+) (\d+)$/gm);
  return Object.fromEntries([...found].map(([, name = '', count]) => [name, Number(count)]));
}

/** Everything that the other side says until it ends. */
function exchange(questions: string): Promise<string> {
  const { hostname, port } = new URL(`tcp://${process.env['STOCK'] ?? '127.0.0.1:15002'}`);
  return new Promise((resolve, reject) => {
    let heard = '';
    const socket = connect({ host: hostname, port: Number(port), timeout: TIMEOUT_MS }, () => socket.end(questions));
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      heard += text;
    });
    socket.on('timeout', () => socket.destroy(new Error(`stock does not answer within ${TIMEOUT_MS} ms`)));
    socket.on('error', reject);
    socket.on('end', () => resolve(heard));
  });
}
