// Requests as we read them against llhttp: nothing taken that it refuses, the same bodies, and the next
// message at the same byte.

import { Violation } from '../target.ts';
import type { RequestHead } from './codec.ts';
import { checkFields, checkTrailers } from './fields.ts';
import type { OracleMessage, OracleResult } from './llhttp.ts';
import type { Recorder } from './recorder.ts';
import type { Served } from './serving.ts';
import { allowance, knowsMethod } from './strictness.ts';

type Request = Recorder<RequestHead>;

/** `droppedUnderscores`: names with an underscore were dropped by configuration. */
export function checkRequests(
  served: Served,
  oracle: OracleResult,
  input: Buffer,
  options: { readonly droppedUnderscores: boolean; readonly upgrades: boolean },
): void {
  const taken = served.requests.filter((request) => request.head !== null);
  for (const [i, ours] of taken.entries()) {
    const theirs = oracle.messages[i];
    const head = ours.head as RequestHead;
    if (theirs === undefined || !theirs.headComplete) {
      if (!knowsMethod(head.method) || allowance(oracle, input) !== null) return;
      throw new Violation(`taken by us, refused by llhttp: ${oracle.error}`, describe(head));
    }
    checkHead(head, theirs);
    checkFields(head.headers, theirs.fields, options.droppedUnderscores);
    checkConnect(head, theirs);
    if (head.upgrade !== null && options.upgrades) {
      checkTunnel(ours, input.toString('latin1', theirs.end));
      return;
    }
    if (!checkBody(ours, theirs, oracle, input)) return;
    checkLength(ours.received, theirs.end - (oracle.messages[i - 1]?.end ?? 0));
  }
  if (served.open) checkCount(taken, oracle);
}

function describe(head: RequestHead): string {
  return JSON.stringify(`${head.method} ${head.path} ${head.headers.join(' ')}`);
}

function checkHead(head: RequestHead, theirs: OracleMessage): void {
  if (head.method !== theirs.method) throw new Violation('another method than llhttp', theirs.method);
  if (head.version !== theirs.version) throw new Violation('another version than llhttp', `${theirs.version}`);
  if (!isTarget(head, theirs)) throw new Violation('another target than llhttp', `${describe(head)} ${theirs.target}`);
}

function isTarget({ method, path, authority }: RequestHead, { target, fields }: OracleMessage): boolean {
  if (method === 'CONNECT') return path === '' && (target === authority || missesHost(authority, fields));
  if (target.startsWith('/') || target === '*') return path === target && authority === hostOf(fields);
  const [, host = '', rest = ''] = /^[A-Za-z]+:\/\/([^/?]*)(.*)$/.exec(target) ?? [];
  return path === (rest.startsWith('/') ? rest : `/${rest}`) && (authority === host || missesHost(authority, fields));
}

/** HTTP/1.1 without a Host names nobody, whatever its target says, and is refused above the codec. */
function missesHost(authority: string, fields: readonly string[]): boolean {
  return authority === '' && hostOf(fields) === '';
}

function hostOf(fields: readonly string[]): string {
  const at = fields.findIndex((text, i) => i % 2 === 0 && text.toLowerCase() === 'host');
  return at === -1 ? '' : (fields[at + 1] as string).replace(/^[ \t]+|[ \t]+$/g, '');
}

function checkTunnel(ours: Request, rest: string): void {
  if (ours.body !== rest) throw new Violation('other bytes in a tunnel than were sent');
}

/** CONNECT has no content (RFC 9110 9.3.6): what follows its head is the tunnel's for llhttp, whatever it says. */
function checkConnect({ method }: RequestHead, { fields }: OracleMessage): void {
  const framed = /^(?:transfer-encoding|content-length)$/i;
  const at = fields.findIndex((text, i) => i % 2 === 0 && framed.test(text));
  if (method === 'CONNECT' && at !== -1 && fields[at + 1] !== '0') throw new Violation('CONNECT taken with a body');
}

/** Whether both came to the end of the message. */
function checkBody(ours: Request, theirs: OracleMessage, oracle: OracleResult, input: Buffer): boolean {
  if (ours.ended) {
    if (!theirs.complete) {
      if (allowance(oracle, input) !== null) return false;
      throw new Violation(`ended by us, not by llhttp: ${oracle.error ?? 'it waits for more'}`);
    }
    if (ours.body !== theirs.body) throw new Violation('another body than llhttp');
    if (ours.trailers !== null) checkTrailers(ours.trailers, theirs.trailers);
    return true;
  }
  if (!theirs.body.startsWith(ours.body) && !ours.body.startsWith(theirs.body))
    throw new Violation('the beginning of another body than llhttp');
  return false;
}

/** An empty line before a request belongs to none. */
function checkLength(received: number, length: number): void {
  if (received !== length && received !== length - 2)
    throw new Violation('other bytes counted than a request had', `${received}, not ${length}`);
}

/** HTTP/0.9, which llhttp takes and nobody else should (RFC 9112 2.3). */
const OLDEST_VERSION = 10;

/** Where the connection goes on, neither may have seen more than the other. */
function checkCount(taken: readonly Request[], oracle: OracleResult): void {
  const theirs = oracle.messages.filter(({ headComplete, version }) => headComplete && version >= OLDEST_VERSION);
  if (theirs.length > taken.length) throw new Violation('fewer requests than llhttp, on a connection that goes on');
  const last = taken.at(-1);
  if (last !== undefined && !last.ended && theirs.at(-1)?.complete === true && oracle.error === null)
    throw new Violation('waits for more of a body that is complete for llhttp');
}
