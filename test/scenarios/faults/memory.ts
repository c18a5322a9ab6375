// How much memory a program has, and how much it came to have at most.

import { readFileSync } from 'node:fs';

export const MIB = 1024 * 1024;

/** Resident bytes. */
export function residentOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
}

/** Looks every 50 ms until `most` is asked for. */
export function watchMemory(pid: number): { most(): number } {
  let most = residentOf(pid);
  const timer = setInterval(() => {
    most = Math.max(most, residentOf(pid));
  }, 50);
  timer.unref();
  return {
    most() {
      clearInterval(timer);
      return Math.max(most, residentOf(pid));
    },
  };
}
