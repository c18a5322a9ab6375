// Connections that arrive are let in however busy those are who came before, and nobody waits for ever.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { Arrivals, REQUESTS_PER_ARRIVAL } from '../../../sidecar/http/arrivals.ts';
import { startProxy } from '../../mesh/proxy.ts';

/** Turns of an event loop, ended by hand. */
class Turns {
  #due: (() => void)[] = [];
  readonly atEnd = (run: () => void) => void this.#due.push(run);

  get ended(): boolean {
    return this.#due.length === 0;
  }

  end(): void {
    for (const run of this.#due.splice(0)) run();
  }
}

test('a few begin with each connection, in their order, and the rest when a turn brings none', () => {
  const turns = new Turns();
  const arrivals = new Arrivals(turns.atEnd);
  const begun: number[] = [];
  arrivals.onArrival();
  assert.equal(arrivals.crowded, false, 'one alone is no crowd');
  turns.end();
  arrivals.onArrival();
  assert.equal(arrivals.crowded, true);
  const all = Array.from({ length: 3 * REQUESTS_PER_ARRIVAL }, (_, i) => i);
  for (const i of all) arrivals.putOff({ onTurn: () => void begun.push(i) });
  turns.end();
  assert.deepEqual(begun, all.slice(0, REQUESTS_PER_ARRIVAL));
  arrivals.onArrival();
  turns.end();
  assert.deepEqual(begun, all.slice(0, 2 * REQUESTS_PER_ARRIVAL));
  assert.equal(arrivals.crowded, true);
  turns.end();
  assert.deepEqual(begun, all);
  assert.equal(arrivals.crowded, false);
  assert.ok(turns.ended, 'nothing is looked at while nobody arrives');
});

test('what begins may put off another, which is not lost', () => {
  const turns = new Turns();
  const arrivals = new Arrivals(turns.atEnd);
  const begun: string[] = [];
  arrivals.onArrival();
  arrivals.onArrival();
  arrivals.putOff({
    onTurn: () => {
      begun.push('first');
      arrivals.onArrival();
      arrivals.onArrival();
      arrivals.putOff({ onTurn: () => void begun.push('second') });
    },
  });
  while (!turns.ended) turns.end();
  assert.deepEqual(begun, ['first', 'second']);
});

const BUSY = 60;
const ARRIVING = 60;
const REQUEST = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';

/** Asks again as soon as it is answered. */
class Customer {
  answers = 0;
  readonly answered: Promise<unknown>;
  readonly socket: Socket;

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => this.socket.write(REQUEST));
    this.socket.on('data', () => {
      this.answers++;
      this.socket.write(REQUEST);
    });
    this.answered = once(this.socket, 'data');
  }
}

const WITHIN = { timeout: 30_000 };

test(
  'with each connection that arrives a few requests of busy ones begin, and everybody is answered',
  WITHIN,
  async (t) => {
    const proxy = await startProxy({
      origins: { none: 1 },
      routes: '- {match: {prefix: /}, direct_response: {status: 200, body: {inline_string: here}}}',
    });
    const port = proxy.port();
    const busy = Array.from({ length: BUSY }, () => new Customer(port));
    const all = [...busy];
    t.after(async () => {
      for (const { socket } of all) socket.destroy();
      await proxy.close();
    });
    await Promise.all(busy.map(({ answered }) => answered));
    const counts = proxy.stats.http('main');
    const atArrival: number[] = [];
    const onAccept = (message: unknown) => {
      if ((message as { socket: Socket }).socket.localPort === port) atArrival.push(counts.downstream_rq_total);
    };
    subscribe('net.server.socket', onAccept);
    t.after(() => unsubscribe('net.server.socket', onAccept));
    const before = busy.map(({ answers }) => answers);
    all.push(...Array.from({ length: ARRIVING }, () => new Customer(port)));
    await Promise.all(all.slice(BUSY).map(({ answered }) => answered));
    assert.equal(atArrival.length, ARRIVING);
    // Two make a crowd.
    const between = atArrival.slice(2).map((count, i) => count - (atArrival[i + 1] ?? 0));
    assert.ok(Math.max(...between) <= REQUESTS_PER_ARRIVAL, `requests between arrivals: ${between}`);
    await Promise.all(busy.map(({ socket }) => once(socket, 'data')));
    for (const [i, { answers }] of busy.entries()) assert.ok(answers > (before[i] ?? 0), `${i} was answered no more`);
  },
);
