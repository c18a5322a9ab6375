// One listener of the ticker at the gateway, who never connects again: a price that is missing and an end are faults.

import { until } from './ask.ts';
import { DRAIN_TIME_S, type Shop } from './shop.ts';
import { must } from './step.ts';

interface Told {
  /** Counts what this connection was told. */
  readonly number: number;
  readonly prices: Readonly<Record<string, string>>;
  readonly caller: string;
  readonly self: string;
}

/** A listener that a change had cut off would be, by then: a little more than draining takes, at a price a second. */
const ENOUGH = DRAIN_TIME_S + 2;

export class Prices {
  last: Told | null = null;
  #fault: string | null = null;
  readonly #socket: WebSocket;

  private constructor(port: number) {
    this.#socket = new WebSocket(`ws://127.0.0.1:${port}/prices`);
    this.#socket.addEventListener('message', ({ data }) => this.#onTold(JSON.parse(String(data)) as Told));
    this.#socket.addEventListener('close', ({ code }) => {
      this.#fault ??= `the WebSocket ended with ${code}`;
    });
  }

  #onTold(told: Told): void {
    const due = (this.last?.number ?? 0) + 1;
    if (told.number !== due) this.#fault ??= `price ${told.number} came where ${due} was due`;
    this.last = told;
  }

  /** Waits for so many more prices. */
  async more(count: number): Promise<Told> {
    const due = (this.last?.number ?? 0) + count;
    await until('prices', async () => this.#fault !== null || (this.last?.number ?? 0) >= due);
    must(this.#fault === null && this.last !== null, this.#fault ?? 'no price came');
    return this.last;
  }

  /** Someone listens while `act` is done, and for some time after. Resolves with what was told last. */
  static async during(shop: Shop, act: (first: Told) => Promise<void>): Promise<Told> {
    const prices = new Prices(shop.gatewayPort);
    try {
      await act(await prices.more(1));
      return await prices.more(ENOUGH);
    } finally {
      prices.#socket.close();
    }
  }
}
