// A sidecar inside the test: a bootstrap goes in by the door that production uses, traffic goes over real
// sockets on free loopback ports, and the test holds the handles of everything on the far side.

import assert from 'node:assert/strict';
import { type Clock, systemClock } from '../../core/clock.ts';
import { createLogs } from '../../core/log.ts';
import type { Snapshot } from '../../sidecar/model/snapshot.ts';
import { ConnectionGates } from '../../sidecar/net/connection-gates.ts';
import { Runtime } from '../../sidecar/runtime/runtime.ts';
import { LogFiles } from '../../sidecar/telemetry/access-log.ts';
import { Stats } from '../../sidecar/telemetry/stats.ts';
import { readBootstrap, type StartingPoint } from '../../sidecar/xds/bootstrap/read.ts';

export interface TestProxy {
  readonly runtime: Runtime;
  readonly stats: Stats;
  /** Lines that the program logged. */
  readonly logged: readonly string[];
  /** The port that a listener really has. */
  port(listener?: string): number;
  /** Another configuration takes the place of the present one. */
  apply(bootstrap: string | BootstrapPieces): void;
  /** Access log lines written so far are on disk. */
  flushLogs(): Promise<void>;
  close(): Promise<void>;
}

const HCM = 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const ROUTER =
  '{name: envoy.filters.http.router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}';

export interface BootstrapPieces {
  /** Name -> port of an origin; a STATIC cluster each. */
  readonly origins: Readonly<Record<string, number>>;
  /** YAML list of routes; default: everything to the first origin. */
  readonly routes?: string;
  /** YAML lines of the connection manager. */
  readonly hcm?: string;
  /** YAML lines of a cluster, by name. */
  readonly cluster?: Readonly<Record<string, string>>;
  /** YAML lines of the filter chain and of the listener. */
  readonly chain?: string;
  readonly listener?: string;
  /** YAML list of further clusters. */
  readonly clusters?: string;
}

function indent(text: string, by: number): string {
  return text
    .trim()
    .split('\n')
    .map((line) => `${' '.repeat(by)}${line}`)
    .join('\n');
}

export function bootstrapText({
  origins,
  routes,
  hcm = '',
  cluster = {},
  chain = '',
  listener = '',
  clusters = '',
}: BootstrapPieces): string {
  const first = Object.keys(origins)[0] ?? 'o1';
  const list = Object.entries(origins).map(([name, port]) =>
    [
      `  - name: ${name}`,
      '    type: STATIC',
      `    load_assignment: {cluster_name: ${name}, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: ${port}}}}}]}]}`,
      indent(cluster[name] ?? 'connect_timeout: 1s', 4),
    ].join('\n'),
  );
  return `static_resources:
  listeners:
  - name: main
    address: {socket_address: {address: 127.0.0.1, port_value: 0}}
${indent(listener || 'stat_prefix: main', 4)}
    filter_chains:
    - filters:
      - name: hcm
        typed_config:
          "@type": ${HCM}
          stat_prefix: main
          route_config:
            name: routes
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
${indent(routes ?? `- {match: {prefix: /}, route: {cluster: ${first}}}`, 14)}
          http_filters: [${ROUTER}]
${indent(hcm || 'server_name: fairlead', 10)}
${chain === '' ? '' : indent(chain, 6)}
  clusters:
${list.join('\n')}
${clusters === '' ? '' : indent(clusters, 2)}
`;
}

function startingPoint(text: string): StartingPoint {
  const read = readBootstrap([{ file: 'test.yaml', text }], {
    allowUnsupported: false,
    allowUnknown: false,
    node: {},
    readFile: () => Buffer.alloc(0),
    environment: {},
  });
  assert.ok(read.ok, read.ok ? '' : read.errors.map(({ path, message }) => `${path}: ${message}`).join('\n'));
  return read.value;
}

export function snapshotOf(text: string): Snapshot {
  return startingPoint(text).snapshot;
}

export interface ProxyOptions {
  readonly clock?: Clock;
  readonly drainTimeMs?: number;
}

export async function startProxy(
  bootstrap: string | BootstrapPieces,
  { clock = systemClock, drainTimeMs }: ProxyOptions = {},
): Promise<TestProxy> {
  const text = typeof bootstrap === 'string' ? bootstrap : bootstrapText(bootstrap);
  const { snapshot, connectionLimits } = startingPoint(text);
  const logged: string[] = [];
  const logs = createLogs({
    levels: { root: 'debug', components: new Map() },
    write: (line) => void logged.push(line),
  });
  const stats = new Stats();
  const logFiles = new LogFiles({
    clock: systemClock,
    stats: stats.filesystem,
    flushMs: 20,
    onError: (_, error) => assert.fail(error),
  });
  const runtime = new Runtime({
    clock,
    ...(drainTimeMs === undefined ? {} : { drainTimeMs }),
    log: logs.child('runtime'),
    stats,
    logFiles,
    node: { id: 'test', cluster: 'test' },
    spans: null,
    gates: new ConnectionGates({ ...connectionLimits, byDescriptors: null }),
    onListeners: () => {},
  });
  runtime.apply(snapshot);
  await runtime.settled();
  assert.deepEqual([...runtime.bindErrors.values()], []);
  return {
    runtime,
    stats,
    logged,
    port: (name = 'main') => runtime.listeners.get(name)?.addresses[0]?.port ?? 0,
    apply: (pieces) => runtime.apply(snapshotOf(typeof pieces === 'string' ? pieces : bootstrapText(pieces))),
    flushLogs: () => logFiles.flush(),
    close: async () => {
      runtime.destroy();
      await logFiles.close();
    },
  };
}
