// The highest resident memory of a process within a span of time.

import type { Running } from './processes.ts';

export interface Peak {
  /** MB, until now or until it was stopped. */
  readonly mb: number;
  /** From now on anew; gives what was. */
  restart(): number;
  stop(): number;
}

const SAMPLE_MS = 50;

export function peakOf(running: Pick<Running, 'residentMb'>): Peak {
  let mb = running.residentMb();
  const look = () => {
    mb = Math.max(mb, running.residentMb());
    return mb;
  };
  const timer = setInterval(look, SAMPLE_MS);
  return {
    get mb() {
      return mb;
    },
    restart() {
      const before = look();
      mb = running.residentMb();
      return before;
    },
    stop() {
      clearInterval(timer);
      return look();
    },
  };
}
