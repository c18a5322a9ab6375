// Acts one entry out, cut in one way, through one proxy, and says what both ends saw of it. Afterwards a
// request of its own on a new connection: whatever the entry left behind would show in its answer.

import type { Changes } from './changes.ts';
import { Client, type End, type GotAnswer } from './client.ts';
import { type Cut, pieces } from './cuts.ts';
import type { Entry, Move, Outcome, Until } from './entry.ts';
import { CANARY, type Origin, type SeenRequest } from './origin.ts';

/** A way through the proxy with an origin of its own, so that what the origin sees belongs to one entry. */
export interface Lane {
  readonly origin: Origin;
  readonly changes: Changes;
  readonly port: number;
  /** Resolves when the proxy has read everything that was sent to it before. */
  settle(): Promise<void>;
  /** How long to wait for what a move waits for, before going on without it. */
  readonly moveMs: number;
  /** How long to wait for what must come. */
  readonly limitMs: number;
}

/** Where the second request on the same connection goes: with the entry's bytes, after its answers, nowhere. */
export type Follow = 'pipelined' | 'after' | 'none';

export interface Witness {
  readonly answers: readonly GotAnswer[];
  /** The beginning of an answer. */
  readonly open: GotAnswer | null;
  readonly interim: readonly number[];
  readonly stray: string;
  readonly tunnel: string | null;
  readonly faults: readonly string[];
  /** How the proxy had ended the client's connection before the client did. */
  readonly end: End;
  /** An answer was under way, and would be, had the client not left. */
  readonly endless: boolean;
  /** Of the entry, and the one that followed on its connection. */
  readonly requests: readonly SeenRequest[];
  readonly followed: boolean;
  readonly unfinished: boolean;
  readonly hanging: boolean;
  readonly next: NextRequest;
}

/** The request on a new connection. */
export interface NextRequest {
  readonly answered: boolean;
  /** It went to the connection that the entry's last request went to. */
  readonly samePool: boolean;
}

export async function play(lane: Lane, entry: Entry, outcomes: readonly Outcome[], cut: Cut, follow: Follow) {
  lane.origin.forget();
  lane.origin.scripted = entry.moves.some((move) => 'by' in move && move.by === 'origin');
  const client = await Client.open(lane.port, lane.changes, entry.methods);
  try {
    return await new Play(lane, client, entry, outcomes).run(cut, follow);
  } finally {
    client.destroy();
  }
}

let canaries = 0;

function canaryRequest(): string {
  return `GET ${CANARY}${++canaries} HTTP/1.1\r\nhost: canary\r\n\r\n`;
}

/** So many bytes of a request that follows are cut off, too: it may be taken for the rest of the one before. */
export const CUT_OF_CANARY = 4;

class Play {
  #said = 0;
  #heads = 0;
  #wholes = 0;
  #answers = 0;
  readonly #lane: Lane;
  readonly #client: Client;
  readonly #entry: Entry;
  readonly #outcomes: readonly Outcome[];

  constructor(lane: Lane, client: Client, entry: Entry, outcomes: readonly Outcome[]) {
    this.#lane = lane;
    this.#client = client;
    this.#entry = entry;
    this.#outcomes = outcomes;
  }

  async run(cut: Cut, follow: Follow): Promise<Witness> {
    const { moves } = this.#entry;
    const last = moves.length - 1;
    for (const [i, move] of moves.entries()) {
      await this.#make(move, cut, i === last && follow === 'pipelined' ? canaryRequest() : '');
    }
    await this.#answered(follow === 'pipelined' ? 1 : 0);
    const followed = follow === 'pipelined' || (follow === 'after' && (await this.#follow()));
    const { end, open } = this.#client;
    this.#client.leave('fin');
    await this.#until(() => this.#client.end !== 'open');
    const next = await this.#next();
    await this.#until(() => !this.#lane.origin.hanging);
    return { ...this.#witness(), end, endless: end === 'open' && open !== null, followed, next };
  }

  #witness(): Omit<Witness, 'end' | 'endless' | 'followed' | 'next'> {
    const { answers, open, interim, stray, tunnel, faults } = this.#client;
    const { origin } = this.#lane;
    const all = [
      ...faults.map((fault) => `to the client: ${fault}`),
      ...origin.faults.map((f) => `to the origin: ${f}`),
    ];
    const requests = origin.requests.slice(0, -1);
    const { unfinished, hanging } = origin;
    return { answers, open, interim, stray, tunnel, faults: all, requests, unfinished, hanging };
  }

  #until(good: () => boolean, limitMs = this.#lane.limitMs): Promise<boolean> {
    return this.#lane.changes.until(good, limitMs);
  }

  async #make(move: Move, cut: Cut, more: string): Promise<void> {
    if ('until' in move) await this.#wait(move.until);
    else if ('says' in move && !this.#isAskedFor(move.ifAsked)) this.#said += move.says.length;
    else if ('says' in move) await this.#say(move.by, move.says + more, move.whole === true ? null : cut);
    else if (move.by === 'client') this.#client.leave(move.ends);
    else this.#lane.origin.end(move.ends);
  }

  #isAskedFor(field: string | undefined): boolean {
    return field === undefined || this.#lane.origin.asked?.head.fields.has(field) === true;
  }

