// A steady load: so many requests a second whatever comes back, each timed from when it was due, so that a stall
// counts for everyone who had to wait for it. Several ports are asked in turn: what disturbs the machine disturbs
// all of them.

import { Agent, request } from 'node:http';
import { obey } from '../script.ts';

export interface SteadyOrder {
  readonly ports: readonly number[];
  /** At each port. */
  readonly perSecond: number;
  readonly seconds: number;
}

/** Of one port. */
export interface SteadyReport {
  readonly requests: number;
  readonly errors: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const TICK_MS = 1;

class Asker {
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  readonly #times: number[] = [];
  readonly #waiting = new Set<Promise<void>>();
  #errors = 0;

  constructor(port: number) {
    this.#port = port;
  }

  ask(due: number): void {
    const asked = ask(this.#port, this.#agent)
      .then(
        () => void this.#times.push(performance.now() - due),
        () => void this.#errors++,
      )
      .finally(() => this.#waiting.delete(asked));
    this.#waiting.add(asked);
  }

  /** When the last one has its answer. */
  async report(): Promise<SteadyReport> {
    await Promise.all(this.#waiting);
    this.#agent.destroy();
    const times = this.#times.sort((a, b) => a - b);
    const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN;
    return { requests: times.length, errors: this.#errors, p50Ms: at(0.5), p99Ms: at(0.99) };
  }
}

obey<SteadyOrder, readonly SteadyReport[]>(async ({ ports, perSecond, seconds }) => {
  const askers = ports.map((port) => new Asker(port));
  await paced(perSecond * ports.length, seconds, (due, n) => askers[n % askers.length]?.ask(due));
  return Promise.all(askers.map((asker) => asker.report()));
});

/** As many as are due: a timer that comes late lowers no rate. */
function paced(perSecond: number, seconds: number, one: (due: number, n: number) => void): Promise<void> {
  const started = performance.now();
  let sent = 0;
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      const elapsed = Math.min(performance.now() - started, seconds * 1000);
      for (; sent < (elapsed * perSecond) / 1000; sent++) one(started + (sent * 1000) / perSecond, sent);
      if (elapsed < seconds * 1000) return;
      clearInterval(timer);
      resolve();
    }, TICK_MS);
  });
}

function ask(port: number, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path: '/', agent }, (answer) => {
      answer.resume();
      answer.on('end', () => (answer.statusCode === 200 ? resolve() : reject(new Error(`${answer.statusCode}`))));
      answer.on('error', reject);
    });
    asked.on('error', reject);
    asked.end();
  });
}
