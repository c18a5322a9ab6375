// What an answer gets on its way down: the route's header changes, how long the upstream took, our name
// and the date. Both for answers of upstreams and for our own.

import type { LocalReply } from '../filters/filter.ts';
import { field, fields, type HeaderList, type ResponseHead, removeField, setField } from '../http/head.ts';
import type { MappedAnswer } from '../telemetry/local-reply.ts';
import { applyAdds, applyMutations, type Mutations } from './mutate.ts';
import { grpcCode, grpcHeaders, wantsGrpc } from './reply.ts';
import type { Serving } from './serve.ts';

const NO_BODY = Buffer.alloc(0);

/** Changes the head of an upstream's answer in place. `timed`: the request was complete before it. */
export function answerHead(serving: Serving, head: ResponseHead, timed: boolean): void {
  const { x, hcm } = serving;
  x.responseCodeDetails = 'via_upstream';
  const suppress = serving.answeredBy?.plan.suppressEnvoyHeaders === true;
  if (timed && !suppress) {
    const took = Math.round(hcm.clock.turn() - x.requestEndMs);
    setField(head.headers, 'x-envoy-upstream-service-time', String(took));
  }
  if (serving.route?.host.host.includeAttemptCountInResponse) {
    setField(head.headers, 'x-envoy-attempt-count', String(x.attemptCount));
  }
  applyMutations(serving.mutations.response, head.headers, x);
  finishHeaders(serving, head.headers);
}

/** The head and body of an answer of our own, after the configured mapping of local replies. */
export function localReplyHead(
  serving: Serving,
  reply: LocalReply,
  changes: Mutations['response'],
): { readonly head: ResponseHead; readonly body: Buffer } {
  const { x } = serving;
  x.localReplyBody = reply.body;
  // What could not be understood may be out of step with us: Envoy ends the connection after any 400 of ours.
  const close = reply.close === true || reply.status === 400;
  const headers: HeaderList = reply.headers.slice();
  applyMutations(changes, headers, x);
  const mapped = mapReply(serving, reply, headers);
  x.localReplyBody = '';
  if (x.hasRequest && wantsGrpc(x.request)) {
    headers.push(...grpcHeaders(reply.grpcStatus ?? grpcCode(mapped.status), mapped.body));
    finishHeaders(serving, headers);
    return { head: { status: 200, headers, version: 11, wireBytes: 0, close }, body: NO_BODY };
  }
  const body = Buffer.from(mapped.body, 'latin1');
  describeBody(headers, body, mapped.contentType);
  finishHeaders(serving, headers);
  return { head: { status: mapped.status, headers, version: 11, wireBytes: 0, close }, body };
}

/** Length and type; an answer without a body has neither here, the codec says what framing needs. */
function describeBody(headers: HeaderList, body: Buffer, contentType: string | null): void {
  removeField(headers, 'content-length');
  if (body.length === 0) {
    removeField(headers, 'content-type');
    return;
  }
  headers.push('content-length', String(body.length));
  if (contentType !== null || field(headers, 'content-type') === null) {
    setField(headers, 'content-type', contentType ?? 'text/plain');
  }
}

/** The operator's own form of our answers, where there is one; its headers are added to ours. */
function mapReply(
  { x, hcm }: Serving,
  reply: LocalReply,
  headers: HeaderList,
): Pick<MappedAnswer, 'status' | 'body' | 'contentType'> {
  if (hcm.localReply === null) return { status: reply.status, body: reply.body, contentType: null };
  const mapped = hcm.localReply(reply, (answer) => {
    x.response = { status: answer.status, headers, version: 11, wireBytes: 0 };
    x.localReplyBody = answer.body;
    return x;
  });
  const adds = mapped.headers.map(({ name, value, action, keepEmpty }) => ({
    name,
    value: () => value,
    action,
    keepEmpty,
  }));
  applyAdds(adds, headers, x);
  return mapped;
}

function finishHeaders(serving: Serving, headers: HeaderList): void {
  const { config, clock } = serving.hcm;
  if (config.serverHeader === 'overwrite') setField(headers, 'server', config.serverName);
  else if (config.serverHeader === 'append-if-absent' && field(headers, 'server') === null)
    headers.push('server', config.serverName);
  if (field(headers, 'date') === null) headers.push('date', httpDate(clock.turnWall()));
  if (config.via !== '') setField(headers, 'via', [...fields(headers, 'via'), config.via].join(', '));
  if (config.alwaysSetRequestIdInResponse) returnRequestId(serving, headers);
}

function returnRequestId({ x }: Serving, headers: HeaderList): void {
  const id = x.requestId;
  if (id !== null) setField(headers, 'x-request-id', id);
}

let dateSecond = 0;
let dateText = '';

/** IMF-fixdate, made once a second. */
function httpDate(wallMs: number): string {
  const second = Math.floor(wallMs / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(second * 1000).toUTCString();
  }
  return dateText;
}
