// A worker asks the primary for ports that the system chooses.

import type { FromWorker, ToWorker } from './messages.ts';

type Answer = Extract<ToWorker, { kind: 'port' }>;

export class PortAsks {
  readonly #post: (message: FromWorker) => void;
  readonly #asked = new Map<number, (answer: Answer) => void>();
  #next = 0;

  constructor(post: (message: FromWorker) => void) {
    this.#post = post;
  }

  /** Rejects with what the primary's attempt to bind one met. */
  readonly choose = (listener: string, n: number, host: string): Promise<number> => {
    const id = this.#next++;
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#asked.set(id, ({ port, trouble }) => (trouble === null ? resolve(port) : reject(new Error(trouble))));
    this.#post({ kind: 'port', id, listener, n, host });
    return promise;
  };

  answered(answer: Answer): void {
    this.#asked.get(answer.id)?.(answer);
    this.#asked.delete(answer.id);
  }
}
