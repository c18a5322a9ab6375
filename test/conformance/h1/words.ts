// The words in which entries are written: requests, answers, outcomes, and the usual kinds of entries.

import type { AnswerShape, Entry, Gets, Move, OneOf, Outcome, Sees } from './entry.ts';

// Bytes.

export function post(fields: string, body = ''): string {
  return `POST /p HTTP/1.1\r\nhost: a\r\n${fields}\r\n\r\n${body}`;
}

export function get(fields = '', target = '/g'): string {
  return `GET ${target} HTTP/1.1\r\nhost: a\r\n${fields}${fields === '' ? '' : '\r\n'}\r\n`;
}

export function chunked(body: string): string {
  return post('transfer-encoding: chunked', body);
}

/** The chunked form of `hello`. */
export const HELLO = '5\r\nhello\r\n0\r\n\r\n';

export function ok(fields: string, body = ''): string {
  return `HTTP/1.1 200 OK\r\n${fields}\r\n\r\n${body}`;
}

/** A good answer of the origin. */
export const FINE = ok('content-length: 4', 'fine');

/** Many field lines. */
export function lines(count: number, line: (i: number) => string = (i) => `x-${i}: 1`): string {
  return Array.from({ length: count }, (_, i) => line(i)).join('\r\n');
}

// Moves.

export const client = (says: string): Move => ({ by: 'client', says });
/** A request that is not what the entry is about. */
export const asks = (says: string): Move => ({ by: 'client', says, whole: true });
export const origin = (says: string): Move => ({ by: 'origin', says });
/** What only a request with the field is told. */
export const ifAsked = (field: string, says: string): Move => ({ by: 'origin', says, ifAsked: field });
export const clientEnds = (ends: 'fin' | 'reset'): Move => ({ by: 'client', ends });
export const originEnds = (ends: 'fin' | 'reset'): Move => ({ by: 'origin', ends });
export const until = (what: Extract<Move, { until: unknown }>['until']): Move => ({ until: what });

// Outcomes.

/** Nothing whole at the origin, an answer of the proxy's own, and the end of the connection. */
export function refused(...statuses: readonly number[]): Outcome {
  return {
    gets: [{ kind: 'refusal', statuses: statuses.length === 0 ? [400] : statuses }],
    sees: [],
    after: 'closed',
    unfinished: true,
  };
}

/** The proxy answers by itself and goes on. */
export function answeredHere(...statuses: readonly number[]): Outcome {
  return { gets: [{ kind: 'refusal', statuses }], sees: [], after: 'either' };
}

/** The connection ends without an answer, and the origin has nothing whole. */
export const DROPPED: Outcome = { gets: [], sees: [], after: 'closed', unfinished: true };

/** The number is taken as it stands, and the rest of so long a body is waited for. */
export const WAITS: Outcome = { gets: [], sees: [], after: 'waits', unfinished: true };

export function forwarded(...sees: readonly Sees[]): Outcome {
  return { gets: sees.map(() => ({ kind: 'echo' as const })), sees, after: 'open' };
}

export function closing(outcome: Outcome): Outcome {
  return { ...outcome, after: 'closed' };
}

export function either(outcome: Outcome): Outcome {
  return { ...outcome, after: 'either' };
}

/** First the one, then the other; the last says what becomes of the connection. */
export function inTurn(first: Outcome, second: Outcome): Outcome {
  return { ...second, gets: [...first.gets, ...second.gets], sees: [...first.sees, ...second.sees] };
}

export const echo = (...interim: readonly number[]): Gets => ({ kind: 'echo', interim });

/** What the origin sees of `post(..., 'hello')`, however it was framed. */
export function seesPost(more: Partial<Sees> = {}): Sees {
  return { line: 'POST /p HTTP/1.1', host: 'a', body: 'hello', ...more };
}

export function seesGet(more: Partial<Sees> = {}, target: string | readonly string[] = '/g'): Sees {
  const targets = typeof target === 'string' ? [target] : target;
  return { line: targets.map((one) => `GET ${one} HTTP/1.1`), host: 'a', ...more };
}

export function delivered(shape: AnswerShape, pooled?: 'never' | 'must'): Outcome {
  return given({ kind: 'answer', ...shape }, pooled);
}

export function aborted(shape: AnswerShape): Outcome {
  return { ...given({ kind: 'abort', ...shape }, 'never'), after: 'closed' };
}

/** The proxy says that the upstream failed; the upstream's connection is not used again. */
export const BAD_GATEWAY: Outcome = given({ kind: 'refusal', statuses: [502, 503] }, 'never');

function given(gets: Gets, pooled?: 'never' | 'must'): Outcome {
  return { gets: [gets], sees: [seesGet()], after: 'either', ...(pooled === undefined ? {} : { pooled }) };
}

// Entries.

/** A request as the client says it. */
export function request(
  id: string,
  means: string,
  source: string,
  bytes: string,
  ours: Outcome | readonly Outcome[],
  ...alsoSafe: readonly Outcome[]
): Entry {
  return entry(id, means, source, [client(bytes)], ours, ...alsoSafe);
}

/** An answer as the origin says it to a plain GET; `end`: and then ends the connection. */
export function answer(
  id: string,
  means: string,
  source: string,
  bytes: string,
  ours: Outcome | readonly Outcome[],
  end?: 'fin' | 'reset',
): Entry {
  const ends = end === undefined ? [] : [originEnds(end)];
  const moves = [asks(get()), until('request'), origin(bytes), ...ends, until('settled')];
  return entry(id, means, source, moves, ours);
}

export function entry(
  id: string,
  means: string,
  source: string,
  moves: readonly Move[],
  ours: Outcome | readonly Outcome[],
  ...alsoSafe: readonly Outcome[]
): Entry {
  return { id, means, source, moves, ours: 'gets' in ours ? [ours] : ours, alsoSafe };
}

/** Others may do this as well. */
export function also(one: Entry, ...alsoSafe: readonly Outcome[]): Entry {
  return { ...one, alsoSafe: [...one.alsoSafe, ...alsoSafe] };
}

/** An entry of HTTP/1.0, which others may hand on as HTTP/1.0 (that they should not has an entry of its own). */
export function old(one: Entry): Entry {
  return also(one, ...[...one.ours, ...one.alsoSafe].map(withOldLines));
}

function withOldLines(outcome: Outcome): Outcome {
  return { ...outcome, sees: outcome.sees.map((sees) => ({ ...sees, line: oldLines(sees.line) })) };
}

function oldLines(line: OneOf): OneOf {
  if (line instanceof RegExp) return line;
  return (typeof line === 'string' ? [line] : line).map((one) => one.replace('HTTP/1.1', 'HTTP/1.0'));
}

export function asking(methods: readonly string[], one: Entry): Entry {
  return { ...one, methods };
}
