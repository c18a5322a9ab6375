// Unix sockets as addresses of listeners and of endpoints: every protocol over them, and what becomes of the files.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, readFileSync, writeFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { isPipe, pipePath } from '../../../core/addresses.ts';
import { ListenerAddresses } from '../../../sidecar/xds/listener-addresses.ts';
import { eventually } from '../../mesh/discovery.ts';
import { makeMutualTls } from '../../mesh/mutual-tls.ts';
import { snapshotOf, startProxy, type TestProxy } from '../../mesh/proxy.ts';
import { Peer, tcpFilter } from '../../mesh/tcp.ts';
import { callPipe, pipeAddress, pipeCluster, startPipeOrigin } from '../../mesh/unix.ts';
import { tempDir } from '../../temp-dir.ts';

const HCM = 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const ROUTER =
  '{name: envoy.filters.http.router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}';
const HTTP = `{name: hcm, typed_config: {"@type": ${HCM}, stat_prefix: h, route_config: {virtual_hosts: [{name: v, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: up}}]}]}, http_filters: [${ROUTER}]}}`;

interface Pieces {
  readonly listen: string;
  readonly cluster: string;
  readonly filter?: string;
  /** Lines of the chain, with a dash before none. */
  readonly chain?: string;
  readonly clusterLines?: string;
}

function bootstrap({ listen, cluster, filter = HTTP, chain = '' }: Pieces): string {
  return [
    'static_resources:',
    '  listeners:',
    `  - name: main`,
    `    address: ${listen}`,
    '    filter_chains:',
    `    - filters: [${filter}]`,
    ...chain.split('\n').map((line) => `      ${line}`),
    '  clusters:',
    `  - ${cluster}`,
  ].join('\n');
}

async function started(t: TestContext, text: string): Promise<TestProxy> {
  const proxy = await startProxy(text);
  t.after(() => proxy.close());
  return proxy;
}

/** What the bind of a listener is refused with. */
async function bindError(t: TestContext, listen: string): Promise<string> {
  const proxy = await startProxy('static_resources: {}');
  t.after(() => proxy.close());
  proxy.apply(bootstrap({ listen, cluster: pipeCluster('up', '/nobody.sock') }));
  await proxy.runtime.settled();
  return [...proxy.runtime.bindErrors.values()].join();
}

async function dialPipe(path: string): Promise<Peer> {
  const socket = connect({ path: pipePath(path), allowHalfOpen: true });
  const peer = new Peer(socket);
  await once(socket, 'connect');
  return peer;
}

test('HTTP/1.1 over a Unix socket on both sides, kept alive, by path and by abstract name', async (t) => {
  const abstract = `@fairlead-test-${process.pid}`;
  for (const listen of [join(tempDir(t), 'in.sock'), abstract]) {
    const app = await startPipeOrigin(t);
    const proxy = await started(t, bootstrap({ listen: pipeAddress(listen), cluster: pipeCluster('up', app) }));
    for (let n = 0; n < 3; n++) assert.equal((await callPipe(listen)).status, 200);
    assert.deepEqual(proxy.runtime.listeners.get('main')?.addresses, [{ host: listen, port: 0 }]);
    assert.equal(proxy.stats.cluster('up').upstream_cx_total, 1);
    assert.equal(proxy.stats.listener(listen).downstream_cx_total, 3);
    assert.deepEqual([...(proxy.runtime.clusters.get('up')?.hosts.keys() ?? [])], [app]);
  }
});

test('an endpoint may be an abstract socket', async (t) => {
  const app = await startPipeOrigin(t, `@fairlead-origin-${process.pid}`);
  const listen = join(tempDir(t), 'in.sock');
  await started(t, bootstrap({ listen: pipeAddress(listen), cluster: pipeCluster('up', app) }));
  assert.equal((await callPipe(listen)).status, 200);
});

test('HTTP/2 in plain text by its preface', async (t) => {
  const app = await startPipeOrigin(t);
  const listen = join(tempDir(t), 'in.sock');
  await started(t, bootstrap({ listen: pipeAddress(listen), cluster: pipeCluster('up', app) }));
  const session = connectHttp2('http://app', { createConnection: () => connect({ path: listen }) });
  t.after(() => session.destroy());
  const stream = session.request({ ':path': '/' });
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
  assert.equal(headers[':status'], 200);
});

