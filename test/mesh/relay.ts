// A TCP relay between two programs that the test makes go wrong: it swallows one direction or both, stops
// reading, dribbles, cuts after so many bytes, resets or half-closes. What a wire does, without a wire.

import { connect, createServer, type Server, type Socket } from 'node:net';

/** Which way bytes go: up to the target, or down to whoever connected. */
export type Way = 'up' | 'down';

export interface Relay {
  readonly port: number;
  /** Connections taken so far, and how many of them are open. */
  readonly taken: number;
  readonly open: number;
  /** Bytes that were passed on. */
  passed(way: Way): number;
  /** Bytes vanish, ends as well, on connections that are there and on later ones; nobody hears of it. */
  swallow(...ways: readonly Way[]): void;
  /** Bytes are not read, so that the sender has to wait. */
  stopReading(...ways: readonly Way[]): void;
  /** So many bytes each tick of 10 ms, at most. */
  throttle(way: Way, bytesPerTick: number): void;
  /** After so many bytes of each connection, 0: at its beginning: what is done then. */
  cutAfter(way: Way, bytes: number, how: (link: Link) => void): void;
  /** Passes everything on again. What was swallowed is gone. */
  heal(): void;
  /** Every connection at once. */
  each(how: (link: Link) => void): void;
  close(): Promise<void>;
}

/** One connection through the relay. */
export interface Link {
  readonly client: Socket;
  readonly target: Socket;
  /** RST to both. */
  reset(): void;
  /** FIN one way; the other goes on. */
  halfClose(way: Way): void;
  /** Nothing passes on this connection any more. */
  swallow(): void;
}

const TICK_MS = 10;
const UNLIMITED = Number.POSITIVE_INFINITY;

interface Rule {
  mode: 'pass' | 'swallow' | 'stop';
  perTick: number;
  cutAt: number;
  onCut: (link: Link) => void;
}

export async function startRelay(targetPort: number): Promise<Relay> {
  const relay = new TestRelay(targetPort);
  await relay.start();
  return relay;
}

class TestRelay implements Relay {
  taken = 0;
  readonly rules: Readonly<Record<Way, Rule>> = { up: newRule(), down: newRule() };
  readonly bytes: Record<Way, number> = { up: 0, down: 0 };
  readonly #links = new Set<TestLink>();
  readonly #server: Server;
  readonly #targetPort: number;

  constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (client) => {
      this.taken++;
      const target = connect({ host: '127.0.0.1', port: this.#targetPort, allowHalfOpen: true, noDelay: true });
      const link = new TestLink(client, target, this, () => this.#links.delete(link));
      this.#links.add(link);
      for (const { cutAt, onCut } of [this.rules.up, this.rules.down]) if (cutAt === 0) onCut(link);
    });
  }

  start(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  get open(): number {
    return this.#links.size;
  }

  passed(way: Way): number {
    return this.bytes[way];
  }

  swallow(...ways: readonly Way[]): void {
    for (const way of ways) this.rules[way].mode = 'swallow';
    this.each((link) => link.flow());
  }

  stopReading(...ways: readonly Way[]): void {
    for (const way of ways) this.rules[way].mode = 'stop';
    this.each((link) => link.flow());
  }

  throttle(way: Way, bytesPerTick: number): void {
    this.rules[way].perTick = bytesPerTick;
  }

  cutAfter(way: Way, bytes: number, how: (link: Link) => void): void {
    Object.assign(this.rules[way], { cutAt: bytes, onCut: how });
  }

  heal(): void {
    for (const way of ['up', 'down'] as const) Object.assign(this.rules[way], newRule());
    this.each((link) => link.flow());
  }

  each(how: (link: TestLink) => void): void {
    for (const link of [...this.#links]) how(link);
  }

  close(): Promise<void> {
    this.each((link) => link.destroy());
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

function newRule(): Rule {
  return { mode: 'pass', perTick: UNLIMITED, cutAt: UNLIMITED, onCut: () => {} };
}

class TestLink implements Link {
  readonly client: Socket;
  readonly target: Socket;
  readonly #relay: TestRelay;
  readonly #sent: Record<Way, number> = { up: 0, down: 0 };
  #swallowed = false;

  constructor(client: Socket, target: Socket, relay: TestRelay, onGone: () => void) {
    this.client = client;
    this.target = target;
    this.#relay = relay;
    for (const socket of [client, target]) {
      socket.on('error', () => {});
      socket.on('close', () => {
        if (client.destroyed && target.destroyed) onGone();
      });
    }
    this.#join('up', client, target);
    this.#join('down', target, client);
    this.flow();
  }

  #join(way: Way, from: Socket, to: Socket): void {
    const rule = this.#relay.rules[way];
    from.on('data', (bytes: Buffer) => this.#pass(way, bytes, from, to));
    to.on('drain', () => this.flow());
    from.on('end', () => {
      if (rule.mode !== 'swallow' && !this.#swallowed) to.end();
    });
    // A reset of one side is a reset of the other.
    from.on('close', (hadError) => {
      if (rule.mode === 'swallow' || this.#swallowed) return;
      if (hadError) to.resetAndDestroy();
      else if (!from.readableEnded) to.destroy();
    });
  }

  #pass(way: Way, bytes: Buffer, from: Socket, to: Socket): void {
    const rule = this.#relay.rules[way];
    if (rule.mode === 'swallow' || this.#swallowed) return;
    const before = this.#sent[way];
    const piece = bytes.subarray(0, Math.max(Math.min(bytes.length, rule.cutAt - before), 0));
    this.#sent[way] += piece.length;
    this.#relay.bytes[way] += piece.length;
    if (rule.perTick < UNLIMITED) this.#dribble(piece, from, to, rule);
    else if (!to.write(piece)) from.pause();
    if (before < rule.cutAt && before + bytes.length >= rule.cutAt) rule.onCut(this);
  }

  #dribble(piece: Buffer, from: Socket, to: Socket, rule: Rule): void {
    if (to.destroyed) return;
    to.write(piece.subarray(0, rule.perTick));
    from.pause();
    setTimeout(() => {
      if (piece.length > rule.perTick) this.#dribble(piece.subarray(rule.perTick), from, to, rule);
      else this.flow();
    }, TICK_MS);
  }

  /** Reads, or does not, as the rules say now. */
  flow(): void {
    for (const [way, from, to] of [
      ['up', this.client, this.target],
      ['down', this.target, this.client],
    ] as const) {
      if (this.#relay.rules[way].mode === 'stop' || to.writableNeedDrain) from.pause();
      else from.resume();
    }
  }

  reset(): void {
    this.client.resetAndDestroy();
    this.target.resetAndDestroy();
  }

  halfClose(way: Way): void {
    (way === 'up' ? this.target : this.client).end();
  }

  swallow(): void {
    this.#swallowed = true;
  }

  destroy(): void {
    this.#swallowed = true;
    this.client.destroy();
    this.target.destroy();
  }
}
