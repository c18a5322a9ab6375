// Pages about the process: /server_info, /ready, /memory, /init_dump, /listeners.

import { hostPort } from '../../core/addresses.ts';
import type { PageResponse } from '../../core/admin.ts';
import { addressJson, type Json, type JsonObject, jsonPage } from './json.ts';

export type ServerState = 'LIVE' | 'DRAINING' | 'PRE_INITIALIZING' | 'INITIALIZING';

export interface ServerInfo {
  readonly version: string;
  readonly startedWallMs: number;
  /** As given or by default, under Envoy's names: `base_id`, `concurrency`, `config_path`, `log_level`... */
  readonly commandLineOptions: JsonObject;
  /** The node in its JSON form. */
  readonly node: Json;
}

export interface ListenerView {
  readonly name: string;
  /** Where it is really bound. */
  readonly addresses: readonly { readonly host: string; readonly port: number }[];
}

export function readyPage(state: ServerState): PageResponse {
  return { status: state === 'LIVE' ? 200 : 503, body: `${state}\n` };
}

export function serverInfoPage(info: ServerInfo, state: ServerState, nowMs: number): PageResponse {
  const uptime = `${Math.max(0, Math.floor((nowMs - info.startedWallMs) / 1000))}s`;
  return jsonPage({
    version: info.version,
    state,
    uptime_current_epoch: uptime,
    uptime_all_epochs: uptime,
    hot_restart_version: 'disabled',
    command_line_options: info.commandLineOptions,
    node: info.node,
  });
}

/** Bytes: of the heaps of all threads, and of the process. */
export interface Memory {
  readonly heapUsed: number;
  readonly heapTotal: number;
  readonly rss: number;
}

export function memoryPage({ heapUsed, heapTotal, rss }: Memory): PageResponse {
  return jsonPage({
    allocated: String(heapUsed),
    heap_size: String(heapTotal),
    pageheap_unmapped: '0',
    pageheap_free: String(heapTotal - heapUsed),
    total_thread_cache: '0',
    total_physical_bytes: String(rss),
  });
}

/** Names of what the start still waits for, by kind (`listener`, `cluster`). */
export type Unready = Readonly<Record<string, readonly string[]>>;

export function initDumpPage(unready: Unready): PageResponse {
  const dumps = Object.entries(unready).filter(([, names]) => names.length > 0);
  if (dumps.length === 0) return jsonPage({});
  return jsonPage({ unready_targets_dumps: dumps.map(([name, target_names]) => ({ name, target_names })) });
}

export function listenersPage(listeners: readonly ListenerView[], query: URLSearchParams): PageResponse {
  if (query.get('format') === 'json') return jsonPage({ listener_statuses: listeners.map(listenerJson) });
  return { body: listeners.flatMap(listenerLines).join('') };
}

function listenerLines({ name, addresses }: ListenerView): string[] {
  return addresses.map(({ host, port }) => `${name}::${hostPort(host, port)}\n`);
}

function listenerJson({ name, addresses }: ListenerView): Json {
  const [first, ...more] = addresses.map(addressJson);
  return { name, local_address: first, additional_local_addresses: more.length === 0 ? undefined : more };
}
