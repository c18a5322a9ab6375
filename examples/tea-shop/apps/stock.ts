// stock: how much of each tea lies on the shelf, over a plain connection. A line asks (`GET sencha`), a line
// answers (`sencha 42`); mutual TLS is the sidecars' affair here too.

import { createServer, type Socket } from 'node:net';

const INSTANCE = process.env['INSTANCE'] ?? 'stock';
/** Bytes; a longer line is no question. */
const LONGEST_LINE = 64;

const SHELF: Readonly<Record<string, number>> = {
  sencha: 42,
  matcha: 7,
  assam: 120,
  oolong: 33,
  rooibos: 64,
  chai: 18,
};

function answer(line: string): string {
  const name = /^GET ([a-z]+)\r?$/.exec(line)?.[1];
  if (name === undefined) return 'ERROR ask with GET and the name of a tea';
  return Object.hasOwn(SHELF, name) ? `${name} ${SHELF[name]}` : `ERROR no tea is called ${name}`;
}

function take(socket: Socket): void {
  let rest = '';
  socket.setEncoding('latin1');
  socket.on('data', (text: string) => {
    const lines = `${rest}${text}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) socket.write(`${answer(line)}\n`);
    if (rest.length > LONGEST_LINE) socket.end('ERROR the line is too long\n');
  });
  socket.on('error', (error) => process.stdout.write(`${INSTANCE}: ${error.message}\n`));
}

// A client that has ended its side is answered and then ended in turn: net's own default.
const server = createServer(take);
server.listen(Number(process.env['PORT'] ?? 0), process.env['BIND'] ?? '127.0.0.1', () => {
  process.stdout.write(`${INSTANCE} is ready\n`);
});
process.on('SIGTERM', () => server.close(() => process.exit(0)));
