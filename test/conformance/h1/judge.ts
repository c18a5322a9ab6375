// Compares what both ends saw of an entry with what they may see. Pure.

import type { GotAnswer } from './client.ts';
import type { AnswerShape, Gets, OneOf, Outcome, Sees } from './entry.ts';
import { joined } from './head-reader.ts';
import type { SeenRequest } from './origin.ts';
import { isEchoOf, type Witness } from './play.ts';

export interface Judge {
  /**
   * Whether a refusal has to be as we give it (the status, an announced end), or may be any 4xx, 5xx or
   * close without an answer. What the origin may see is the same for everybody.
   */
  readonly strict: boolean;
}

/** null: it is one of the outcomes; otherwise what differs from each. */
export function judge(saw: Witness, outcomes: readonly Outcome[], { strict }: Judge): string | null {
  const always = alwaysWrong(saw);
  if (always !== null) return always;
  const possible = strict ? outcomes : outcomes.flatMap(lenient);
  const differences: string[] = [];
  for (const outcome of possible) {
    const difference = differsFrom(saw, outcome, strict);
    if (difference === null) return null;
    if (!differences.includes(difference)) differences.push(difference);
  }
  return differences.join('; or ');
}

/** Others may also close where we answer, close where we stay, and keep to themselves whom they keep. */
function lenient(outcome: Outcome): readonly Outcome[] {
  const eased: Outcome = { ...outcome, after: refuses(outcome) || outcome.after === 'open' ? 'either' : outcome.after };
  const free: Outcome = outcome.pooled === 'must' ? without(eased) : eased;
  return refuses(outcome) ? [free, { ...free, gets: free.gets.slice(0, -1), after: 'closed' }] : [free];
}

function without({ pooled: _, ...rest }: Outcome): Outcome {
  return rest;
}

function refuses({ gets }: Outcome): boolean {
  return gets.at(-1)?.kind === 'refusal';
}

/** What no outcome excuses. */
function alwaysWrong(saw: Witness): string | null {
  if (saw.faults.length > 0) return saw.faults.join('; ');
  if (saw.stray !== '') return `the client got bytes that are no answer: ${quoted(saw.stray)}`;
  if (!saw.next.answered) return 'the next request, on a new connection, did not get its own answer';
  if (saw.endless) return 'the client was left waiting for the end of an answer';
  if (saw.hanging) return 'the origin was left waiting for the rest of a request';
  return null;
}

function differsFrom(saw: Witness, outcome: Outcome, strict: boolean): string | null {
  return (
    originDiffers(saw, outcome) ??
    clientDiffers(saw, outcome, strict) ??
    followDiffers(saw, outcome) ??
    poolDiffers(saw, outcome)
  );
}

function originDiffers(saw: Witness, { sees, unfinished }: Outcome): string | null {
  const whole = ownRequests(saw).filter(({ body }) => body.done);
  if (whole.length !== sees.length)
    return `whole requests at the origin: ${whole.length}, not ${sees.length} ${heads(whole)}`;
  if (saw.unfinished && unfinished !== true) return 'the origin saw the beginning of a request';
  return first(sees.map((wanted, i) => requestDiffers(whole[i] as SeenRequest, wanted)));
}

/** Of a request that may be sent again (RFC 9110 9.2.2) only the last try counts. */
function ownRequests({ requests }: Witness): readonly SeenRequest[] {
  const own = requests.filter(({ canary }) => !canary);
  return own.filter(({ head }, i) => !(own[i + 1]?.again === true && REPEATABLE.test(head.line)));
}

const REPEATABLE = /^(?:GET|HEAD|OPTIONS|TRACE) /;

function heads(requests: readonly SeenRequest[]): string {
  return requests.map(({ text }) => quoted(text)).join(' ');
}

