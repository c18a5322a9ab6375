// The life of a program: parts start in order and stop in reverse, once, on a signal or when asked. A
// second signal, or a stop that takes too long, ends the process at once.

/** The longest that all stops together may take unless the program says otherwise. */
export const DEFAULT_STOP_MS = 30_000;

export interface Part {
  readonly name: string;
  /** Resolves when the part works. */
  start(): Promise<void> | void;
  /** Resolves when the part has let go of everything. */
  stop(): Promise<void> | void;
}

export interface LifecycleOptions {
  readonly stopMs?: number;
  /** A part's stop failed, or the time is over; the others are stopped all the same. */
  readonly onTrouble: (part: string, error: unknown) => void;
  readonly onStopping?: (reason: string) => void;
  /** Where signals come from and the process ends; a test hands in its own. */
  readonly process?: ProcessDoor;
}

export interface ProcessDoor {
  on(signal: 'SIGTERM' | 'SIGINT', listener: () => void): unknown;
  off(signal: 'SIGTERM' | 'SIGINT', listener: () => void): unknown;
  exit(code: number): void;
}

export interface Lifecycle {
  /** Starts the parts. When one fails, those already started are stopped, and the error is thrown. */
  start(parts: readonly Part[]): Promise<void>;
  /** Stops what was started; the same promise however often it is called. */
  stop(reason: string): Promise<void>;
  /** Resolves when everything is stopped. */
  readonly ended: Promise<void>;
}

export function createLifecycle(options: LifecycleOptions): Lifecycle {
  const door = options.process ?? process;
  const started: Part[] = [];
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  let stopping: Promise<void> | null = null;

  async function stopAll(): Promise<void> {
    while (started.length > 0) await stopPart(started.pop() as Part, options);
  }

  function stop(reason: string): Promise<void> {
    if (stopping !== null) return stopping;
    options.onStopping?.(reason);
    stopping = withinTime(stopAll(), options).then(() => {
      door.off('SIGTERM', onTerm);
      door.off('SIGINT', onInt);
      end();
    });
    return stopping;
  }

  function onSignal(signal: string): void {
    if (stopping !== null) door.exit(1);
    else void stop(signal);
  }
  const onTerm = () => onSignal('SIGTERM');
  const onInt = () => onSignal('SIGINT');

  async function start(parts: readonly Part[]): Promise<void> {
    door.on('SIGTERM', onTerm);
    door.on('SIGINT', onInt);
    for (const part of parts) {
      // A signal may arrive while starting.
      if (stopping !== null) return;
      started.push(part);
      try {
        await part.start();
      } catch (error) {
        started.pop();
        await stop(`${part.name} did not start`);
        throw error;
      }
    }
  }

  return { start, stop, ended };
}

async function stopPart(part: Part, { onTrouble }: LifecycleOptions): Promise<void> {
  try {
    await part.stop();
  } catch (error) {
    onTrouble(part.name, error);
  }
}

/** Goes on when the time is over, whatever still hangs. */
async function withinTime(
  work: Promise<void>,
  { stopMs = DEFAULT_STOP_MS, onTrouble }: LifecycleOptions,
): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<'late'>();
  const timer = setTimeout(() => resolve('late'), stopMs);
  if ((await Promise.race([work, late])) === 'late') onTrouble('stop', new Error(`not stopped after ${stopMs} ms`));
  clearTimeout(timer);
}
