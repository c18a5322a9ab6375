// A steady stream of requests with a count of what went wrong, to say "nobody noticed" of.

import { Agent } from 'node:http';
import { ask } from './ask.ts';

export interface LoadResult {
  readonly sent: number;
  readonly failures: readonly string[];
}

const TICK_MS = 5;
/** Failures that are kept with their text. */
const MOST_TOLD = 5;

export class Load {
  #sent = 0;
  #failed = 0;
  #waiting = 0;
  readonly #failures: string[] = [];
  readonly #timer: NodeJS.Timeout;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 128 });
  readonly #port: number;
  readonly #paths: readonly string[];

  constructor(port: number, paths: readonly string[], perSecond: number) {
    this.#port = port;
    this.#paths = paths;
    const started = performance.now();
    // As many as are due by now: a timer that comes late does not lower the rate.
    this.#timer = setInterval(() => {
      const due = ((performance.now() - started) * perSecond) / 1000;
      while (this.#sent < due) this.#one();
    }, TICK_MS);
  }

  #one(): void {
    const path = this.#paths[this.#sent % this.#paths.length] as string;
    this.#sent++;
    this.#waiting++;
    ask({ port: this.#port, path, agent: this.#agent })
      .then(({ status, text }) => {
        if (status !== 200) this.#fail(`${path}: ${status} ${text.slice(0, 200)}`);
      })
      .catch((error: Error) => this.#fail(`${path}: ${error.message}`))
      .finally(() => {
        this.#waiting--;
      });
  }

  #fail(text: string): void {
    this.#failed++;
    if (this.#failures.length < MOST_TOLD) this.#failures.push(text);
  }

  /** Waits for the last answers. */
  async stop(): Promise<LoadResult> {
    clearInterval(this.#timer);
    while (this.#waiting > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    this.#agent.destroy();
    const more = this.#failed > MOST_TOLD ? [`and ${this.#failed - MOST_TOLD} more`] : [];
    return { sent: this.#sent, failures: [...this.#failures, ...more] };
  }
}
