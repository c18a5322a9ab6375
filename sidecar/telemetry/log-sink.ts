// Where log lines go: a file opened for appending, or an inherited stream. Lines are gathered and written
// together; a sink that does not keep up loses lines, never memory, and says how many.

import { close, open, write, writeSync } from 'node:fs';
import type { Clock, Timer } from '../../core/clock.ts';
import type { FilesystemStats } from './cells/server.ts';

/** Written at once when so much is waiting. */
export const FLUSH_BYTES = 16 * 1024;
/** Lines beyond are dropped and counted. */
export const MAX_PENDING_BYTES = 1024 * 1024;
const NEWLINE = 0x0a;
/** How long to wait when a pipe is full. */
const FULL_PIPE_WAIT_MS = 10;

export interface SinkOptions {
  readonly clock: Clock;
  readonly stats: FilesystemStats;
  /** Longest time that a line waits. */
  readonly flushMs: number;
  /** A sink cannot be opened or written; told once until it works again. */
  readonly onError: (path: string, error: Error) => void;
}

/** What loggers write to. */
export interface LineSink {
  /** A whole line with its end, bytes as latin1. */
  write(line: string): void;
  /** Opens the file again, under whatever the path means now (log rotation). */
  reopen(): void;
  /** Resolves when nothing waits, is being written or is being opened. */
  drained(): Promise<void>;
  /** For the last moments of a process or thread: what waits is gone when this returns. */
  flushSync(): void;
  /** Writes what waits and lets go of the file; resolves when that is done. */
  close(): Promise<void>;
}

export class LogSink implements LineSink {
  readonly path: string;
  readonly #options: SinkOptions;
  readonly #owned: boolean;
  #fd: number | null;
  #opening = false;
  #reopenWanted = false;
  /** Lines that wait for the next write. */
  #waiting = '';
  /** What is being written now. */
  #writing: Buffer | null = null;
  /** The last write ended within a line, and the rest of that line is lost. */
  #torn = false;
  /** What is being written begins with the end of that line. */
  #mending = false;
  #lastByte = NEWLINE;
  #timer: Timer | null = null;
  #failing = false;
  #closed = false;
  #idle: (() => void)[] = [];

  /** `fd` is that of an inherited stream; without it the file of that path is opened, and made if it is not there. */
  constructor(path: string, options: SinkOptions, fd?: number) {
    this.path = path;
    this.#options = options;
    this.#owned = fd === undefined;
    this.#fd = fd ?? null;
    if (fd === undefined) this.#open();
  }

  write(line: string): void {
    this.writeLines(line, 1);
  }

  /** Whole lines that were gathered elsewhere. */
  writeLines(text: string, count: number): void {
    const { stats } = this.#options;
    if (this.#waiting.length + text.length > MAX_PENDING_BYTES || this.#closed) {
      stats.lines_dropped += count;
      return;
    }
    this.#waiting += text;
    stats.write_buffered += count;
    stats.write_total_buffered += text.length;
    if (this.#waiting.length >= FLUSH_BYTES) this.#flush();
    else this.#timer ??= this.#options.clock.after(this.#options.flushMs, () => this.#flushByTimer());
  }

  reopen(): void {
    if (!this.#owned || this.#closed || this.#opening) return;
    // The old descriptor must not be closed under a write.
    this.#reopenWanted = this.#writing !== null;
    if (this.#reopenWanted) return;
    const old = this.#fd;
    this.#fd = null;
    this.#open(old);
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#flush();
    await this.drained();
    this.#closed = true;
    if (this.#owned && this.#fd !== null) close(this.#fd, () => {});
    this.#fd = null;
  }

  drained(): Promise<void> {
    const written = this.#waiting === '' || this.#failing;
    if (this.#writing === null && written && !this.#opening) return Promise.resolve();
    this.#flush();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  flushSync(): void {
    if (this.#fd === null) return;
    const rest = Buffer.concat([this.#writing ?? Buffer.alloc(0), Buffer.from(this.#waiting, 'latin1')]);
    this.#waiting = '';
    for (let at = 0; at < rest.length; ) at += writeSync(this.#fd, rest, at);
  }

  #open(old: number | null = null): void {
    this.#opening = true;
    open(this.path, 'a', 0o644, (error, fd) => {
      this.#opening = false;
      if (error !== null) {
        if (old !== null) this.#options.stats.reopen_failed++;
        this.#fd = old;
        this.#fail(error);
        return;
      }
      if (old !== null) close(old, () => {});
      this.#fd = fd;
      this.#flush();
      if (this.#writing === null) this.#tellIdle();
    });
  }

  #flushByTimer(): void {
    this.#timer = null;
    this.#options.stats.flushed_by_timer++;
    this.#flush();
  }

  #flush(): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#fd === null && !this.#opening && this.#owned && !this.#closed) this.#open();
    if (this.#fd === null || this.#writing !== null || this.#waiting === '') return;
    // What comes next must not look like the rest of a line that is lost.
    if (this.#torn) this.#options.stats.write_total_buffered++;
    this.#writing = Buffer.from(this.#torn ? `\n${this.#waiting}` : this.#waiting, 'latin1');
    this.#mending = this.#torn;
    this.#torn = false;
    this.#waiting = '';
    this.#writeRest();
  }

  #writeRest(): void {
    const batch = this.#writing;
    if (batch === null || this.#fd === null) return;
    write(this.#fd, batch, 0, batch.length, null, (error, written) => {
      if (error?.code === 'EAGAIN') {
        this.#options.clock.after(FULL_PIPE_WAIT_MS, () => this.#writeRest());
      } else if (error !== null) {
        this.#finish(batch.length, error);
      } else if (written < batch.length) {
        this.#options.stats.write_total_buffered -= written;
        if (written > 0) {
          this.#lastByte = batch[written - 1] ?? NEWLINE;
          this.#mending = false;
        }
        this.#writing = batch.subarray(written);
        this.#writeRest();
      } else {
        this.#finish(batch.length, null);
      }
    });
  }

  #finish(bytes: number, error: Error | null): void {
    const { stats } = this.#options;
    const lost = error === null ? 0 : linesIn(this.#writing) - Number(this.#mending);
    stats.write_total_buffered -= bytes;
    this.#writing = null;
    if (error === null) {
      stats.write_completed++;
      this.#failing = false;
      this.#lastByte = NEWLINE;
    } else {
      stats.write_failed++;
      stats.lines_dropped += lost;
      this.#torn = this.#lastByte !== NEWLINE;
      this.#fail(error);
    }
    if (this.#reopenWanted) this.reopen();
    if (this.#waiting !== '') this.#flush();
    else this.#tellIdle();
  }

  #fail(error: Error): void {
    if (!this.#failing) this.#options.onError(this.path, error);
    this.#failing = true;
    this.#tellIdle();
  }

  #tellIdle(): void {
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }
}

function linesIn(bytes: Buffer | null): number {
  let lines = 0;
  for (let at = bytes?.indexOf(NEWLINE) ?? -1; at !== -1; at = bytes?.indexOf(NEWLINE, at + 1) ?? -1) lines++;
  return lines;
}
