// A whole sidecar in this process, by the parts that the program is made of: discovery's stream, the disk, the
// admin pages. For faults of others; for its own it is run as a process (test/sidecar/concurrency/process.ts).

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { createLifecycle } from '../../../core/lifecycle.ts';
import { createLogs } from '../../../core/log.ts';
import { until } from '../../../examples/tea-shop/ask.ts';
import { loadConfig } from '../../../sidecar/config.ts';
import { createSingle } from '../../../sidecar/single.ts';
import { AdminPages } from '../../sidecar/concurrency/process.ts';
import { tempDir } from '../../temp-dir.ts';

export interface Here {
  readonly pages: AdminPages;
  /** Status of /ready. */
  readonly logged: readonly string[];
  stop(): Promise<void>;
}

/** `bootstrap` is YAML or JSON without an admin address. Waits for the admin pages, not for readiness. */
export async function sidecarHere(t: TestContext, bootstrap: string, flags: readonly string[] = []): Promise<Here> {
  const dir = tempDir(t);
  const [file, address] = [join(dir, 'boot.yaml'), join(dir, 'admin')];
  writeFileSync(file, bootstrap);
  const args = ['-c', file, '--config-yaml', ADMIN, '--admin-address-path', address, '--drain-time-s', '0', ...flags];
  const config = loadConfig(args, {}, readFileSync);
  if (!config.ok) throw new Error(config.text);
  const logged: string[] = [];
  const logs = createLogs({ levels: { root: 'debug', components: new Map() }, write: (line) => logged.push(line) });
  const sidecar = await createSingle(config.config, logs);
  const lifecycle = createLifecycle({
    onTrouble: (part, error) => logged.push(`${part}: ${error}`),
    process: { on: () => {}, off: () => {}, exit: () => {} },
  });
  let stopped: Promise<void> | null = null;
  const stop = () => (stopped ??= lifecycle.stop('the test is over'));
  t.after(stop);
  await lifecycle.start(sidecar.parts(lifecycle));
  await until('the admin server', async () => readFileSync(address, 'utf8').includes(':'));
  return { pages: new AdminPages(Number(readFileSync(address, 'utf8').split(':').at(-1))), logged, stop };
}

const ADMIN = 'admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}';

/** Takes everything from the discovery at that port. */
export function adsBootstrap(port: number): string {
  return `node: {id: n1, cluster: c1}
dynamic_resources:
  ads_config: {api_type: GRPC, transport_api_version: V3, grpc_services: [{envoy_grpc: {cluster_name: xds}}]}
  cds_config: {resource_api_version: V3, ads: {}}
  lds_config: {resource_api_version: V3, ads: {}}
static_resources:
  clusters:
  - name: xds
    type: STATIC
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http2_protocol_options: {}}
    load_assignment: {cluster_name: xds, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: ${port}}}}}]}]}
`;
}
