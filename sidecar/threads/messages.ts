// What the primary thread and its workers say to each other. Everything is plain data; messages of one
// direction arrive in the order in which they were sent.

import type { Level } from '../../core/log.ts';
import type { CertificateView } from '../admin/certs.ts';
import type { ClusterView } from '../admin/clusters.ts';
import type { ScopeFigures } from '../telemetry/figures.ts';
import type { SlotChange } from '../upstream/limit-slots.ts';
import type { PackedUpdate } from '../xds/ipc-source.ts';

/** What a worker is given at its birth. */
export interface WorkerSettings {
  /** Its place among the workers, from 0. */
  readonly index: number;
  readonly workers: number;
  /** The command line, and every file that it led to as the primary read it: all threads hold the same. */
  readonly args: readonly string[];
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Circuit breakers that all threads count together, and which cluster counts where. */
  readonly limits: SharedArrayBuffer;
  readonly slots: readonly SlotChange[];
  /** Connections of clients, counted over all threads. */
  readonly connections: SharedArrayBuffer;
  /** Bytes that wait, in steps. */
  readonly buffered: SharedArrayBuffer;
}

export type ToWorker =
  /** First of all: what is in force. The worker answers with `started`. */
  | { readonly kind: 'begin'; readonly seq: number; readonly updates: readonly PackedUpdate[] }
  | {
      readonly kind: 'update';
      readonly seq: number;
      readonly update: PackedUpdate;
      readonly slots: readonly SlotChange[];
    }
  | { readonly kind: 'ask'; readonly id: number; readonly what: Question }
  | { readonly kind: 'port'; readonly id: number; readonly port: number; readonly trouble: string | null }
  | Standing
  | { readonly kind: 'reset-counters' }
  | { readonly kind: 'reopen-logs' }
  /** The end: no more connections; what is under way has so long. */
  | { readonly kind: 'stop'; readonly withinMs: number };

/** Orders that hold for workers to come as well. */
export type Standing =
  | { readonly kind: 'drain' }
  | { readonly kind: 'stop-listening'; readonly inboundOnly: boolean }
  | { readonly kind: 'fail-health-checks'; readonly failing: boolean }
  /** null: every component. */
  | { readonly kind: 'level'; readonly component: string | null; readonly level: Level };

export type FromWorker =
  | { readonly kind: 'started' }
  /** It cannot start, and ends. */
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'state'; readonly state: WorkerState }
  /** Answers are lists and come in pieces, so that a large one does not hold up the traffic. */
  | { readonly kind: 'answer'; readonly id: number; readonly items: readonly unknown[]; readonly last: boolean }
  | { readonly kind: 'port'; readonly id: number; readonly listener: string; readonly n: number; readonly host: string }
  | { readonly kind: 'log'; readonly line: string }
  | { readonly kind: 'lines'; readonly path: string; readonly text: string; readonly count: number }
  /** It ends by an error that nobody expected: what it had counted. */
  | { readonly kind: 'last-words'; readonly reason: string; readonly figures: readonly ScopeFigures[] };

export interface WorkerState {
  /** The last update that is in force. */
  readonly applied: number;
  /** No listener is being bound. */
  readonly settled: boolean;
  /** What listeners still wait for. */
  readonly missing: readonly string[];
  readonly listeners: readonly BoundListener[];
}

export interface BoundListener {
  readonly name: string;
  readonly direction: string;
  readonly addresses: readonly { readonly host: string; readonly port: number }[];
}

/** What can be asked, and the items of the answer. */
export interface Answers {
  readonly figures: ScopeFigures;
  readonly clusters: ClusterView;
  readonly certificates: CertificateView;
  readonly memory: HeapUse;
  /** Requests under way, one number. */
  readonly busy: number;
}

export type Question = keyof Answers;

export interface HeapUse {
  readonly heapUsed: number;
  readonly heapTotal: number;
}
