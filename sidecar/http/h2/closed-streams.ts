// The streams of a connection that were closed last, and how: what still arrives for them is either on its way
// from before the peer knew, or wrong.

/** How a stream was closed. */
export const CLOSED = {
  /** By neither of the below: never opened, or so long ago that nothing can be on its way. */
  UNKNOWN: 0,
  /** Both sides said all they had to say. */
  DONE: 1,
  BY_US: 2,
  BY_PEER: 3,
} as const;

export type HowClosed = (typeof CLOSED)[keyof typeof CLOSED];

/** So many are remembered: more than can be open at once. */
const REMEMBERED = 256;

export class ClosedStreams {
  readonly #ids = new Uint32Array(REMEMBERED);
  readonly #how = new Uint8Array(REMEMBERED);

  add(id: number, how: HowClosed): void {
    const at = (id >>> 1) % REMEMBERED;
    this.#ids[at] = id;
    this.#how[at] = how;
  }

  how(id: number): HowClosed {
    const at = (id >>> 1) % REMEMBERED;
    return this.#ids[at] === id ? (this.#how[at] as HowClosed) : CLOSED.UNKNOWN;
  }
}
