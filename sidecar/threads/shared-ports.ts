// Ports that the system chooses, the same for all workers: bound once here to be known, and held until a
// worker listens there.

import { createServer, type Server } from 'node:net';

export class SharedPorts {
  readonly #chosen = new Map<string, Promise<number>>();
  readonly #held = new Map<number, Server>();

  /** The port of the n-th address of a listener, for whoever asks, for as long as the listener is there. */
  choose(listener: string, n: number, host: string): Promise<number> {
    const key = keyOf(listener, n, host);
    let port = this.#chosen.get(key);
    if (port === undefined) {
      port = this.#hold(host);
      // Whoever asks next tries again.
      port.catch(() => this.#chosen.delete(key));
      this.#chosen.set(key, port);
    }
    return port;
  }

  #hold(host: string): Promise<number> {
    // Nobody knows the port yet; who comes all the same is sent away.
    const server = createServer((socket) => socket.destroy());
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port: 0, reusePort: true }, () => {
        const { port } = server.address() as { port: number };
        this.#held.set(port, server);
        resolve(port);
      });
    });
  }

  /** A worker listens there. */
  bound(port: number): void {
    this.#held.get(port)?.close();
    this.#held.delete(port);
  }

  /** Listeners that are not among these are gone; if they come back, their ports are chosen anew. */
  keep(listeners: ReadonlySet<string>): void {
    for (const key of this.#chosen.keys()) if (!listeners.has(listenerOf(key))) this.#chosen.delete(key);
  }

  close(): void {
    for (const port of [...this.#held.keys()]) this.bound(port);
  }
}

function keyOf(listener: string, n: number, host: string): string {
  return JSON.stringify([listener, n, host]);
}

function listenerOf(key: string): string {
  return (JSON.parse(key) as [string])[0];
}