test('mutual TLS and HTTP/2 by ALPN between two sidecars that meet at a Unix socket', async (t) => {
  const tls = await makeMutualTls();
  const app = await startPipeOrigin(t);
  const folder = tempDir(t);
  const [hop, front] = [join(folder, 'hop.sock'), join(folder, 'front.sock')];
  const inbound = await started(
    t,
    bootstrap({ listen: pipeAddress(hop), cluster: pipeCluster('up', app), chain: tls.chain }),
  );
  const lines = tls.cluster().split('\n');
  const endpoint = `load_assignment: {cluster_name: up, endpoints: [{lb_endpoints: [{endpoint: {address: ${pipeAddress(hop)}}}]}]}`;
  const cluster = ['name: up', 'type: STATIC', endpoint, ...lines].join('\n    ');
  const outbound = await started(t, bootstrap({ listen: pipeAddress(front), cluster }));
  assert.equal((await callPipe(front)).status, 200);
  assert.equal(inbound.stats.listener(hop).ssl?.handshake, 1);
  assert.equal(outbound.stats.cluster('up').upstream_cx_http2_total, 1);
  const stranger = connectTls({ path: hop, rejectUnauthorized: false, ALPNProtocols: ['h2'] });
  stranger.on('error', () => {});
  await new Promise((resolve) => stranger.on('close', resolve));
  assert.equal(inbound.stats.listener(hop).ssl?.fail_verify_no_cert, 1);
});

async function tcpPair(t: TestContext) {
  const folder = tempDir(t);
  const [app, listen] = [join(folder, 'app.sock'), join(folder, 'in.sock')];
  const taken = Promise.withResolvers<Peer>();
  const server = createServer({ allowHalfOpen: true }, (socket: Socket) => taken.resolve(new Peer(socket)));
  server.listen({ path: app });
  await once(server, 'listening');
  t.after(() => server.close());
  const path = join(folder, 'log');
  const log = {
    path,
    format: '%RESPONSE_FLAGS% %DOWNSTREAM_REMOTE_ADDRESS% %UPSTREAM_REMOTE_ADDRESS% %BYTES_RECEIVED% %BYTES_SENT%',
  };
  const filter = tcpFilter('cluster: up', log);
  const proxy = await started(t, bootstrap({ listen: pipeAddress(listen), cluster: pipeCluster('up', app), filter }));
  const client = await dialPipe(listen);
  const peer = await taken.promise;
  t.after(() => {
    client.socket.destroy();
    peer.socket.destroy();
  });
  const logged = async () => {
    await proxy.flushLogs();
    return readFileSync(path, 'utf8');
  };
  return { proxy, client, server: peer, app, listen, logged };
}

test('a TCP proxy between Unix sockets: bytes both ways, and each end by itself', async (t) => {
  const { client, server, app, listen, logged } = await tcpPair(t);
  server.say('220 ready');
  assert.equal(await client.hears('220 ready'), '220 ready');
  client.socket.end('last words');
  await server.end();
  assert.equal(server.heard, 'last words');
  server.socket.end('bye');
  await client.gone();
  assert.equal(client.heard, '220 readybye');
  assert.equal(await logged(), `- ${listen} ${app} 10 12\n`);
});

test('an upstream that is gone: the next bytes of the client end the connection', async (t) => {
  const { proxy, client, server } = await tcpPair(t);
  client.say('x');
  await server.hears('x');
  server.socket.destroy();
  // A Unix socket knows no reset: who leaves has ended, and may still be spoken to as far as we know.
  await client.end();
  client.say('y').socket.end();
  await client.gone();
  await eventually(() => assert.equal(proxy.stats.cluster('up').upstream_cx_active, 0));
  assert.equal(proxy.stats.tcp('p').downstream_cx_total, 1);
});

test('a refused PROXY header ends the connection', async (t) => {
  const app = await startPipeOrigin(t);
  const listen = join(tempDir(t), 'in.sock');
  const proxyProtocol =
    'listener_filters: [{name: p, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol}}]';
  await started(
    t,
    bootstrap({ listen: `${pipeAddress(listen)}\n    ${proxyProtocol}`, cluster: pipeCluster('up', app) }),
  );
  const stranger = await dialPipe(listen);
  stranger.say('GET / HTTP/1.1\r\n\r\n');
  await stranger.end();
  stranger.socket.end();
  assert.equal(stranger.heard, '');
  const known = await dialPipe(listen);
  known.say('PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET / HTTP/1.1\r\nhost: app\r\nconnection: close\r\n\r\n');
  await known.end();
  known.socket.end();
  assert.match(known.heard, /^HTTP\/1\.1 200 OK/);
});

test('the mode is set, and the file goes with the listener', async (t) => {
  const app = await startPipeOrigin(t);
  const listen = join(tempDir(t), 'in.sock');
  const proxy = await started(t, bootstrap({ listen: pipeAddress(listen, 0o620), cluster: pipeCluster('up', app) }));
  assert.equal(lstatSync(listen).mode & 0o777, 0o620);
  // Another mode is another address: it is bound anew.
  proxy.apply(bootstrap({ listen: pipeAddress(listen, 0o600), cluster: pipeCluster('up', app) }));
  await proxy.runtime.settled();
  assert.deepEqual([...proxy.runtime.bindErrors.values()], []);
  assert.equal(lstatSync(listen).mode & 0o777, 0o600);
  assert.equal((await callPipe(listen)).status, 200);
  proxy.runtime.stopListening();
  assert.equal(existsSync(listen), false);
});

