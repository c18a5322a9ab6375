// Limits of the whole program, as the bootstrap states them.

export interface ConnectionLimits {
  /** Open connections of clients over all listeners; null: as many as come. */
  readonly inAll: {
    readonly most: number;
    /** Said by the overload manager, from which a listener may exempt itself. */
    readonly byOverloadManager: boolean;
  } | null;
  /** Listener -> open connections of clients. */
  readonly byListener: ReadonlyMap<string, number>;
}

export const NO_CONNECTION_LIMITS: ConnectionLimits = { inAll: null, byListener: new Map() };
