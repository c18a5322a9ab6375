// The strict parser of Node, as an oracle: llhttp as WebAssembly, which undici brings along. Chosen over
// node:http because it can be fed in one call without sockets or turns of the event loop (some microseconds
// a message), says after every message at which byte it stands, and has each leniency off by default; it is
// the parser of the same release line that node:http runs natively.

import { createRequire } from 'node:module';

export type Kind = 'request' | 'response';

/** One message as llhttp saw it. Texts are latin1. */
export interface OracleMessage {
  method: string;
  /** The target of a request as sent. */
  target: string;
  status: number;
  /** 10 or 11. */
  version: number;
  /** name, value, name, value: as sent. */
  readonly fields: string[];
  body: string;
  readonly trailers: string[];
  headComplete: boolean;
  complete: boolean;
  /** The offset after the message, where it is complete. */
  end: number;
}

export interface OracleResult {
  readonly messages: readonly OracleMessage[];
  /** Name of the error that ended parsing, or null; and the offset at which it was found. */
  readonly error: string | null;
  readonly errorAt: number;
  /** Offset at which another protocol may begin, or -1; read on as HTTP, as if it had been declined. */
  readonly upgradeAt: number;
  /** Whether the end of the input may be the end of the connection. */
  readonly mayEnd: boolean;
}

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly _initialize: () => void;
  readonly malloc: (size: number) => number;
  readonly free: (at: number) => void;
  readonly llhttp_alloc: (type: number) => number;
  readonly llhttp_reset: (parser: number) => void;
  readonly llhttp_execute: (parser: number, at: number, length: number) => number;
  readonly llhttp_finish: (parser: number) => number;
  readonly llhttp_resume: (parser: number) => void;
  readonly llhttp_resume_after_upgrade: (parser: number) => void;
  readonly llhttp_get_error_pos: (parser: number) => number;
  readonly llhttp_get_method: (parser: number) => number;
  readonly llhttp_get_http_major: (parser: number) => number;
  readonly llhttp_get_http_minor: (parser: number) => number;
}

interface Constants {
  readonly ERROR: Readonly<Record<string, number>>;
  readonly METHODS: Readonly<Record<string, number>>;
}

const require = createRequire(import.meta.url);
const constants = require('undici/lib/llhttp/constants.js') as Constants;
const ERROR_NAMES = new Map(Object.entries(constants.ERROR).map(([name, code]) => [code, name]));
/** The methods that llhttp knows; it takes no others. */
export const KNOWN_METHODS: ReadonlySet<string> = new Set(Object.keys(constants.METHODS));
const METHOD_NAMES = new Map(Object.entries(constants.METHODS).map(([name, code]) => [code, name]));

const OK = 0;
const PAUSED = 21;
const PAUSED_UPGRADE = 22;
/** Answer of `on_headers_complete` for a message that has no body whatever its head says. */
const SKIP_BODY = 1;
const TYPES = { request: 1, response: 2 } as const;

/** What is being parsed now. */
let input = '';
let inputAt = 0;
let messages: OracleMessage[] = [];
let current: OracleMessage | null = null;
let afterValue = true;
let upgradeAt = -1;
let bodiless: (status: number) => boolean = () => false;

/** Part of the language's environment, not of the types at hand. */
const { WebAssembly } = globalThis as unknown as {
  readonly WebAssembly: {
    readonly Module: new (bytes: Buffer) => object;
    readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
  };
};

const wasm = new WebAssembly.Instance(
  new WebAssembly.Module(require('undici/lib/llhttp/llhttp_simd-wasm.js') as Buffer),
  {
    env: {
      wasm_on_message_begin: () => onBegin(),
      wasm_on_url: (_: number, at: number, length: number) => onUrl(text(at, length)),
      wasm_on_status: () => OK,
      wasm_on_header_field: (_: number, at: number, length: number) => onField(text(at, length)),
      wasm_on_header_value: (_: number, at: number, length: number) => onValue(text(at, length)),
      wasm_on_headers_complete: (parser: number, status: number) => onHeadComplete(parser, status),
      wasm_on_body: (_: number, at: number, length: number) => onBody(text(at, length)),
      wasm_on_message_complete: () => onComplete(),
    },
  },
).exports as Exports;
wasm._initialize();

