// The admin pages of the sidecar in Envoy's shapes. What they show comes from read functions that the
// program hands in; what they do goes to functions of its own.

import type { Page, PageResponse } from '../core/admin.ts';
import type { Clock } from '../core/clock.ts';
import type { Logs } from '../core/log.ts';
import { type CertificateView, certsPage, daysUntilFirstExpiry } from './admin/certs.ts';
import { type ClusterView, clustersPage } from './admin/clusters.ts';
import { configDumpPage, type DumpSection } from './admin/config-dump.ts';
import { jsonPage } from './admin/json.ts';
import { loggingPage } from './admin/logging.ts';
import {
  initDumpPage,
  type ListenerView,
  listenersPage,
  type Memory,
  memoryPage,
  readyPage,
  type ServerInfo,
  type ServerState,
  serverInfoPage,
  type Unready,
} from './admin/server-info.ts';
import { readStatsQuery, renderStats } from './telemetry/render.ts';
import type { StatGroups, Stats } from './telemetry/stats.ts';

export interface AdminSources {
  readonly clock: Clock;
  readonly logs: Logs;
  /** What this thread counts itself. */
  readonly stats: Stats;
  /** What is shown: the figures of everybody who carries traffic. */
  readonly figures: () => Awaitable<StatGroups>;
  /** Workers that did not answer the last question; what is shown lacks them, or is as they said last. */
  readonly silent: () => readonly number[];
  readonly memory: () => Awaitable<Memory>;
  /** Metrics kept by prom-client, in the exposition format. */
  readonly processMetrics: () => Promise<string>;
  readonly state: () => ServerState;
  /** Since discovery was last there; null where there is none. */
  readonly staleSeconds: () => number | null;
  readonly info: ServerInfo;
  readonly clusters: () => Awaitable<readonly ClusterView[]>;
  readonly listeners: () => readonly ListenerView[];
  readonly certificates: () => Awaitable<readonly CertificateView[]>;
  readonly unready: () => Unready;
  /** Sections in Envoy's order, secrets included: they are taken out here. */
  readonly configDump: (includeEds: boolean) => readonly DumpSection[];
  readonly actions: AdminActions;
}

type Awaitable<T> = T | Promise<T>;

export interface AdminActions {
  drainListeners(options: {
    readonly inboundOnly: boolean;
    readonly graceful: boolean;
    readonly skipExit: boolean;
  }): void;
  /** After the answer was sent. */
  quit(): void;
  /** Health checks, and /ready, say so from now on. */
  failHealthChecks(failing: boolean): void;
  resetCounters(): void;
  reopenLogs(): void;
}

const OK: PageResponse = { body: 'OK\n' };

export function adminPages(sources: AdminSources): Page[] {
  return [...statePages(sources), ...configurationPages(sources), ...statsPages(sources), ...actionPages(sources)];
}

function statePages(sources: AdminSources): Page[] {
  const { clock, info } = sources;
  return [
    page('/ready', 'print server state, return 200 if LIVE, otherwise return 503', () => readyPage(sources.state())),
    page('/server_info', 'print server version/status information', () =>
      serverInfoPage(info, sources.state(), clock.wall()),
    ),
    page('/certs', 'print certs on machine', async () =>
      named(sources, certsPage(await sources.certificates(), clock.wall())),
    ),
    page('/memory', 'print current allocation/heap usage', async () =>
      named(sources, memoryPage(await sources.memory())),
    ),
    page('/init_dump', 'print what the start is waiting for', () => initDumpPage(sources.unready())),
    page('/runtime', 'print runtime values', () => jsonPage({ layers: [], entries: {} })),
    page('/hot_restart_version', 'print the hot restart compatibility version', () => ({ body: 'disabled' })),
  ];
}

function configurationPages(sources: AdminSources): Page[] {
  return [
    {
      ...page('/clusters', 'upstream cluster status', async ({ query }) =>
        named(sources, clustersPage(await sources.clusters(), query)),
      ),
      parameters: {
        filter: 'Regular expression (Google re2) for filtering clusters by name',
        format: 'One of (text, json)',
      },
    },
    {
      ...page('/listeners', 'print listener info', ({ query }) => listenersPage(sources.listeners(), query)),
      parameters: { format: 'File format to use; One of (text, json)' },
    },
    {
      ...page('/config_dump', 'dump current configs', ({ query }) =>
        configDumpPage(sources.configDump(query.has('include_eds')), query),
      ),
      parameters: {
        resource: 'The resource to dump',
        mask: 'The fields to keep, of each element when a resource is given',
        name_regex: 'Only configurations whose names match the regular expression',
        include_eds: 'Endpoints too',
      },
    },
  ];
}

