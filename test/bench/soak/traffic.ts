// The mixed load of the soak: each kind so many times a second, each with the one outcome that is right for it.

import { createHash } from 'node:crypto';
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { PIECE, PIECES } from './origin.ts';

/** Throws what was wrong. */
type Act = (ask: Ask) => Promise<void>;
type Ask = (path: string, method?: string, headers?: Readonly<Record<string, string | number>>) => ClientRequest;

interface Kind {
  readonly perSecond: number;
  readonly act: Act;
}

const BODY = Buffer.alloc(96 * 1024, 'a body of some size ');
const BODY_DIGEST = createHash('sha256').update(BODY).digest('hex');
const SLOW_PIECES = 10;
const BETWEEN_MS = 100;

const KINDS: Readonly<Record<string, Kind>> = {
  get: { perSecond: 40, act: async (ask) => expectText(ask('/').end(), 'here') },
  counted: {
    perSecond: 10,
    act: async (ask) => expectText(ask('/digest', 'POST', { 'content-length': BODY.length }).end(BODY), BODY_DIGEST),
  },
  chunked: { perSecond: 10, act: async (ask) => expectText(ask('/digest', 'PUT').end(BODY), BODY_DIGEST) },
  pieces: { perSecond: 10, act: readPieces },
  fault: { perSecond: 4, act: async (ask) => expectStatus(await answerTo(ask('/fault').end()), 500) },
  broken: { perSecond: 1, act: expectCut },
  abortBefore: { perSecond: 2, act: abortBefore },
  abortDuring: { perSecond: 2, act: abortDuring },
  abortUpload: { perSecond: 2, act: abortUpload },
  slowUpload: { perSecond: 1, act: slowUpload },
  slowReader: { perSecond: 1, act: slowReader },
};

function answerTo(asked: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    asked.on('response', resolve).on('error', reject);
  });
}

function expectStatus(answer: IncomingMessage, status: number): void {
  answer.resume();
  if (answer.statusCode !== status) throw new Error(`${answer.statusCode} instead of ${status}`);
}

async function expectText(asked: ClientRequest, text: string): Promise<void> {
  const answer = await answerTo(asked);
  const found = Buffer.concat(await answer.toArray()).toString();
  if (answer.statusCode !== 200 || found !== text) throw new Error(`${answer.statusCode} ${found.slice(0, 100)}`);
}

async function readPieces(ask: Ask): Promise<void> {
  const answer = await answerTo(ask('/pieces').end());
  let bytes = 0;
  for await (const piece of answer) bytes += (piece as Buffer).length;
  if (bytes !== PIECE.length * PIECES) throw new Error(`${bytes} bytes`);
}

/** An answer that the origin cuts short must never look whole. */
async function expectCut(ask: Ask): Promise<void> {
  const answer = await answerTo(ask('/broken').end());
  const whole = await answer.toArray().then(
    () => true,
    () => false,
  );
  if (whole) throw new Error('an answer that was cut short looked whole');
}

async function abortBefore(ask: Ask): Promise<void> {
  const asked = ask('/slow').end();
  asked.on('error', () => {});
  await pause(5);
  asked.destroy();
}

async function abortDuring(ask: Ask): Promise<void> {
  const answer = await answerTo(ask('/slow').end());
  answer.on('error', () => {});
  await new Promise((resolve) => answer.once('data', resolve));
  answer.destroy();
}

async function abortUpload(ask: Ask): Promise<void> {
  const asked = ask('/digest', 'POST', { 'content-length': BODY.length });
  asked.on('error', () => {});
  asked.write(BODY.subarray(0, 1000));
  await pause(20);
  asked.destroy();
}

async function slowUpload(ask: Ask): Promise<void> {
  const asked = ask('/digest', 'POST', { 'content-length': BODY.length });
  const answered = expectText(asked, BODY_DIGEST);
  answered.catch(() => {});
  const size = Math.ceil(BODY.length / SLOW_PIECES);
  for (let at = 0; at < BODY.length; at += size) {
    asked.write(BODY.subarray(at, at + size));
    await pause(BETWEEN_MS);
  }
  asked.end();
  await answered;
}

async function slowReader(ask: Ask): Promise<void> {
  const answer = await answerTo(ask('/pieces').end());
  let bytes = 0;
  for await (const piece of answer) {
    bytes += (piece as Buffer).length;
    await pause(BETWEEN_MS);
  }
  if (bytes !== PIECE.length * PIECES) throw new Error(`${bytes} bytes`);
}

export interface Tally {
  readonly done: Readonly<Record<string, number>>;
  readonly failed: number;
  /** The first few. */
  readonly failures: readonly string[];
}

const TICK_MS = 10;
const MOST_TOLD = 10;
const TIMEOUT_MS = 20_000;

export class Traffic {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 128 });
  readonly #done: Record<string, number> = {};
  readonly #failures: string[] = [];
  #failed = 0;
  readonly #waiting = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;

  constructor(port: number) {
    const started = performance.now();
    const ask: Ask = (path, method = 'GET', headers = {}) => {
      const asked = request({ host: '127.0.0.1', port, path, method, headers, agent: this.#agent });
      return asked.setTimeout(TIMEOUT_MS, () => asked.destroy(new Error(`${path}: nothing for ${TIMEOUT_MS} ms`)));
    };
    const sent: Record<string, number> = {};
    this.#timer = setInterval(() => {
      const seconds = (performance.now() - started) / 1000;
      for (const [name, { perSecond, act }] of Object.entries(KINDS)) {
        for (let n = sent[name] ?? 0; n < seconds * perSecond; n++) this.#one(name, act, ask);
        sent[name] = Math.max(sent[name] ?? 0, Math.ceil(seconds * perSecond));
      }
    }, TICK_MS);
  }

  #one(name: string, act: Act, ask: Ask): void {
    const one = act(ask)
      .then(
        () => {
          this.#done[name] = (this.#done[name] ?? 0) + 1;
        },
        (error: Error) => this.#fail(`${name}: ${error.message}`),
      )
      .finally(() => this.#waiting.delete(one));
    this.#waiting.add(one);
  }

  #fail(text: string): void {
    this.#failed++;
    if (this.#failures.length < MOST_TOLD) this.#failures.push(`${new Date().toISOString()} ${text}`);
  }

  get failed(): number {
    return this.#failed;
  }

  async stop(): Promise<Tally> {
    clearInterval(this.#timer);
    await Promise.all(this.#waiting);
    this.#agent.destroy();
    return { done: this.#done, failed: this.#failed, failures: this.#failures };
  }
}
