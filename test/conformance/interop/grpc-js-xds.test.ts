// A grpc-js-xds client finds our services by xDS alone: names, endpoints, routes, weights.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { type sendUnaryData, Server, ServerCredentials } from '@grpc/grpc-js';
import { request } from 'undici';
import { runCommandLine } from '../../../cli/command-line.ts';
import { runDiscovery, type TestDiscovery } from '../../mesh/discovery.ts';
import { ECHO } from './grpc-echo.ts';

const CLIENT = join(import.meta.dirname, 'grpc-js-xds-client.ts');
const run = promisify(execFile);

function runEcho(t: TestContext, name: string): Promise<number> {
  const server = new Server();
  const answer = (text: string) => (_call: unknown, done: sendUnaryData<Buffer>) => done(null, Buffer.from(text));
  server.addService(ECHO, { say: answer(name), shout: answer(name.toUpperCase()) });
  t.after(() => server.forceShutdown());
  return new Promise((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    ),
  );
}

async function dial(discovery: TestDiscovery, target: string, times = 1, method = 'say'): Promise<string[]> {
  const bootstrap = await printed(['grpc-bootstrap', '--xds-address', discovery.xds]);
  const environment = { ...process.env, GRPC_XDS_BOOTSTRAP_CONFIG: bootstrap };
  const { stdout } = await run(process.execPath, [CLIENT, target, String(times), method], {
    env: environment,
    timeout: 30_000,
  });
  return JSON.parse(stdout) as string[];
}

/** What a command prints. */
async function printed(args: string[]): Promise<string> {
  let text = '';
  await runCommandLine(args, {
    environment: {},
    out: (more) => {
      text += more;
    },
    err: () => {},
  });
  return text;
}

test('a proxyless client reaches every instance, dialling by the short or the long name', async (t) => {
  const [one, two] = [await runEcho(t, 'one'), await runEcho(t, 'two')];
  const discovery = await runDiscovery(
    t,
    `services: {echo: {port: 50051, protocol: grpc, instances: ['127.0.0.1:${one}', {address: 127.0.0.1, port: 1, appPort: ${two}, zone: b}]}}`,
  );
  assert.deepEqual([...new Set(await dial(discovery, 'xds:///echo:50051', 20))].sort(), ['one', 'two']);
  assert.equal((await dial(discovery, 'xds:///echo.default.svc.cluster.local:50051')).length, 1);
  const clients = await (await request(`http://${discovery.admin}/clients`)).body.text();
  assert.ok(!clients.includes('"reason"'), clients);
});

test('routes split by version and by method', async (t) => {
  const [one, two] = [await runEcho(t, 'one'), await runEcho(t, 'two')];
  const discovery = await runDiscovery(
    t,
    `
services:
  echo:
    port: 50051
    protocol: grpc
    instances: [{address: 127.0.0.1, port: ${one}, version: v1}, {address: 127.0.0.1, port: ${two}, version: v2}]
    traffic: {limits: {requests: 100}}
routes:
  split:
    parentRefs: [{kind: Service, name: echo}]
    rules:
      - matches: [{path: {type: Exact, value: /test.Echo/Shout}}]
        backendRefs: [{name: echo, version: v2}]
        retry: {attempts: 2, on: [unavailable]}
        timeouts: {request: 5s}
      - backendRefs: [{name: echo, version: v1, weight: 1}, {name: echo, version: v2, weight: 0}]
`,
  );
  assert.deepEqual(await dial(discovery, 'xds:///echo:50051', 5), ['one', 'one', 'one', 'one', 'one']);
  assert.deepEqual(await dial(discovery, 'xds:///echo:50051', 2, 'shout'), ['TWO', 'TWO']);
});
