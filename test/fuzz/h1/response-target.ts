// The target h1-response: bytes of an upstream through Http1Client.

import { Random } from '../random.ts';
import type { Effort, Target } from '../target.ts';
import { type Answered, type AskingOptions, ask, checkSameAnswered } from './asking.ts';
import { CLIENT_OPTIONS, type RequestHead } from './codec.ts';
import { everyCut, manyCuts, someCuts } from './cuts.ts';
import { checkForwardedResponse } from './forwarding.ts';
import { parseStrictly } from './llhttp.ts';
import { checkRelayed } from './relay.ts';
import { checkResponses } from './response-agreement.ts';
import { generateResponses } from './response-inputs.ts';
import { isForOracle } from './strictness.ts';

const ENDLESS = Number.POSITIVE_INFINITY;
const TRAILERS = { ...CLIENT_OPTIONS, enableTrailers: true, headerCase: 'proper-case' } as const;
const NARROW = { ...TRAILERS, maxHeadersCount: 6, maxHeadersBytes: 200, underscores: 'reject' } as const;
const DROPPING = { ...TRAILERS, underscores: 'drop' } as const;

function request(method: string, more: Partial<RequestHead> = {}): RequestHead {
  const head = { method, path: '/', authority: 'a', scheme: 'http', version: 11, wireBytes: 0 } as const;
  return { ...head, headers: [], upgrade: null, expectsContinue: false, ...more };
}

const UPGRADE = request('GET', { headers: ['upgrade', 'websocket'], upgrade: 'websocket' });
const EXPECTS = request('POST', { headers: ['expect', '100-continue'], expectsContinue: true });

const PLAIN: AskingOptions = {
  codec: CLIENT_OPTIONS,
  request: request('GET'),
  sent: 'no body',
  queued: false,
  ends: true,
  room: ENDLESS,
  lent: true,
};

/** What was asked decides what an answer may be; half a request is still being sent when the answer comes. */
const VARIANTS: readonly AskingOptions[] = [
  PLAIN,
  { ...PLAIN, codec: TRAILERS, request: request('HEAD'), lent: false },
  { ...PLAIN, codec: TRAILERS, request: EXPECTS, sent: 'half', room: 40 },
  { ...PLAIN, codec: NARROW, request: request('PUT'), sent: 'whole', ends: false, room: 1, lent: false },
  { ...PLAIN, codec: DROPPING, request: UPGRADE },
  { ...PLAIN, queued: true },
];

/** From here on memory is lent and given back. */
const LARGE = 4096;

export const h1Response: Target = {
  name: 'h1-response',
  extension: 'http',
  variants: VARIANTS.length,
  msPerKib: 4,
  generate: generateResponses,
  run,
};

function run(input: Buffer, variant: number, effort: Effort): string {
  const options = VARIANTS[variant] as AskingOptions;
  const whole = ask([input], options);
  const pieces = someCuts(input, new Random(input.length, variant));
  const cuts = ask(pieces, options);
  const many = effort !== 'quick' ? ask(manyCuts(input), options) : cuts;
  // With a request that waits, later pieces are its answer.
  if (!options.queued) {
    checkSameAnswered(whole, cuts, 'in pieces');
    checkSameAnswered(whole, many, 'everywhere');
    if (effort === 'full') for (const two of everyCut(input)) checkSameAnswered(whole, ask(two, options), 'somewhere');
    checkStrictness(whole, input, options);
  }
  if (effort !== 'quick' || input.length > LARGE) checkRelayed(pieces, options);
  const { answer } = whole;
  if (answer.ended && answer.head?.status !== 101)
    checkForwardedResponse(answer, options.request.method, options.codec.headerCase);
  return outcome(whole);
}

function checkStrictness(whole: Answered, input: Buffer, { request, codec }: AskingOptions): void {
  if (!isForOracle(input)) return;
  const oracle = parseStrictly('response', input, (status) => status >= 200 && request.method === 'HEAD');
  const droppedUnderscores = codec.underscores === 'drop';
  checkResponses(whole, oracle, input, { droppedUnderscores, expectsContinue: request.expectsContinue });
}

function outcome({ answer, freed }: Answered): string {
  if (answer.failure !== null) return `${answer.head === null ? 'refused' : 'cut short'}: ${answer.reason}`;
  return freed ? 'taken' : 'taken, connection not kept';
}
