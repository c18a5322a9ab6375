// A steady load: so many requests a second whatever comes back, each timed from when it was due, so that a stall
// counts for everyone who had to wait for it.

import { Agent, request } from 'node:http';
import { obey } from '../script.ts';

export interface SteadyOrder {
  readonly port: number;
  readonly perSecond: number;
  readonly seconds: number;
}

export interface SteadyReport {
  readonly requests: number;
  readonly errors: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const TICK_MS = 1;

obey<SteadyOrder, SteadyReport>(async ({ port, perSecond, seconds }) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const times: number[] = [];
  const waiting = new Set<Promise<void>>();
  let errors = 0;
  const one = (due: number) => {
    const asked = ask(port, agent)
      .then(
        () => void times.push(performance.now() - due),
        () => void errors++,
      )
      .finally(() => waiting.delete(asked));
    waiting.add(asked);
  };
  await paced(perSecond, seconds, one);
  await Promise.all(waiting);
  agent.destroy();
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN;
  return { requests: times.length, errors, p50Ms: at(0.5), p99Ms: at(0.99) };
});

/** As many as are due: a timer that comes late lowers no rate. */
function paced(perSecond: number, seconds: number, one: (due: number) => void): Promise<void> {
  const started = performance.now();
  let sent = 0;
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      const elapsed = Math.min(performance.now() - started, seconds * 1000);
      for (; sent < (elapsed * perSecond) / 1000; sent++) one(started + (sent * 1000) / perSecond);
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
