// Filter: a record of optional hooks, built once per route. A filter sees the Exchange, never a socket.
// `compile` makes one array per hook, or null where no filter has it; the runners are flat loops that stay
// synchronous until a hook returns a promise.

import type { Exchange, HeaderList } from '../exchange.ts';

/** An answer of our own, in place of an upstream's. */
export interface LocalReply {
  readonly status: number;
  readonly body: string;
  readonly details: string;
  readonly flag: number;
  /** Further headers, flat. */
  readonly headers: string[];
  /** What gRPC clients are told where it is not what the status stands for. */
  readonly grpcStatus?: number;
  /** The connection ends with this answer. */
  readonly close?: boolean;
}

/** null: go on. */
export type Verdict = LocalReply | null;

export interface Filter {
  readonly name: string;
  onRequest?(x: Exchange): Verdict | Promise<Verdict>;
  /** An answer of our own where the body is not to go on. */
  onRequestData?(x: Exchange, chunk: Buffer, end: boolean): Buffer | LocalReply | null;
  onResponse?(x: Exchange): void | Promise<void>;
  onResponseData?(x: Exchange, chunk: Buffer, end: boolean): Buffer | null;
  /** The last of the body, in the place of the trailers; null: they go on. */
  onResponseTrailers?(x: Exchange, trailers: HeaderList): Buffer | null;
  /** Exactly once, also after failure. */
  onEnd?(x: Exchange): void;
}

export interface FilterChain {
  readonly onRequest: readonly ((x: Exchange) => Verdict | Promise<Verdict>)[] | null;
  readonly onRequestData: readonly ((x: Exchange, chunk: Buffer, end: boolean) => Buffer | LocalReply | null)[] | null;
  readonly onResponse: readonly ((x: Exchange) => void | Promise<void>)[] | null;
  readonly onResponseData: readonly ((x: Exchange, chunk: Buffer, end: boolean) => Buffer | null)[] | null;
  readonly onResponseTrailers: readonly ((x: Exchange, trailers: HeaderList) => Buffer | null)[] | null;
  readonly onEnd: readonly ((x: Exchange) => void)[] | null;
}

function hooks<T>(filters: readonly Filter[], pick: (filter: Filter) => T | undefined): T[] | null {
  const found = filters.map(pick).filter((hook) => hook !== undefined);
  return found.length === 0 ? null : found;
}

/** Requests run through the filters in order, responses in reverse. */
export function compile(filters: readonly Filter[]): FilterChain {
  const reversed = filters.toReversed();
  return {
    onRequest: hooks(filters, (filter) => filter.onRequest?.bind(filter)),
    onRequestData: hooks(filters, (filter) => filter.onRequestData?.bind(filter)),
    onResponse: hooks(reversed, (filter) => filter.onResponse?.bind(filter)),
    onResponseData: hooks(reversed, (filter) => filter.onResponseData?.bind(filter)),
    onResponseTrailers: hooks(reversed, (filter) => filter.onResponseTrailers?.bind(filter)),
    onEnd: hooks(reversed, (filter) => filter.onEnd?.bind(filter)),
  };
}

/** The first reply of a filter, or null when all let the request pass. */
export function runRequest(chain: FilterChain, x: Exchange): Verdict | Promise<Verdict> {
  return chain.onRequest === null ? null : runRequestFrom(chain.onRequest, x, 0);
}

function runRequestFrom(
  list: NonNullable<FilterChain['onRequest']>,
  x: Exchange,
  from: number,
): Verdict | Promise<Verdict> {
  for (let i = from; i < list.length; i++) {
    const verdict = (list[i] as (x: Exchange) => Verdict | Promise<Verdict>)(x);
    if (verdict instanceof Promise) return verdict.then((said) => said ?? runRequestFrom(list, x, i + 1));
    if (verdict !== null) return verdict;
  }
  return null;
}

export function runResponse(chain: FilterChain, x: Exchange): void | Promise<void> {
  return chain.onResponse === null ? undefined : runResponseFrom(chain.onResponse, x, 0);
}

function runResponseFrom(
  list: NonNullable<FilterChain['onResponse']>,
  x: Exchange,
  from: number,
): void | Promise<void> {
  for (let i = from; i < list.length; i++) {
    const pending = (list[i] as (x: Exchange) => void | Promise<void>)(x);
    if (pending instanceof Promise) return pending.then(() => runResponseFrom(list, x, i + 1));
  }
}

/** The chunk as the filters leave it; null: held back by one of them. Or an answer of our own. */
export function runData<R>(
  list: readonly ((x: Exchange, chunk: Buffer, end: boolean) => Buffer | R | null)[] | null,
  x: Exchange,
  chunk: Buffer | string,
  end: boolean,
): Buffer | R | null {
  let piece: Buffer = typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk;
  for (const hook of list ?? []) {
    const next = hook(x, piece, end);
    if (!Buffer.isBuffer(next)) return next;
    piece = next;
  }
  return piece;
}

/** What a filter makes of trailers, by the first that makes anything of them. */
export function runTrailers(chain: FilterChain, x: Exchange, trailers: HeaderList): Buffer | null {
  for (const hook of chain.onResponseTrailers ?? []) {
    const last = hook(x, trailers);
    if (last !== null) return last;
  }
  return null;
}

export function runEnd(chain: FilterChain, x: Exchange): void {
  if (chain.onEnd === null) return;
  for (const hook of chain.onEnd) hook(x);
}
