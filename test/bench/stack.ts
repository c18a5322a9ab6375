// What a bench started, ended in reverse; also when a signal ends the bench.

import type { Running } from './processes.ts';

export class Stack {
  readonly #running: Pick<Running, 'stop'>[] = [];

  constructor() {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => void this.all().then(() => process.exit(1)));
  }

  push(...running: readonly Pick<Running, 'stop'>[]): void {
    this.#running.push(...running);
  }

  async all(): Promise<void> {
    await Promise.all(
      this.#running
        .splice(0)
        .reverse()
        .map((one) => one.stop()),
    );
  }
}