function requestDiffers({ text, head, body, tunnel }: SeenRequest, wanted: Sees): string | null {
  if (!among(head.line, wanted.line)) return `the origin saw ${quoted(head.line)}`;
  const host = joined(head.fields, 'host') ?? '';
  if (wanted.host !== undefined && !among(host, wanted.host)) return `the origin saw Host ${quoted(host)}`;
  if (body.body !== (wanted.body ?? '')) return `the origin saw the body ${quoted(body.body)}`;
  if (tunnel !== (wanted.tunnel ?? '')) return `the origin saw ${quoted(tunnel)} through the tunnel`;
  const whole = `${text}\r\n${[...body.trailers].map(([name, values]) => `${name}: ${values.join(',')}`).join('\r\n')}`;
  const names = new Map([...body.trailers, ...head.fields]);
  return fieldsDiffer('the origin', names, whole, wanted);
}

function fieldsDiffer(
  who: string,
  found: ReadonlyMap<string, readonly string[]>,
  text: string,
  { fields = {}, lacks = [], without: texts = [] }: Pick<Sees, 'fields' | 'lacks' | 'without'>,
): string | null {
  for (const [name, value] of Object.entries(fields)) {
    if (!among(joined(found, name), value)) return `${who} saw ${name}: ${quoted(joined(found, name) ?? 'nothing')}`;
  }
  const there = lacks.find((name) => found.has(name));
  if (there !== undefined) return `${who} saw ${there}: ${quoted(joined(found, there) ?? '')}`;
  const text0 = texts.find((one) => text.toLowerCase().includes(one.toLowerCase()));
  return text0 === undefined ? null : `${who} saw ${quoted(text0)}`;
}

function clientDiffers(saw: Witness, { gets, after }: Outcome, strict: boolean): string | null {
  const sent = ownRequests(saw).filter(({ body }) => body.done);
  const differences = gets.map((wanted, i) => {
    if (wanted.kind === 'abort') return abortDiffers(saw, wanted, i);
    const answer = saw.answers[i];
    if (answer === undefined) return `the client got ${describe(saw)}`;
    if (wanted.kind === 'echo') return echoDiffers(answer, sent[placeOf(gets, i)], wanted.interim ?? []);
    if (wanted.kind === 'answer') return answerDiffers(answer, wanted, saw.tunnel);
    return refusalDiffers(answer, wanted, strict, after === 'closed');
  });
  return first(differences);
}

/** Which of the requests at the origin an answer is for: what the proxy answered by itself is not among them. */
function placeOf(gets: readonly Gets[], at: number): number {
  return gets.slice(0, at).filter(({ kind }) => kind !== 'refusal').length;
}

function echoDiffers(answer: GotAnswer, request: SeenRequest | undefined, interim: readonly number[]): string | null {
  if (request === undefined || !isEchoOf(answer, request)) return `the client got ${quoted(answer.text)}`;
  return interimDiffers(answer, interim);
}

function interimDiffers(
  { interim }: { readonly interim: readonly number[] },
  wanted: readonly number[],
): string | null {
  return interim.join() === wanted.join() ? null : `the client got the interim answers [${interim.join()}]`;
}

function answerDiffers(answer: GotAnswer, wanted: AnswerShape, tunnel: string | null): string | null {
  if (answer.status !== wanted.status) return `the client got ${quoted(answer.text)}`;
  if (answer.body.body !== (wanted.body ?? '')) return `the client got the body ${quoted(answer.body.body)}`;
  if ((tunnel ?? '') !== (wanted.tunnel ?? '')) return `the client got ${quoted(tunnel ?? '')} through the tunnel`;
  return interimDiffers(answer, wanted.interim ?? []) ?? shapeDiffers(answer, wanted);
}

function shapeDiffers({ head, body, text }: GotAnswer, wanted: AnswerShape): string | null {
  const names = new Map([...body.trailers, ...head.fields]);
  const trailers = [...body.trailers].map(([name, values]) => `${name}: ${values.join(',')}`).join('\r\n');
  return fieldsDiffer('the client', names, `${text}\r\n${trailers}`, wanted);
}

