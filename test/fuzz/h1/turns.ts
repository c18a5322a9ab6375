// The next turn of the event loop, in the hands of whoever drives the codecs: what they put off is kept and
// run when asked for. So an execution is one synchronous piece, the same each time, and a million fit in minutes.

type Call = () => void;

const later: Call[] = [];
let driving = false;

const { nextTick } = process;
const { queueMicrotask, setImmediate } = globalThis;

// Once for all: to put them back after every execution would cost more than the execution.
process.nextTick = ((call: (...args: unknown[]) => void, ...args: unknown[]) => {
  if (driving) later.push(() => call(...args));
  else nextTick(call, ...args);
}) as typeof nextTick;
globalThis.queueMicrotask = (call) => {
  if (driving) later.push(call);
  else queueMicrotask(call);
};
globalThis.setImmediate = ((call: (...args: unknown[]) => void, ...args: unknown[]) =>
  driving ? later.push(() => call(...args)) : setImmediate(call, ...args)) as unknown as typeof setImmediate;

/** Runs `drive` with everything that is put off kept for `runTurn`. */
export function withOwnTurns<T>(drive: () => T): T {
  driving = true;
  try {
    return drive();
  } finally {
    later.length = 0;
    driving = false;
  }
}

/** Runs what was put off so far; whether there was anything. */
export function runTurn(): boolean {
  if (later.length === 0) return false;
  for (const call of later.splice(0)) call();
  return true;
}