const parsers = { request: wasm.llhttp_alloc(TYPES.request), response: wasm.llhttp_alloc(TYPES.response) };
let roomAt = 0;
let room = 0;

/** Parses all of `bytes`. `skips` says of an answer's status that no body follows (the request was HEAD). */
export function parseStrictly(
  kind: Kind,
  bytes: Buffer,
  skips: (status: number) => boolean = () => false,
): OracleResult {
  const parser = parsers[kind];
  wasm.llhttp_reset(parser);
  input = bytes.toString('latin1');
  inputAt = load(bytes);
  messages = [];
  current = null;
  bodiless = skips;
  upgradeAt = -1;
  const code = execute(parser, bytes.length);
  const error = code === OK ? null : (ERROR_NAMES.get(code) ?? String(code));
  const errorAt = error === null ? -1 : wasm.llhttp_get_error_pos(parser) - inputAt;
  const mayEnd = code === OK && isFinished(parser);
  return { messages, error, errorAt, upgradeAt, mayEnd };
}

/** A message that the end of the connection ends is completed by it; the pause after it is none. */
function isFinished(parser: number): boolean {
  const code = wasm.llhttp_finish(parser);
  return code === OK || code === PAUSED;
}

/** Puts the bytes where the parser can read them. */
function load(bytes: Buffer): number {
  if (bytes.length > room) {
    if (room > 0) wasm.free(roomAt);
    room = Math.max(bytes.length, 16 * 1024);
    roomAt = wasm.malloc(room);
  }
  new Uint8Array(wasm.memory.buffer, roomAt, bytes.length).set(bytes);
  return roomAt;
}

/** The parser pauses after every message, so that it can be asked where it stands. */
function execute(parser: number, length: number): number {
  let at = 0;
  for (;;) {
    const code = wasm.llhttp_execute(parser, inputAt + at, length - at);
    if (code !== PAUSED && code !== PAUSED_UPGRADE) return code;
    at = wasm.llhttp_get_error_pos(parser) - inputAt;
    (messages.at(-1) as OracleMessage).end = at;
    if (code === PAUSED) wasm.llhttp_resume(parser);
    else {
      if (upgradeAt === -1) upgradeAt = at;
      wasm.llhttp_resume_after_upgrade(parser);
    }
  }
}

function text(at: number, length: number): string {
  return input.slice(at - inputAt, at - inputAt + length);
}

function onBegin(): number {
  current = {
    method: '',
    target: '',
    status: 0,
    version: 0,
    fields: [],
    body: '',
    trailers: [],
    headComplete: false,
    complete: false,
    end: -1,
  };
  messages.push(current);
  afterValue = true;
  return OK;
}

function message(): OracleMessage {
  return current as OracleMessage;
}

function onUrl(piece: string): number {
  message().target += piece;
  return OK;
}

/** A name or a value may come in several pieces. */
function onField(piece: string): number {
  const { fields, trailers, headComplete } = message();
  const list = headComplete ? trailers : fields;
  if (afterValue) list.push(piece, '');
  else list[list.length - 2] += piece;
  afterValue = false;
  return OK;
}

function onValue(piece: string): number {
  const { fields, trailers, headComplete } = message();
  const list = headComplete ? trailers : fields;
  list[list.length - 1] += piece;
  afterValue = true;
  return OK;
}

function onHeadComplete(parser: number, status: number): number {
  const here = message();
  here.headComplete = true;
  here.status = status;
  here.method = METHOD_NAMES.get(wasm.llhttp_get_method(parser)) ?? '';
  here.version = wasm.llhttp_get_http_major(parser) * 10 + wasm.llhttp_get_http_minor(parser);
  afterValue = true;
  return bodiless(status) ? SKIP_BODY : OK;
}

function onBody(piece: string): number {
  message().body += piece;
  return OK;
}

function onComplete(): number {
  message().complete = true;
  return PAUSED;
}
