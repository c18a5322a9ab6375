// The oracle of every fault: what clients sent and heard, held against what origins did. *Lost*: neither an
// answer nor an error that says so. *Duplicated*: done more than once though it must not be. *Mixed*: somebody
// heard the answer of somebody else.

import { Agent, request } from 'node:http';

/** What one request came to. */
export type Outcome =
  | { readonly kind: 'answered'; readonly status: number; readonly body: string }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'lost' };

interface Entry {
  readonly id: string;
  readonly method: string;
  outcome: Outcome | null;
}

export interface Verdict {
  readonly sent: number;
  /** Answered 200 with their own answer. */
  readonly good: number;
  /** Errors of any kind that the client was told of: `GET 503 no healthy upstream`. */
  readonly failed: readonly string[];
  readonly lost: number;
  readonly duplicated: number;
  readonly mixed: number;
}

/** Longer than every limit that the tests configure: who hears nothing by then is lost. */
const LOST_AFTER_MS = 15_000;
const TICK_MS = 5;

let count = 0;

export interface Sending {
  readonly method?: string;
  /** Before `?id=`. */
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export class Ledger {
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 256 });
  readonly #entries: Entry[] = [];
  readonly #waiting = new Set<Promise<void>>();

  constructor(port: number) {
    this.#port = port;
  }

  get sent(): number {
    return this.#entries.length;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** One request with an id that nobody else has. */
  send({ method = 'GET', path = '/now', headers = {} }: Sending = {}): Promise<Outcome> {
    const id = `r${++count}`;
    const entry: Entry = { id, method, outcome: null };
    this.#entries.push(entry);
    const done = ask(this.#port, `${path}?id=${id}`, method, headers, this.#agent).then((outcome) => {
      entry.outcome = outcome;
      return outcome;
    });
    const gone = done.then(() => void this.#waiting.delete(gone));
    this.#waiting.add(gone);
    return done;
  }

  /** Sends so many a second until the returned stop is called. */
  steadily(perSecond: number, next: (n: number) => Sending = () => ({})): () => void {
    const started = performance.now();
    let sent = 0;
    const timer = setInterval(() => {
      const due = ((performance.now() - started) * perSecond) / 1000;
      while (sent < due) void this.send(next(sent++));
    }, TICK_MS);
    // A test that failed does not stop it.
    timer.unref();
    return () => clearInterval(timer);
  }

  /** `clients` that each send the next when the last is answered, `total` in all. */
  async inTurn(clients: number, total: number, next: (n: number) => Sending = () => ({})): Promise<void> {
    let sent = 0;
    const one = async () => {
      while (sent < total) await this.send(next(sent++));
    };
    await Promise.all(Array.from({ length: clients }, one));
  }

  /** Waits for the last outcomes. `executed`: how often an origin did what. */
  async verdict(executed: ReadonlyMap<string, number>): Promise<Verdict> {
    await Promise.all(this.#waiting);
    this.#agent.destroy();
    return judge(this.#entries, executed);
  }
}

function judge(entries: readonly Entry[], executed: ReadonlyMap<string, number>): Verdict {
  const told = entries.flatMap(({ id, outcome, method }) => (outcome === null ? [] : [{ id, outcome, method }]));
  const isGood = (outcome: Outcome) => outcome.kind === 'answered' && outcome.status === 200;
  return {
    sent: entries.length,
    good: told.filter(({ id, outcome }) => isGood(outcome) && outcome.kind === 'answered' && outcome.body === id)
      .length,
    failed: told.flatMap(({ method, outcome }) => failureOf(method, outcome)),
    lost: entries.filter(({ outcome }) => outcome === null || outcome.kind === 'lost').length,
    duplicated: entries.filter(({ id, method }) => method === 'POST' && (executed.get(id) ?? 0) > 1).length,
    mixed: told.filter(
      ({ id, outcome }) => outcome.kind === 'answered' && outcome.status === 200 && outcome.body !== id,
    ).length,
  };
}

function failureOf(method: string, outcome: Outcome): string[] {
  if (outcome.kind === 'failed') return [`${method} ${outcome.reason}`];
  return outcome.kind === 'answered' && outcome.status !== 200
    ? [`${method} ${outcome.status} ${outcome.body.slice(0, 120)}`]
    : [];
}

function ask(
  port: number,
  path: string,
  method: string,
  headers: Readonly<Record<string, string>>,
  agent: Agent,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const failed = (error: Error) => resolve({ kind: 'failed', reason: error.message });
    const call = request({ host: '127.0.0.1', port, path, method, headers, agent }, (response) => {
      let body = '';
      response.setEncoding('latin1').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve({ kind: 'answered', status: response.statusCode ?? 0, body }));
      response.on('error', failed);
    });
    call.setTimeout(LOST_AFTER_MS, () => {
      resolve({ kind: 'lost' });
      call.destroy();
    });
    call.on('error', failed);
    call.end();
  });
}