function abortDiffers(saw: Witness, wanted: AnswerShape, at: number): string | null {
  if (saw.answers.length > at) return `the client got a whole answer: ${quoted(saw.answers[at]?.text ?? '')}`;
  if (saw.end === 'open') return 'the client was left waiting';
  if (saw.open === null) return null;
  if (saw.open.status !== wanted.status) return `the client got ${quoted(saw.open.text)}`;
  if ((wanted.body ?? '').startsWith(saw.open.body.body)) return shapeDiffers(saw.open, wanted);
  return `the client got the body ${quoted(saw.open.body.body)}`;
}

function refusalDiffers(
  answer: GotAnswer,
  { statuses }: { readonly statuses: readonly number[] },
  strict: boolean,
  last: boolean,
): string | null {
  const { status, head } = answer;
  const own = !head.fields.has('x-seen');
  const right = strict ? statuses.includes(status) : statuses.includes(status) || (status >= 400 && status < 600);
  if (!own || !right) return `the client got ${quoted(answer.text)}`;
  return strict && last && !answer.last ? 'the refusal does not announce the end of the connection' : null;
}

/** The request that followed on the same connection: answered as its own, or not served at all. */
function followDiffers(saw: Witness, { gets, after }: Outcome): string | null {
  if (after === 'waits') return saw.answers.length === gets.length ? null : `the client got ${describe(saw)}`;
  const wanted = gets.filter(({ kind }) => kind !== 'abort').length;
  const more = saw.answers.slice(wanted);
  const seen = saw.requests.filter(({ canary }) => canary);
  if (more.length > 1 || seen.length > 1) return `the client got ${describe(saw)}`;
  const [answer] = more;
  const [request] = seen;
  if (answer === undefined && request === undefined) return missing(saw, after);
  if (!saw.followed) return `the client got one answer too many: ${describe(saw)}`;
  if (after === 'closed') return 'the connection was used again';
  if (request === undefined || !isEchoOf(answer, request))
    return `the next request on the connection: ${describe(saw)}`;
  return null;
}

function missing(saw: Witness, after: Outcome['after']): string | null {
  if (after === 'open' && saw.followed) return 'the next request on the connection was not answered';
  const over = saw.end !== 'open' || saw.answers.at(-1)?.last === true;
  if (after === 'closed' && !over) return 'the connection stays open';
  return saw.followed && !over ? 'the next request on the connection was swallowed' : null;
}

function poolDiffers({ next, requests }: Witness, { pooled }: Outcome): string | null {
  if (requests.length === 0 || pooled === undefined) return null;
  if (pooled === 'never' && next.samePool) return 'the connection to the origin was used again';
  return pooled === 'must' && !next.samePool ? 'the connection to the origin was not used again' : null;
}

function describe(saw: Witness): string {
  const answers = saw.answers.map(({ text, body }) => quoted(`${text} | ${body.body}`));
  const open = saw.open === null ? [] : [`the beginning of ${quoted(saw.open.text)}`];
  const interim = saw.interim.length === 0 ? [] : [`interim ${saw.interim.join()}`];
  const got = [...answers, ...interim, ...open].join(', ') || 'nothing';
  return saw.end === 'open' ? `${got}, and waits` : `${got}, and a ${saw.end}`;
}

function among(value: string | null, wanted: OneOf): boolean {
  if (value === null) return false;
  if (wanted instanceof RegExp) return wanted.test(value);
  return typeof wanted === 'string' ? value === wanted : wanted.includes(value);
}

function first(differences: readonly (string | null)[]): string | null {
  return differences.find((one) => one !== null) ?? null;
}

const MOST_QUOTED = 300;

function quoted(text: string): string {
  return JSON.stringify(text.length > MOST_QUOTED ? `${text.slice(0, MOST_QUOTED)}...` : text);
}