/** What a process leaves that is gone without a word. */
function leaveSocket(path: string): void {
  const program = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', program]);
  assert.ok(lstatSync(path).isSocket());
}

test('what a process that is gone left behind is replaced', async (t) => {
  const app = await startPipeOrigin(t);
  const listen = join(tempDir(t), 'in.sock');
  leaveSocket(listen);
  await started(t, bootstrap({ listen: pipeAddress(listen), cluster: pipeCluster('up', app) }));
  assert.equal((await callPipe(listen)).status, 200);
});

test('a socket at which somebody listens, and a file that is none, stay', async (t) => {
  const app = await startPipeOrigin(t);
  assert.match(
    await bindError(t, pipeAddress(app)),
    /cannot bind .*app\.sock: somebody listens at .*app\.sock already/,
  );
  assert.equal((await callPipe(app)).status, 200);
  const file = join(tempDir(t), 'precious');
  writeFileSync(file, 'words');
  assert.match(await bindError(t, pipeAddress(file)), /precious is a file that is no socket/);
  assert.equal(readFileSync(file, 'utf8'), 'words');
  assert.match(await bindError(t, pipeAddress('/nowhere/at/all.sock')), /the folder \/nowhere\/at is not there/);
});

test('two listeners cannot have one socket', () => {
  const text = bootstrap({ listen: pipeAddress('/run/a.sock'), cluster: pipeCluster('up', '/run/app.sock') });
  const [listener] = snapshotOf(text).listeners.values();
  assert.ok(listener !== undefined);
  const clash = new ListenerAddresses([listener]).clash({ ...listener, name: 'other' });
  assert.equal(clash?.reason, '/run/a.sock is the address of listener "main" already');
});

test('an upstream that is not there: 503, and the reason in the log', async (t) => {
  const folder = tempDir(t);
  const [listen, path] = [join(folder, 'in.sock'), join(folder, 'log')];
  const log = `access_log: [{name: f, typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: "${path}", log_format: {text_format_source: {inline_string: "%RESPONSE_FLAGS% %UPSTREAM_HOST% %UPSTREAM_TRANSPORT_FAILURE_REASON%\\n"}}}}], route_config`;
  const proxy = await started(
    t,
    bootstrap({
      listen: pipeAddress(listen),
      cluster: pipeCluster('up', join(folder, 'no.sock')),
      filter: HTTP.replace('route_config', log),
    }),
  );
  assert.equal((await callPipe(listen)).status, 503);
  await proxy.flushLogs();
  const lines = readFileSync(path, 'utf8').trim().split('\n');
  assert.deepEqual(lines, [`UF ${join(folder, 'no.sock')} immediate_connect_error:_No_such_file_or_directory`]);
});

test('a path of one word is one below the working directory', () => {
  const [listener] = snapshotOf(
    bootstrap({ listen: pipeAddress('in.sock'), cluster: pipeCluster('up', 'run/app.sock') }),
  ).listeners.values();
  assert.deepEqual(listener?.addresses, [{ host: './in.sock', port: 0, mode: 0 }]);
  assert.deepEqual(['./in.sock', '/a', '@a', '1.2.3.4', '::1', 'a.b', ''].map(isPipe), [
    true,
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
});

function refusal(text: string): string {
  try {
    snapshotOf(text);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

test('what cannot be bound is refused by name, at the byte', () => {
  const longest = `/${'x'.repeat(106)}`;
  const up = pipeCluster('up', '/run/app.sock');
  assert.equal(refusal(bootstrap({ listen: pipeAddress(longest), cluster: pipeCluster('up', longest) })), '');
  assert.match(
    refusal(bootstrap({ listen: pipeAddress(`${longest}y`), cluster: up })),
    /listeners\[0\]\.address\.pipe\.path.*is 108 bytes long; the path of a Unix socket has 107 at most/,
  );
  // Bytes are counted, not letters.
  assert.match(refusal(bootstrap({ listen: pipeAddress(`/${'é'.repeat(54)}`), cluster: up })), /is 109 bytes long/);
  assert.match(
    refusal(bootstrap({ listen: pipeAddress('@name', 0o600), cluster: up })),
    /mode.*cannot be set for an abstract/,
  );
  assert.match(refusal(bootstrap({ listen: pipeAddress('/a', 0o1000), cluster: up })), /mode/);
  const dns = up.replace('STATIC', 'STRICT_DNS');
  assert.match(
    refusal(bootstrap({ listen: pipeAddress('/a'), cluster: dns })),
    /pipe.*not supported by fairlead in this place/,
  );
});
