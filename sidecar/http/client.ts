// A client codec as the pool sees it, whichever version it speaks.

/** Where the bytes of the connection come from. */
export interface IncomingBytes {
  /** The memory that every read goes to, over what was there; null: each has its own. */
  readonly lent: Buffer | null;
  onBytes(take: (bytes: Buffer) => void): void;
}

export type ClosedBy = 'local' | 'remote';
