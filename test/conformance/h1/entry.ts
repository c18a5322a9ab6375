// What an entry of the wire corpus is: the bytes that both ends say, and what the client may get and the
// origin may see. Plain data; the runner (play.ts) acts it out, the judge (judge.ts) compares.

/** One side says bytes (Latin-1), ends its connection, or both wait. */
export type Move =
  /**
   * `whole`: is not cut; it only gives the other side something to be cut. `ifAsked`: is only said by an
   * origin whose request has this field.
   */
  | { readonly by: Side; readonly says: string; readonly whole?: true; readonly ifAsked?: string }
  | { readonly by: Side; readonly ends: 'fin' | 'reset' }
  | { readonly until: Until };

export type Side = 'client' | 'origin';

/**
 * What is waited for. Each is also over when the client's connection is, or when the client has an answer
 * more than before: a proxy that refuses early has not to be waited for.
 */
export type Until =
  /** The origin has the head of a request that it has not answered. */
  | 'head'
  /** ... and its body. */
  | 'request'
  /** The client has an interim answer. */
  | 'interim'
  /** The client has one more whole answer. */
  | 'answer'
  /** The client has some bytes of an answer. */
  | 'bytes'
  /** Everything said so far was read by the proxy. */
  | 'settled'
  /** The connection that the origin was last asked on is over. */
  | 'origin over';

/** What the client gets for one of its requests. */
export type Gets =
  /** A 4xx or 5xx of the proxy's own. */
  | { readonly kind: 'refusal'; readonly statuses: readonly number[] }
  /** The origin's answer to the request at the same place of `sees`, with its number in it. */
  | { readonly kind: 'echo'; readonly interim?: readonly number[] }
  /** The answer that the origin was told to give. */
  | ({ readonly kind: 'answer' } & AnswerShape)
  /** A beginning of that answer, and an end that cannot be taken for the end of the answer. */
  | ({ readonly kind: 'abort' } & AnswerShape);

/** Names in lower case. Several texts for one thing: any of them. */
export interface AnswerShape {
  readonly status: number;
  /** Interim answers before it; none if not said. */
  readonly interim?: readonly number[];
  readonly fields?: Readonly<Record<string, OneOf>>;
  readonly lacks?: readonly string[];
  /** Texts that stand nowhere in it. */
  readonly without?: readonly string[];
  /** Of an abort: what the bytes that came must be a beginning of. */
  readonly body?: string;
  /** After a 101: what came through. */
  readonly tunnel?: string;
}

/** What the origin sees of one whole request. */
export interface Sees {
  readonly line: OneOf;
  readonly host?: OneOf;
  /** Values of all fields of the name, joined by a comma. */
  readonly fields?: Readonly<Record<string, OneOf>>;
  readonly lacks?: readonly string[];
  readonly without?: readonly string[];
  /** Decoded; none if not said. */
  readonly body?: string;
  /** What came after a switch of protocols; nothing if not said. */
  readonly tunnel?: string;
}

export type OneOf = string | RegExp | readonly string[];

export interface Outcome {
  readonly gets: readonly Gets[];
  readonly sees: readonly Sees[];
  /** Of the client's connection: whether it takes another request. `waits`: for the rest of this one. */
  readonly after: 'open' | 'closed' | 'either' | 'waits';
  /** Whether the origin may be left with the beginning of a request, on a connection that is then over. */
  readonly unfinished?: boolean;
  /** Whether the connection to the origin carries another request. */
  readonly pooled?: 'never' | 'must';
}

export interface Entry {
  readonly id: string;
  readonly means: string;
  /** Where the rule stands. */
  readonly source: string;
  readonly moves: readonly Move[];
  /** What our sidecar may do. */
  readonly ours: readonly Outcome[];
  /** What is as safe, and left to others. */
  readonly alsoSafe: readonly Outcome[];
  /** Of the client's requests, where they are not all GET or POST: decides whether an answer has a body. */
  readonly methods?: readonly string[];
}

export interface Group {
  readonly name: string;
  readonly entries: readonly Entry[];
}
