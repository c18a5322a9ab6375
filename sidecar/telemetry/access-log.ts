// Access logs: one line for each request that a logger's filter lets through. Loggers that write to the
// same file share one sink, so that their lines never mix within a line.

import type { AccessLog } from '../model/access-log.ts';
import type { RequestFacts } from './facts.ts';
import { compileFormat, LOG_OPTIONS } from './format.ts';
import { compileFilter } from './log-filter.ts';
import { type LineSink, LogSink, type SinkOptions } from './log-sink.ts';
import { RelayedSink, type RelayLines } from './relayed-sink.ts';

const STREAMS: Readonly<Record<string, number>> = { '/dev/stdout': 1, '/dev/stderr': 2 };

export interface LogFilesOptions extends SinkOptions {
  /** Takes the lines for stdout and stderr where another thread writes them. */
  readonly relay?: RelayLines;
}

/** The open log files of the program, by path. */
export class LogFiles {
  readonly #options: LogFilesOptions;
  readonly #sinks = new Map<string, { readonly sink: LineSink; users: number }>();
  /** Let go of, with lines that are still being written. */
  readonly #closing = new Set<Promise<void>>();

  constructor(options: LogFilesOptions) {
    this.#options = options;
  }

  /** Let go of it with `release`. */
  use(path: string): LineSink {
    let entry = this.#sinks.get(path);
    if (entry === undefined) {
      entry = { sink: this.#open(path), users: 0 };
      this.#sinks.set(path, entry);
    }
    entry.users++;
    return entry.sink;
  }

  #open(path: string): LineSink {
    const { clock, flushMs, relay } = this.#options;
    const stream = STREAMS[path];
    if (relay === undefined || stream === undefined) return new LogSink(path, this.#options, stream);
    return new RelayedSink(path, relay, clock, flushMs);
  }

  release(path: string): void {
    const entry = this.#sinks.get(path);
    if (entry === undefined || --entry.users > 0) return;
    this.#sinks.delete(path);
    const closing = entry.sink.close().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  /** After log rotation. */
  reopen(): void {
    for (const { sink } of this.#sinks.values()) sink.reopen();
  }

  /** Everything written so far is on its way to the kernel when this resolves. */
  async flush(): Promise<void> {
    await Promise.all([...this.#sinks.values()].map(({ sink }) => sink.drained()));
  }

  flushSync(): void {
    for (const { sink } of this.#sinks.values()) sink.flushSync();
  }

  async close(): Promise<void> {
    await Promise.all([...[...this.#sinks.values()].map(({ sink }) => sink.close()), ...this.#closing]);
    this.#sinks.clear();
  }
}

export interface AccessLogs {
  /** null: nobody logs. */
  readonly log: ((facts: RequestFacts) => void) | null;
  close(): void;
}

/** Loggers as described. Close them when the description is replaced, after the new ones are made. */
export function createAccessLogs(logs: readonly AccessLog[], files: LogFiles, random: () => number): AccessLogs {
  if (logs.length === 0) return { log: null, close: () => {} };
  const paths = logs.map(({ sink }) => (sink.kind === 'file' ? sink.path : `/dev/${sink.kind}`));
  const writers = logs.map((log, i) => compileWriter(log, files.use(paths[i] as string), random));
  const only = writers[0];
  return {
    log: writers.length === 1 && only !== undefined ? only : (facts) => writeAll(writers, facts),
    close: () => {
      for (const path of paths) files.release(path);
    },
  };
}

function writeAll(writers: readonly ((facts: RequestFacts) => void)[], facts: RequestFacts): void {
  for (const write of writers) write(facts);
}

function compileWriter(
  { filter, format }: AccessLog,
  sink: LineSink,
  random: () => number,
): (facts: RequestFacts) => void {
  const line = compileFormat(format, LOG_OPTIONS);
  if (filter === null) return (facts) => sink.write(line(facts));
  const applies = compileFilter(filter, random);
  return (facts) => {
    if (applies(facts)) sink.write(line(facts));
  };
}
