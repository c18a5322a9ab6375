// Waiting for what both ends see, without sleeping: every event says `touch`, every condition is asked again.

export class Changes {
  readonly #waiting = new Set<() => void>();

  touch(): void {
    for (const ask of [...this.#waiting]) ask();
  }

  /** Whether it came to be within the time; a limit against waiting forever, not a measurement. */
  until(good: () => boolean, limitMs: number): Promise<boolean> {
    if (good()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const done = (came: boolean) => {
        clearTimeout(timer);
        this.#waiting.delete(ask);
        resolve(came);
      };
      const ask = () => {
        if (good()) done(true);
      };
      const timer = setTimeout(done, limitMs, false);
      this.#waiting.add(ask);
    });
  }
}
