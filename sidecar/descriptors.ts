// How many connections of clients the open files of the process allow. Past the system's limit nobody is served:
// not those who connect, not requests that need a connection upstream, not the admin pages. So clients are
// refused before it, and counted.

import type { DescriptorLimit } from './model/limits.ts';

/** Where Linux says what the process may have. Node has raised it to the hard limit by then. */
const LIMITS_FILE = '/proc/self/limits';
/** Kept back for connections upstream, which are fewer than those of clients where these rest between requests. */
const RESERVED_SHARE = 1 / 4;
/** Kept back for the program: its files, listeners, admin pages, discovery's stream. */
const RESERVED = 64;
/** Each thread has an event loop, listening sockets and access logs of its own. */
const RESERVED_PER_THREAD = 8;
/** Whatever is kept back, clients have this share. */
const LEAST_SHARE = 1 / 8;

/** null: there is no limit, or none that can be read. */
export function readDescriptorLimit(readFile: (path: string) => Buffer, threads: number): DescriptorLimit | null {
  let text: string;
  try {
    text = readFile(LIMITS_FILE).toString('latin1');
  } catch {
    // Other systems have no such file: then the system's limit is the only one, as it was.
    return null;
  }
  const openFiles = Number(/^Max open files +(\d+) /m.exec(text)?.[1] ?? Number.NaN);
  return Number.isSafeInteger(openFiles) ? { openFiles, most: mostConnections(openFiles, threads) } : null;
}

export function mostConnections(openFiles: number, threads: number): number {
  const left = openFiles * (1 - RESERVED_SHARE) - RESERVED - RESERVED_PER_THREAD * threads;
  return Math.max(Math.floor(left), Math.floor(openFiles * LEAST_SHARE), 1);
}
