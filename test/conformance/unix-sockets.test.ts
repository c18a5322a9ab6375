// Unix sockets as Envoy has them: the same bootstrap, the same requests, and the same headers, log lines and pages.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { eventually } from '../mesh/discovery.ts';
import { envoyOrSkip, runEnvoy } from '../mesh/envoy.ts';
import { callPipe, pipeAddress, pipeCluster, startPipeOrigin } from '../mesh/unix.ts';
import { runSidecar } from '../sidecar/concurrency/process.ts';
import { tempDir } from '../temp-dir.ts';

const HCM = 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const FILE_LOG = 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog';
const ADMIN = 'admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}';
const ROUTER = '{name: r, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}';
const ADDRESSES = ['DOWNSTREAM_REMOTE', 'DOWNSTREAM_DIRECT_REMOTE', 'DOWNSTREAM_LOCAL', 'DOWNSTREAM_DIRECT_LOCAL'];
const FORMAT = [
  ...[...ADDRESSES, 'UPSTREAM_REMOTE', 'UPSTREAM_LOCAL'].flatMap((name) => [
    `${name}=%${name}_ADDRESS% %${name}_PORT% %${name}_ADDRESS_WITHOUT_PORT%`,
  ]),
  '%UPSTREAM_HOST% %UPSTREAM_HOST_NAME% %UPSTREAM_HOST_NAME_WITHOUT_PORT% %RESPONSE_FLAGS%',
].join('; ');
const MANAGERS = {
  edge: 'use_remote_address: true, append_x_forwarded_port: true',
  inner: 'use_remote_address: false',
  trusting: 'use_remote_address: true, internal_address_config: {unix_sockets: true}',
} as const;

/** A listener for each of the managers above. */
function bootstrapIn(folder: string, app: string): string {
  const listeners = Object.entries(MANAGERS).map(([name, fields]) => {
    const log = `access_log: [{name: f, typed_config: {"@type": ${FILE_LOG}, path: "${join(folder, 'log')}", log_format: {text_format_source: {inline_string: "${FORMAT}\\n"}}}}]`;
    const hcm = `{name: hcm, typed_config: {"@type": ${HCM}, stat_prefix: h, ${fields}, ${log}, route_config: {virtual_hosts: [{name: v, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: up}}]}]}, http_filters: [${ROUTER}]}}`;
    return `  - {name: ${name}, address: ${pipeAddress(join(folder, name), 0o620)}, filter_chains: [{filters: [${hcm}]}]}`;
  });
  return ['static_resources:', '  listeners:', ...listeners, '  clusters:', `  - ${pipeCluster('up', app)}`].join('\n');
}

interface Seen {
  readonly fields: readonly string[];
  readonly log: readonly string[];
}

/** What the origin is told, and what is logged; request ids and durations aside. */
async function story(folder: string): Promise<Seen> {
  const fields: string[] = [];
  for (const name of Object.keys(MANAGERS)) {
    for (const headers of [{}, { 'x-forwarded-for': '1.2.3.4' }]) {
      const { body } = await eventually(() => callPipe(join(folder, name), '/', headers));
      const asked = JSON.parse(body) as Record<string, string>;
      const rest = Object.entries(asked).filter(([key]) => key.startsWith('x-') && key !== 'x-request-id');
      fields.push(`${name} ${rest.map(([key, value]) => `${key}=${value}`).join(' ')}`);
    }
  }
  const log = await eventually(() => {
    const lines = readFileSync(join(folder, 'log'), 'utf8').trim().split('\n');
    assert.equal(lines.length, fields.length);
    return lines.map((line) => line.replaceAll(folder, 'FOLDER'));
  });
  return { fields, log };
}

function pagesOf(listeners: string, clusters: string, folder: string): string[] {
  const hosts = clusters.split('\n').filter((line) => line.includes('cx_total'));
  return [...listeners.trim().split('\n'), ...hosts].map((line) => line.replaceAll(folder, 'FOLDER'));
}

test('addresses, forwarding headers and admin pages are those of Envoy', envoyOrSkip(), async (t) => {
  const app = await startPipeOrigin(t);
  const [theirs, ours] = [tempDir(t), tempDir(t)];
  const envoy = await runEnvoy(t, parse(`${ADMIN}\n${bootstrapIn(theirs, app)}`) as Record<string, unknown>);
  const { pages } = await runSidecar(t, bootstrapIn(ours, app));
  const [envoySaw, weSaw] = [await story(theirs), await story(ours)];
  assert.deepEqual(weSaw, envoySaw);
  assert.match(weSaw.log[0] ?? '', /^DOWNSTREAM_REMOTE=FOLDER\/edge {2}FOLDER\/edge; /);
  assert.deepEqual(
    pagesOf(await pages.get('/listeners'), await pages.get('/clusters'), ours),
    pagesOf(await envoy.get('/listeners'), await envoy.get('/clusters'), theirs),
  );
});
