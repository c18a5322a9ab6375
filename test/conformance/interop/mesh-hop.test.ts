// A stock Envoy beside the caller and our sidecar beside the service, both told by our discovery: requests
// cross from the one to the other over HTTP/2, gRPC whole, and connections by the same mutual TLS.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { bootstrapOf } from '../../../cli/verbs/bootstrap.ts';
import { freePorts } from '../../../examples/tea-shop/free-ports.ts';
import { call } from '../../mesh/call.ts';
import { openClient } from '../../mesh/client.ts';
import { certificateFor } from '../../mesh/certificates.ts';
import { eventually, runDiscovery, type TestDiscovery } from '../../mesh/discovery.ts';
import { envoyOrSkip, runEnvoy, type TestEnvoy, withTls } from '../../mesh/envoy.ts';
import { grpcClient, runGrpcOrigin } from '../../mesh/grpc-origin.ts';
import { meshMember } from '../../mesh/mesh-pair.ts';
import { answer, startOrigin } from '../../mesh/origin.ts';
import { webSocketEcho } from '../../mesh/web-socket-echo.ts';
import { dialTcp, startTcpOrigin } from '../../mesh/tcp.ts';

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

interface Services {
  readonly shop: number;
  readonly rpc: number;
  readonly store: number;
  /** Of an undeclared protocol. */
  readonly open: number;
  /** Where the caller reaches `store`, and `open`. */
  readonly port: number;
  readonly openPort: number;
}

async function services(t: TestContext): Promise<Services> {
  const origin = await startOrigin((request, n, socket) =>
    /^upgrade: websocket$/im.test(request.head)
      ? webSocketEcho(request, n, socket)
      : answer(request.head.split('\r\n')[0] as string),
  );
  const store = await startTcpOrigin((peer) => peer.say('hello'));
  const open = await startTcpOrigin((peer) =>
    peer.socket.once('data', (bytes) => peer.say(/HTTP/.test(String(bytes)) ? answer('a page') : `echo ${bytes}`)),
  );
  t.after(() => Promise.all([origin.close(), store.close(), open.close()]));
  const [port, openPort] = (await freePorts(2)) as [number, number];
  const rpc = await runGrpcOrigin(t);
  return { shop: origin.port, rpc: rpc.port, store: store.port, open: open.port, port, openPort };
}

function meshOf({ shop, rpc, store, open, port, openPort }: Services, inbound: readonly number[]): string {
  const service = (protocol: string, at: number, app: number) =>
    `{port: ${app}, ${protocol} instances: [{address: 127.0.0.1, port: ${inbound[at]}, appPort: ${app}}], allow: [web]}`;
  return `
mesh: {mtls: STRICT, allowKeysOverSds: true}
services:
  web: {port: 80, upstreams: [{service: store, port: ${port}}, {service: open, port: ${openPort}}]}
  shop: ${service('protocol: http,', 0, shop)}
  rpc: ${service('protocol: grpc,', 1, rpc)}
  store: ${service('protocol: tcp,', 2, store)}
  open: ${service('', 3, open)}
`;
}

async function envoyOf(t: TestContext, discovery: TestDiscovery): Promise<TestEnvoy> {
  const ports = { 'admin-port': '0', 'outbound-port': '0', 'inbound-port': '0' };
  const bootstrap = bootstrapOf({
    ...ports,
    service: 'web',
    'no-identity': true,
    'xds-address': discovery.secureXds,
  });
  return runEnvoy(t, withTls(bootstrap, await certificateFor(discovery, 'web')));
}

test('an Envoy calls what stands behind our sidecars', { ...envoyOrSkip(), timeout: 120_000 }, async (t) => {
  const here = await services(t);
  const inbound = await freePorts(4);
  const discovery = await runDiscovery(t, meshOf(here, inbound));
  for (const [i, service] of (['shop', 'rpc', 'store', 'open'] as const).entries())
    await meshMember(t, discovery, { service, appPort: here[service], inbound: inbound[i] as number });
  const envoy = await envoyOf(t, discovery);
  const outbound = await envoy.listener('outbound');

  await eventually(async () =>
    assert.equal((await call(outbound, '/tea', { host: 'shop' })).body, 'GET /tea HTTP/1.1'),
  );
  const http2 = new RegExp(`^cluster\\.outbound\\|(${here.shop}|${here.rpc})\\|.*\\.upstream_cx_http2_total$`);
  assert.equal(await envoy.sum(http2), 1);

  const fields = [
    'host: shop',
    'connection: upgrade',
    'upgrade: websocket',
    'sec-websocket-version: 13',
    `sec-websocket-key: ${KEY}`,
  ];
  const socket = await openClient(Number(outbound.split(':')[1]));
  await socket.send(['GET /live HTTP/1.1', ...fields, '', ''].join('\r\n'));
  assert.match(await socket.until((text) => text.endsWith('hello ')), /^HTTP\/1\.1 101 /);
  await socket.send('tea');
  assert.match(await socket.until((text) => text.endsWith('tea')), /hello echo tea$/);
  socket.close();
  assert.equal(await envoy.sum(http2), 1);

  const client = grpcClient(t, Number(outbound.split(':')[1]), 'rpc') as unknown as {
    say(message: Buffer, done: (error: Error | null, answer?: Buffer) => void): void;
  };
  const said = await new Promise((resolve, reject) =>
    client.say(Buffer.from('tea'), (error, message) => (error === null ? resolve(String(message)) : reject(error))),
  );
  assert.equal(said, 'tea');
  const counted = /^cluster\.outbound\|.*\.grpc\.test\.Kinds\.Say\.success$/;
  await eventually(async () => assert.equal(await envoy.sum(counted), 1));
  assert.equal(await envoy.sum(http2), 2);

  const peer = await dialTcp(here.port);
  assert.equal(await peer.hears('hello'), 'hello');
  peer.socket.destroy();
  // What it finds at an undeclared port crosses as what it is.
  assert.equal((await call(`127.0.0.1:${here.openPort}`, '/')).body, 'a page');
  const other = await dialTcp(here.openPort);
  other.say('EHLO a\r\n');
  assert.equal(await other.hears('echo EHLO a\r\n'), 'echo EHLO a\r\n');
  other.socket.destroy();
  assert.equal(await envoy.sum(new RegExp(`^cluster\\.outbound\\|${here.open}\\|.*\\.upstream_cx_http2_total$`)), 1);
  assert.equal(await envoy.sum(/(update_rejected|update_failure)$/), 0, envoy.stderr());
});
