// gRPC-Web (envoy.filters.http.grpc_web): browsers cannot read trailers, and some of their ways to send cannot
// carry bytes. A call of theirs becomes one of gRPC; its trailers come back as a last frame of the body, and in
// the text form all of it is base64 (github.com/grpc/grpc, doc/PROTOCOL-WEB.md).

import { FLAG } from '../errors.ts';
import { type Exchange, field, type HeaderList, removeField, setField } from '../exchange.ts';
import type { Filter, LocalReply, Verdict } from './filter.ts';

const WEB = 'application/grpc-web';
const TEXT = 'application/grpc-web-text';
/** Of a frame that holds trailers. */
const TRAILERS = 0x80;
const PREFIX_BYTES = 5;
const EMPTY = Buffer.alloc(0);

/** What is known of a call. */
interface Call {
  readonly textRequest: boolean;
  readonly textAnswer: boolean;
  /** `+proto` and the like, which both forms have. */
  readonly suffix: string;
  /** Characters of base64 that make no whole group yet. */
  rest: string;
  /** The answer is one of gRPC. */
  answered: boolean;
}

const BAD_TEXT: LocalReply = {
  status: 400,
  body: 'Bad gRPC-web request, invalid base64 data.',
  details: 'grpc_base_64_decode_failed',
  flag: FLAG.DPE,
  headers: [],
};

export function grpcWebFilter(name: string): Filter {
  const calls = new WeakMap<Exchange, Call>();
  return {
    name,
    onRequest(x): Verdict {
      const call = begin(x);
      if (call !== null) calls.set(x, call);
      return null;
    },
    onRequestData(x, chunk, end) {
      const call = calls.get(x);
      return call?.textRequest === true ? decode(call, chunk, end) : chunk;
    },
    onResponse(x) {
      const call = calls.get(x);
      if (call !== undefined) answer(x, call);
    },
    onResponseData(x, chunk) {
      const call = calls.get(x);
      return call?.answered === true && call.textAnswer ? toText(chunk) : chunk;
    },
    onResponseTrailers(x, trailers) {
      const call = calls.get(x);
      if (call?.answered !== true) return null;
      const frame = trailersFrame(trailers);
      return call.textAnswer ? toText(frame) : frame;
    },
  };
}

/** Makes the head one of gRPC; null where it is none of gRPC-Web. */
function begin({ request }: Exchange): Call | null {
  const type = (field(request.headers, 'content-type') ?? '').toLowerCase();
  const suffix = suffixOf(type);
  if (suffix === null) return null;
  setField(request.headers, 'content-type', `application/grpc${suffix}`);
  setField(request.headers, 'te', 'trailers');
  setField(request.headers, 'grpc-accept-encoding', 'identity,deflate,gzip');
  const textRequest = type.startsWith(TEXT);
  if (textRequest) removeField(request.headers, 'content-length');
  const textAnswer = (field(request.headers, 'accept') ?? '').toLowerCase().includes(TEXT);
  return { textRequest, textAnswer, suffix, rest: '', answered: false };
}

/** `+proto` of `application/grpc-web-text+proto`; null: another type. */
function suffixOf(type: string): string | null {
  const base = type.startsWith(TEXT) ? TEXT : WEB;
  if (!type.startsWith(base)) return null;
  const suffix = type.slice(base.length);
  return suffix === '' || suffix.startsWith('+') ? suffix : null;
}

const GROUP = 4;
const BASE64 = /^(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)*$/;

/** Each message of a stream may end with padding of its own: groups are decoded one by one. */
function decode(call: Call, chunk: Buffer, end: boolean): Buffer | LocalReply {
  const text = call.rest + chunk.toString('latin1');
  const whole = text.length - (text.length % GROUP);
  call.rest = text.slice(whole);
  const groups = text.slice(0, whole);
  if ((end && call.rest !== '') || !BASE64.test(groups)) return BAD_TEXT;
  const parts = groups.split(/(?<==)(?!=)/).map((part) => Buffer.from(part, 'base64'));
  return parts.length === 0 ? EMPTY : Buffer.concat(parts);
}

function answer(x: Exchange, call: Call): void {
  const head = x.response;
  if (head === null || !(field(head.headers, 'content-type') ?? '').startsWith('application/grpc')) return;
  call.answered = true;
  removeField(head.headers, 'content-length');
  setField(head.headers, 'content-type', `${call.textAnswer ? TEXT : WEB}${call.suffix}`);
}

function toText(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString('base64'), 'latin1');
}

/** Lines as in a head of HTTP/1.1, names in lower case. */
function trailersFrame(trailers: HeaderList): Buffer {
  let lines = '';
  for (let i = 0; i < trailers.length; i += 2) lines += `${trailers[i]}:${trailers[i + 1]}\r\n`;
  const body = Buffer.from(lines, 'latin1');
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix[0] = TRAILERS;
  prefix.writeUInt32BE(body.length, 1);
  return Buffer.concat([prefix, body]);
}