function statsPages(sources: AdminSources): Page[] {
  const parameters = {
    usedonly: 'Only include stats that have been written by system since restart',
    filter: 'Regular expression (Google re2) for filtering stats',
    invert_filter: 'Invert the filter regex',
    histogram_buckets: 'Histogram bucket display mode; One of (cumulative, disjoint, summary)',
  };
  return [
    {
      ...page('/stats', 'print server stats', ({ query }) => statsPage(sources, query, false)),
      parameters: {
        ...parameters,
        format: 'Format to use; One of (text, json, prometheus)',
        type: 'Stat types to include; One of (All, Counters, Histograms, Gauges, TextReadouts)',
      },
    },
    {
      ...page('/stats/prometheus', 'print server stats in prometheus format', ({ query }) =>
        statsPage(sources, query, true),
      ),
      parameters,
    },
  ];
}

const CONTENT_TYPES = {
  text: 'text/plain; charset=UTF-8',
  json: 'application/json',
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
};

async function statsPage(sources: AdminSources, params: URLSearchParams, prometheus: boolean): Promise<PageResponse> {
  const query = readStatsQuery(params, prometheus);
  if (typeof query === 'string') return { status: 400, body: query };
  await refreshServerStats(sources);
  const figures = await sources.figures();
  return named(sources, {
    contentType: CONTENT_TYPES[query.format],
    body: renderStats(figures, query, sources.processMetrics),
  });
}

/** Says which workers did not answer. */
function named({ silent }: AdminSources, response: PageResponse): PageResponse {
  const workers = silent();
  if (workers.length === 0) return response;
  return { ...response, headers: { ...response.headers, 'x-fairlead-silent-workers': workers.join(',') } };
}

const STATES: readonly ServerState[] = ['LIVE', 'DRAINING', 'PRE_INITIALIZING', 'INITIALIZING'];
/** What Envoy shows when there is no certificate. */
const NO_EXPIRY = 4294967295;

/** Figures that are read rather than counted. */
async function refreshServerStats(sources: AdminSources): Promise<void> {
  const { server } = sources.stats;
  const now = sources.clock.wall();
  const [{ heapUsed, heapTotal, rss }, certificates] = await Promise.all([sources.memory(), sources.certificates()]);
  const stale = sources.staleSeconds();
  if (stale !== null) sources.stats.controlPlane.stale_seconds = stale;
  server.state = STATES.indexOf(sources.state());
  server.live = Number(sources.state() === 'LIVE');
  server.uptime = Math.max(0, Math.floor((now - sources.info.startedWallMs) / 1000));
  server.memory_allocated = heapUsed;
  server.memory_heap_size = heapTotal;
  server.memory_physical_size = rss;
  server.days_until_first_cert_expiring = daysUntilFirstExpiry(certificates, now) ?? NO_EXPIRY;
}

function actionPages({ logs, actions }: AdminSources): Page[] {
  return [
    {
      ...post('/logging', 'query/change logging levels', ({ query }) => loggingPage(logs, query)),
      parameters: {
        level: 'desired logging level, this will change all loggers',
        paths: '<name1>:<level1>,<name2>:<level2>',
      },
    },
    {
      ...post('/drain_listeners', 'drain listeners', ({ query }) => {
        actions.drainListeners({
          inboundOnly: query.has('inboundonly'),
          graceful: query.has('graceful'),
          skipExit: query.has('skip_exit'),
        });
        return OK;
      }),
      parameters: {
        graceful: 'Enter a drain period before the listeners are closed',
        skip_exit: 'Drain connections, but never close the listeners',
        inboundonly: 'Only listeners with inbound traffic_direction',
      },
    },
    post('/quitquitquit', 'exit the server', () => ({ ...OK, afterwards: () => actions.quit() })),
    post('/healthcheck/fail', 'cause the server to fail health checks', () =>
      done(() => actions.failHealthChecks(true)),
    ),
    post('/healthcheck/ok', 'cause the server to pass health checks', () =>
      done(() => actions.failHealthChecks(false)),
    ),
    post('/reset_counters', 'reset all counters to zero', () => done(() => actions.resetCounters())),
    post('/reopen_logs', 'reopen access logs', () => done(() => actions.reopenLogs())),
    post('/runtime_modify', 'there is no runtime to modify', () => ({
      status: 503,
      body: 'No admin layer specified\n',
    })),
  ];
}

function done(run: () => void): PageResponse {
  run();
  return OK;
}

function page(path: string, summary: string, handle: Page['handle']): Page {
  return { path, method: 'GET', summary, handle };
}

function post(path: string, summary: string, handle: Page['handle']): Page {
  return { path, method: 'POST', summary, handle };
}
