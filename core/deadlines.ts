// Timers that are set by the thousand and hardly ever fire. Calls that wait equally long stand in one
// line, in the order in which they fall due, and a line has one timer of the system, however many stand in
// it: setting and cancelling cost a few pointers. For waits of configured length, of which there are few.

/** A pending call; `cancel` is idempotent. */
export interface Timer {
  cancel(): void;
  /** Starts the full wait again, as if the timer had been set now. */
  refresh(): void;
}

/** Lines at most; what is not found room for gets a timer of its own. */
const MOST_LINES = 64;

interface TimeSource {
  now(): number;
  after(ms: number, run: () => void): Timer;
}

export class Deadlines {
  readonly #lines = new Map<number, Line>();
  readonly #time: TimeSource;
  readonly #turn: () => number;

  /** `turn`: the time of the present turn of the event loop, which is what waits are counted from. */
  constructor(time: TimeSource, turn: () => number) {
    this.#time = time;
    this.#turn = turn;
  }

  after(ms: number, run: () => void): Timer {
    const line = this.#lines.get(ms) ?? this.#open(ms);
    return line === null ? this.#time.after(ms, run) : line.add(new Deadline(line, run));
  }

  #open(ms: number): Line | null {
    if (this.#lines.size >= MOST_LINES) return null;
    const line = new Line(ms, this.#time, this.#turn);
    this.#lines.set(ms, line);
    return line;
  }
}

class Deadline implements Timer {
  at = 0;
  standing = false;
  before: Deadline | null = null;
  behind: Deadline | null = null;
  readonly run: () => void;
  readonly #line: Line;

  constructor(line: Line, run: () => void) {
    this.#line = line;
    this.run = run;
  }

  cancel(): void {
    this.#line.remove(this);
  }

  refresh(): void {
    this.#line.remove(this);
    this.#line.add(this);
  }
}

class Line {
  #first: Deadline | null = null;
  #last: Deadline | null = null;
  #timer: NodeJS.Timeout | null = null;
  readonly #ms: number;
  readonly #now: () => number;
  readonly #turn: () => number;

  constructor(ms: number, time: TimeSource, turn: () => number) {
    this.#ms = ms;
    this.#now = () => time.now();
    this.#turn = turn;
  }

  add(one: Deadline): Deadline {
    one.at = this.#turn() + this.#ms;
    one.standing = true;
    one.before = this.#last;
    if (this.#last === null) this.#startsWith(one);
    else this.#last.behind = one;
    this.#last = one;
    return one;
  }

  #startsWith(one: Deadline): void {
    this.#first = one;
    if (this.#timer === null) this.#arm(this.#ms);
    else this.#timer.ref();
  }

  remove(one: Deadline): void {
    if (!one.standing) return;
    one.standing = false;
    if (one.before === null) this.#first = one.behind;
    else one.before.behind = one.behind;
    if (one.behind === null) this.#last = one.before;
    else one.behind.before = one.before;
    one.before = null;
    one.behind = null;
    // An empty line keeps its timer, which is dear to set anew, but nobody waits for it.
    if (this.#first === null) this.#timer?.unref();
  }

  #arm(ms: number): void {
    this.#timer = setTimeout(() => this.#fire(), ms);
  }

  #fire(): void {
    this.#timer = null;
    const now = this.#now();
    for (let one = this.#first; one !== null && one.at <= now; one = this.#first) {
      this.remove(one);
      one.run();
    }
    if (this.#timer === null && this.#first !== null) this.#arm(Math.max(1, Math.ceil(this.#first.at - now)));
  }
}