  /** `cut` null: in one piece, and not counted on. */
  async #say(by: 'client' | 'origin', text: string, cut: Cut | null): Promise<void> {
    for (const [i, piece] of pieces(text, this.#said, cut ?? 'whole').entries()) {
      if (i > 0) await this.#lane.settle();
      if (by === 'client') this.#client.say(piece);
      else this.#lane.origin.say(piece);
    }
    if (cut !== null) this.#said += text.length;
  }

  async #wait(what: Until): Promise<void> {
    if (what === 'settled') {
      await this.#lane.settle();
      return;
    }
    const before = this.#answers;
    const client = this.#client;
    const good = () => this.#came(what) || client.answers.length > before || client.end !== 'open';
    await this.#until(good, this.#lane.moveMs);
    this.#answers = client.answers.length;
    if (what === 'head') this.#heads = this.#lane.origin.requests.length;
    if (what === 'request') this.#wholes = this.#lane.origin.wholes;
  }

  #came(what: Until): boolean {
    const { origin } = this.#lane;
    const client = this.#client;
    const { asked } = origin;
    switch (what) {
      case 'head':
        return origin.requests.length > this.#heads;
      case 'request':
        return origin.wholes > this.#wholes;
      case 'interim':
        return client.interim.length > 0 || client.tunnel !== null;
      case 'bytes':
        return client.received > 0;
      case 'origin over':
        return asked === undefined || origin.over(asked);
      default:
        return false;
    }
  }

  /** All answers that may come are there, or no more can come. */
  async #answered(more: number): Promise<void> {
    const staying = this.#outcomes.filter(({ after }) => after !== 'closed');
    const counts = this.#outcomes.map(({ gets, after }) => gets.length + (after === 'closed' ? 0 : more));
    const least = staying.length === 0 ? Number.POSITIVE_INFINITY : Math.min(...counts);
    await this.#until(() => this.#over() || this.#tunnelled() || this.#has(least), this.#patience());
    // Where less would do, more is not waited for as long.
    await this.#until(() => this.#over() || this.#tunnelled() || this.#has(Math.max(...counts)), this.#lane.moveMs);
  }

  #has(answers: number): boolean {
    return this.#client.answers.length >= answers;
  }

  /** A proxy that may wait for more is not waited for as long as one that may not. */
  #patience(): number {
    return this.#outcomes.some(({ after }) => after === 'waits') ? this.#lane.moveMs : this.#lane.limitMs;
  }

  #tunnelled(): boolean {
    const { tunnel } = this.#client;
    return (
      tunnel !== null && this.#outcomes.some(({ gets }) => gets.some((one) => 'tunnel' in one && one.tunnel === tunnel))
    );
  }

  #over(): boolean {
    const { end, answers } = this.#client;
    return end !== 'open' || answers.at(-1)?.last === true;
  }

  /** One more request on a connection that may take it. */
  async #follow(): Promise<boolean> {
    const { answers, tunnel } = this.#client;
    if (
      tunnel !== null ||
      this.#over() ||
      answers.length === 0 ||
      this.#outcomes.every(({ after }) => after === 'closed')
    )
      return false;
    const before = answers.length;
    this.#client.say(canaryRequest());
    const came = () => this.#client.answers.length > before || this.#client.end !== 'open';
    await this.#until(came, this.#patience());
    return true;
  }

  async #next(): Promise<NextRequest> {
    const { origin, changes, port } = this.#lane;
    await this.#lane.settle();
    const { asked } = origin;
    const text = canaryRequest();
    const client = await Client.open(port, changes);
    client.say(text);
    await this.#until(() => client.answers.length > 0 || client.end !== 'open');
    client.destroy();
    const seen = origin.requests.at(-1);
    const sent = text.slice(0, text.indexOf('\r\n'));
    const answered = seen?.head.line === sent && isEchoOf(client.answers[0], seen);
    return { answered, samePool: answered && asked?.connection === seen.connection };
  }
}

export function isEchoOf(answer: GotAnswer | undefined, request: SeenRequest): boolean {
  if (answer?.status !== 200 || answer.head.fields.get('x-seen')?.[0] !== String(request.n)) return false;
  return request.head.line.startsWith('HEAD ') || answer.body.body === `#${request.n}`;
}
