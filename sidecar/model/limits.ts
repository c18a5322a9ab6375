// Limits of the whole program.

/** As the bootstrap states them. */
export interface StatedLimits {
  /** Open connections of clients over all listeners; null: as many as come. */
  readonly inAll: {
    readonly most: number;
    /** Said by the overload manager, from which a listener may exempt itself. */
    readonly byOverloadManager: boolean;
  } | null;
  /** Listener -> open connections of clients. */
  readonly byListener: ReadonlyMap<string, number>;
}

/** What the open files of the process leave for connections of clients. */
export interface DescriptorLimit {
  readonly openFiles: number;
  readonly most: number;
}

export interface ConnectionLimits extends StatedLimits {
  /** Holds for every listener, whatever it is exempt from; null: none is known. */
  readonly byDescriptors: DescriptorLimit | null;
}

export const NO_CONNECTION_LIMITS: ConnectionLimits = { inAll: null, byListener: new Map(), byDescriptors: null };
