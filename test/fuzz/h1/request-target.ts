// The target h1-request: bytes of a client through Http1Server.

import { Random } from '../random.ts';
import type { Effort, Target } from '../target.ts';
import { Violation } from '../target.ts';
import { SERVER_OPTIONS } from './codec.ts';
import { everyCut, manyCuts, someCuts } from './cuts.ts';
import { checkForwardedRequest, isForwarded } from './forwarding.ts';
import { type OracleResult, parseStrictly } from './llhttp.ts';
import { checkRequests } from './request-agreement.ts';
import { generateRequests } from './request-inputs.ts';
import { checkSameServed, type Served, type ServingOptions, serve } from './serving.ts';
import { isForOracle } from './strictness.ts';

const ENDLESS = Number.POSITIVE_INFINITY;
const OPEN = { ...SERVER_OPTIONS, acceptHttp10: true, customMethods: true, enableTrailers: true } as const;
const NARROW = { ...OPEN, maxHeadersCount: 6, maxHeadersBytes: 200, underscores: 'reject' } as const;
const DROPPING = { ...OPEN, underscores: 'drop', headerCase: 'proper-case' } as const;

/** Options as they are by default, all switched on, and with narrow limits; answers at every moment. */
const VARIANTS: readonly ServingOptions[] = [
  { codec: SERVER_OPTIONS, manner: 'at its end', upgrades: false, room: ENDLESS },
  { codec: SERVER_OPTIONS, manner: 'next turn', upgrades: false, room: 1 },
  { codec: OPEN, manner: 'late', upgrades: false, room: ENDLESS },
  { codec: NARROW, manner: 'at its end', upgrades: false, room: ENDLESS },
  { codec: DROPPING, manner: 'at its head', upgrades: false, room: 40 },
  { codec: { ...OPEN, maxRequests: 2 }, manner: 'at its end', upgrades: true, room: ENDLESS },
];

export const h1Request: Target = {
  name: 'h1-request',
  extension: 'http',
  variants: VARIANTS.length,
  msPerKib: 4,
  generate: generateRequests,
  run,
};

function run(input: Buffer, variant: number, effort: Effort): string {
  const options = VARIANTS[variant] as ServingOptions;
  const whole = serve([input], options);
  const cuts = someCuts(input, new Random(input.length, variant));
  checkSameServed(whole, serve(cuts, options), 'in pieces');
  if (effort !== 'quick') checkSameServed(whole, serve(manyCuts(input), options), 'everywhere');
  if (effort === 'full')
    for (const pieces of everyCut(input)) checkSameServed(whole, serve(pieces, options), 'somewhere');
  const oracle = parseStrictly('request', input);
  const droppedUnderscores = options.codec.underscores === 'drop';
  if (isForOracle(input)) checkRequests(whole, oracle, input, { droppedUnderscores, upgrades: options.upgrades });
  checkForwarding(whole, oracle, options);
  checkAnswers(whole);
  return outcome(whole);
}

function checkForwarding(served: Served, oracle: OracleResult, { codec }: ServingOptions): void {
  for (const [i, request] of served.requests.entries()) {
    const known = oracle.messages[i]?.headComplete === true;
    if (isForwarded(request)) checkForwardedRequest(request, codec.headerCase, known);
  }
}

/** What we write is read by a strict client as one answer to each request. */
function checkAnswers(served: Served): void {
  if (served.requests.some((request) => request.head?.upgrade != null)) return;
  let finals = 0;
  const skips = (status: number) => status >= 200 && served.answered[finals++] === 'HEAD';
  const { error, messages } = parseStrictly('response', Buffer.from(served.written, 'latin1'), skips);
  const statuses = messages.filter(({ status, complete }) => complete && status >= 200).length;
  if (error !== null) throw new Violation(`answers that llhttp refuses: ${error}`, served.written);
  if (statuses !== served.answered.length) throw new Violation('other answers than were given', served.written);
}

function outcome({ requests, faults }: Served): string {
  const fault = faults.find((one) => one !== null);
  const taken = requests.filter(({ ended }) => ended).length;
  if (fault != null) return `refused: ${fault.reason}`;
  return taken === requests.length && taken > 0 ? 'taken' : 'waits for more';
}
