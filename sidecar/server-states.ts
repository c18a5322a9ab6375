// What /ready says, and why.

import type { ServerState } from './admin/server-info.ts';

export class ServerStates {
  draining = false;
  failing = false;
  readonly #isReady: () => boolean;

  constructor(isReady: () => boolean) {
    this.#isReady = isReady;
  }

  get now(): ServerState {
    if (this.draining || this.failing) return 'DRAINING';
    return this.#isReady() ? 'LIVE' : 'PRE_INITIALIZING';
  }
}

/** Once true, for good: losing the control plane or waiting for a new listener changes nothing. */
export function onceTrue(test: () => boolean): () => boolean {
  let wasTrue = false;
  return () => {
    wasTrue ||= test();
    return wasTrue;
  };
}
