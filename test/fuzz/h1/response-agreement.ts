// Answers as we read them against llhttp: nothing taken that it refuses, the same bodies, the same end.

import { Violation } from '../target.ts';
import type { Answered } from './asking.ts';
import type { ResponseHead } from './codec.ts';
import { checkFields, checkTrailers } from './fields.ts';
import type { OracleMessage, OracleResult } from './llhttp.ts';
import type { Recorder } from './recorder.ts';
import { allowance } from './strictness.ts';

export function checkResponses(
  { answer, freed, over, received }: Answered,
  oracle: OracleResult,
  input: Buffer,
  options: { readonly droppedUnderscores: boolean; readonly expectsContinue: boolean },
): void {
  if (!checkInterim(answer.interim, oracle, input, options)) return;
  const { head } = answer;
  if (head === null) return;
  const theirs = oracle.messages.find((message) => message.headComplete && !isInterim(message.status));
  if (theirs === undefined) {
    refusedOnlyByThem(head, oracle, input);
    return;
  }
  checkHead(head, theirs, options.droppedUnderscores);
  if (head.status === 101) checkTunnel(answer, input.toString('latin1', theirs.end));
  else {
    checkBody(answer, theirs, oracle, input);
    if (!theirs.complete) return;
    const end = theirs.end === -1 ? input.length : theirs.end;
    checkRest(freed, over, end < input.length);
    if (answer.ended && received !== end)
      throw new Violation('other bytes counted than an answer had', `${received}, not ${end}`);
  }
}

function isInterim(status: number): boolean {
  return status < 200 && status !== 101;
}

/** Whether the comparison goes on. A 100 that nobody asked for is not told. */
function checkInterim(
  ours: readonly ResponseHead[],
  oracle: OracleResult,
  input: Buffer,
  options: { readonly droppedUnderscores: boolean; readonly expectsContinue: boolean },
): boolean {
  const theirs = oracle.messages.filter(
    ({ headComplete, status }) => headComplete && isInterim(status) && (status !== 100 || options.expectsContinue),
  );
  for (const [i, head] of ours.entries()) {
    const strict = theirs[i];
    if (strict !== undefined) checkHead(head, strict, options.droppedUnderscores);
    else {
      refusedOnlyByThem(head, oracle, input);
      return false;
    }
  }
  return true;
}

function refusedOnlyByThem(head: ResponseHead, oracle: OracleResult, input: Buffer): void {
  if (allowance(oracle, input) !== null) return;
  throw new Violation(`taken by us, refused by llhttp: ${oracle.error}`, `${head.status} ${head.headers.join(' ')}`);
}

function checkHead(head: ResponseHead, theirs: OracleMessage, droppedUnderscores: boolean): void {
  if (head.status !== theirs.status) throw new Violation('another status than llhttp', `${theirs.status}`);
  if (head.version !== theirs.version) throw new Violation('another version than llhttp', `${theirs.version}`);
  checkFields(head.headers, theirs.fields, droppedUnderscores);
}

function checkTunnel(answer: Recorder<ResponseHead>, rest: string): void {
  if (answer.body !== rest) throw new Violation('other bytes in a tunnel than were sent');
}

/** Never a clean end where the message is not whole. */
function checkBody(answer: Recorder<ResponseHead>, theirs: OracleMessage, oracle: OracleResult, input: Buffer): void {
  if (!answer.ended) {
    if (!theirs.body.startsWith(answer.body) && !answer.body.startsWith(theirs.body))
      throw new Violation('the beginning of another body than llhttp');
    return;
  }
  if (!theirs.complete && allowance(oracle, input) !== null) return;
  if (!theirs.complete && !oracle.mayEnd)
    throw new Violation(`ended by us, not by llhttp: ${oracle.error ?? 'it waits for more'}`);
  if (answer.body !== theirs.body) throw new Violation('another body than llhttp');
  if (answer.trailers !== null) checkTrailers(answer.trailers, theirs.trailers);
}

/** What follows an answer that leaves the connection free is uninvited, and ends it. */
function checkRest(freed: boolean, over: boolean, more: boolean): void {
  if (freed && more && !over) throw new Violation('bytes after an answer that were not noticed');
  if (freed && !more && over) throw new Violation('bytes after an answer where llhttp sees none');
}
