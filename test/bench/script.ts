// A script of the bench in a process and on a core of its own: told what to do, and waited for, by messages.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { pinned } from './processes.ts';

export interface Script<Order, Report> {
  /** One at a time. Rejects when the process ended instead. */
  ask(order: Order): Promise<Report>;
  stop(): Promise<void>;
}

/** `file` relative to test/bench. */
export function startScript<Order extends object, Report>(file: string, core: number): Script<Order, Report> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const [program = '', ...args] = pinned(core, [process.execPath, '--disable-warning=ExperimentalWarning', path]);
  const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const ended = once(child, 'exit').then(([code]): never => {
    throw new Error(`${file} ended with ${code}`);
  });
  ended.catch(() => {});
  return {
    async ask(order) {
      const report = once(child, 'message').then(([message]) => message as Report);
      child.send(order);
      return Promise.race([report, ended]);
    },
    async stop() {
      child.kill('SIGTERM');
      await ended.catch(() => {});
    },
  };
}

/** The other end: does what it is told and reports. */
export function obey<Order, Report extends object>(work: (order: Order) => Promise<Report>): void {
  process.on('message', (order: Order) => {
    void work(order).then((report) => process.send?.(report));
  });
  process.on('disconnect', () => process.exit(0));
}
