// What a row of the HTTP/2 corpus is: frames that a client says after its preface, what it may get, and what the
// origin, which speaks HTTP/1.1, may see. Plain data; play.ts acts it out.

/** The stream that a row is about, where it does not say another. */
export const STREAM = 1;

export type Gets =
  /** RST_STREAM; the connection lives on. */
  | { readonly kind: 'stream'; readonly code: number }
  /** GOAWAY, and the end of the connection. */
  | { readonly kind: 'connection'; readonly code: number }
  /** An answer of the proxy's own. */
  | { readonly kind: 'refusal'; readonly status: number }
  /** The end of the connection, without a word that this client could read. */
  | { readonly kind: 'closed' }
  /** The origin's answer. */
  | { readonly kind: 'echo' };

export interface Sees {
  readonly line: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly lacks?: readonly string[];
  readonly body?: string;
}

export interface Row {
  readonly id: string;
  readonly means: string;
  /** Said by the client, cut in every way. */
  readonly says: Buffer;
  /** Any of them. */
  readonly gets: readonly Gets[];
  /** null: no whole request. */
  readonly sees: Sees | null;
  /** It may be gone before the origin is asked. */
  readonly mayMiss?: boolean;
  /** Takes the place of preface and SETTINGS: `says` has them, or has none. */
  readonly bare?: true;
  /** The origin does not answer. */
  readonly unanswered?: true;
}

export function stream(code: number): Gets {
  return { kind: 'stream', code };
}

export function connection(code: number): Gets {
  return { kind: 'connection', code };
}

export const ECHO: Gets = { kind: 'echo' };

/** Never reaches the origin as a whole. */
export function refused(id: string, means: string, says: Buffer, ...gets: readonly Gets[]): Row {
  return { id, means, says, gets, sees: null };
}

export function passes(id: string, means: string, says: Buffer, sees: Sees): Row {
  return { id, means, says, gets: [ECHO], sees };
}
