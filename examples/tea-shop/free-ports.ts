// Ports nobody uses now. They are held all at once and then let go, so that none is given twice.

import { createServer, type Server } from 'node:net';

export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => hold(0)));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map(release));
  return ports;
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
