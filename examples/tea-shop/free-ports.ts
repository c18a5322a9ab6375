// Ports nobody uses now. They are held all at once and then let go, so that none is given twice. They come
// from below the range that the system takes the ends of outgoing connections from: a port of that range
// may be gone again before its program has started.

import { randomInt } from 'node:crypto';
import { createServer, type Server } from 'node:net';

const LOWEST = 10_240;
/** The system's own range begins here on Linux, and higher elsewhere. */
const OUTGOING = 32_768;
const MOST_TRIES = 50;

export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => holdAny(MOST_TRIES)));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map(release));
  return ports;
}

function holdAny(tries: number): Promise<Server> {
  const held = hold(randomInt(LOWEST, OUTGOING));
  return tries > 1 ? held.catch(() => holdAny(tries - 1)) : held;
}

/** The wanted port if it is free, another one otherwise; 0 is any. */
export async function preferPort(wanted: number): Promise<number> {
  try {
    const server = await hold(wanted);
    const { port } = server.address() as { port: number };
    await release(server);
    return port;
  } catch {
    const [port] = await freePorts(1);
    return port as number;
  }
}

function hold(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

function release(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
