// Connections that arrive, and requests of those that are there. The event loop accepts one connection in each of
// its turns, and a turn lasts as long as everything that was ready in it: with 2,000 busy connections some 35 ms, so
// that another 2,000 at the door waited for a minute. While connections arrive turn after turn, requests that have
// not begun are put off, and a few of them begin with each connection. When a turn brings none, the line of those
// who wait at the door is empty, and all that were put off begin at once.

export interface PutOff {
  /** The request that was put off may begin now. */
  onTurn(): void;
}

/**
 * Requests that begin with each connection that arrives: enough that those who are there keep most of the
 * processor however many come, and few enough that a burst of thousands is let in within a second.
 */
export const REQUESTS_PER_ARRIVAL = 4;

export class Arrivals {
  /** Requests that have not begun are to be put off. */
  crowded = false;
  #came = false;
  /** The turn before this one brought a connection, or this one did. */
  #watching = false;
  /** One for each connection at most. Those before `#next` have begun. */
  #waiting: PutOff[] = [];
  #next = 0;
  readonly #atTurnsEnd: (run: () => void) => void;

  constructor(atTurnsEnd: (run: () => void) => void) {
    this.#atTurnsEnd = atTurnsEnd;
  }

  /** A connection was accepted. */
  onArrival(): void {
    this.#came = true;
    if (this.#watching) {
      this.crowded = true;
      return;
    }
    this.#watching = true;
    this.#atTurnsEnd(this.#onTurnsEnd);
  }

  /** In the order they come. */
  putOff(one: PutOff): void {
    this.#waiting.push(one);
  }

  readonly #onTurnsEnd = () => {
    const more = this.#came;
    const end = more ? Math.min(this.#waiting.length, this.#next + REQUESTS_PER_ARRIVAL) : this.#waiting.length;
    this.#came = false;
    this.#watching = more;
    if (more) this.#atTurnsEnd(this.#onTurnsEnd);
    else this.crowded = false;
    while (this.#next < end) this.#waiting[this.#next++]?.onTurn();
    this.#forget();
  };

  /** Those that have begun, once they are half of the line: a crowd may go on for long. */
  #forget(): void {
    if (this.#next * 2 < this.#waiting.length) return;
    this.#waiting.splice(0, this.#next);
    this.#next = 0;
  }
}

/** Of this thread, whose event loop all its connections share. */
export const arrivals = new Arrivals(setImmediate);
