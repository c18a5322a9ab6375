// A service of plain connections in the mesh: server first, half-closes, mutual TLS between, and only who
// may connect reaches it.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { freePorts } from '../../../examples/tea-shop/free-ports.ts';
import { eventually } from '../../mesh/discovery.ts';
import { type MeshPair, runMeshPair } from '../../mesh/mesh-pair.ts';
import { dialTcp, type Peer, startTcpOrigin, type TcpOrigin } from '../../mesh/tcp.ts';

const GREETING = '220 tea\r\n';

interface Story {
  readonly pair: MeshPair;
  readonly origin: TcpOrigin;
  readonly port: number;
}

async function story(t: TestContext): Promise<Story> {
  const origin = await startTcpOrigin((peer) => peer.say(GREETING));
  t.after(() => origin.close());
  const [port] = (await freePorts(1)) as [number];
  const pair = await runMeshPair(t, origin.port, pieces(port, 'allow: [web]'));
  return { pair, origin, port };
}

function pieces(port: number, shop: string) {
  return { web: `upstreams: [{service: shop, port: ${port}}]`, shop: `protocol: tcp, ${shop}` };
}

/** A client that was greeted, and the application's end. */
async function greeted({ port, origin }: Story): Promise<{ readonly client: Peer; readonly server: Peer }> {
  const client = await dialTcp(port);
  assert.equal(await client.hears(GREETING), GREETING);
  return { client, server: await origin.next() };
}

async function bothWays(here: Story): Promise<void> {
  const { client, server } = await greeted(here);
  client.say('STOCK sencha\r\n');
  assert.equal(await server.hears('STOCK sencha\r\n'), 'STOCK sencha\r\n');
  server.say('12\r\n');
  assert.equal(await client.hears(`${GREETING}12\r\n`), `${GREETING}12\r\n`);
  client.socket.end();
  await server.end();
  server.say('bye').socket.end();
  await client.end();
  assert.equal(client.heard, `${GREETING}12\r\nbye`);
  await client.gone();
}

async function large(here: Story): Promise<void> {
  const { client, server } = await greeted(here);
  const text = 'tea '.repeat(1_000_000);
  client.say(text).socket.end();
  await server.end();
  assert.ok(server.heard === text, `${server.heard.length} bytes`);
  server.say(text).socket.end();
  await client.end();
  assert.ok(client.heard === `${GREETING}${text}`, `${client.heard.length} bytes`);
}

/** In front of the application stands mutual TLS: what is no part of it gets nothing. */
async function plainText({ pair, origin }: Story): Promise<void> {
  const taken = origin.taken;
  const stranger = (await dialTcp(pair.shop.inbound)).say('STOCK sencha\r\n');
  await stranger.end();
  stranger.socket.destroy();
  // An alert of TLS may come, and none of the application's words.
  assert.ok(!stranger.heard.includes('220'));
  assert.equal(origin.taken, taken);
}

async function notAllowed({ pair, origin, port }: Story): Promise<void> {
  pair.mesh({ ...pieces(port, 'allow: [edge]'), more: 'gateways: {edge: {listeners: [{name: http, port: 80}]}}' });
  await eventually(async () => {
    const taken = origin.taken;
    const client = await dialTcp(port);
    client.say('a');
    await client.hears(GREETING);
    client.socket.destroy();
    assert.equal(client.heard, '');
    assert.equal(origin.taken, taken);
  });
  assert.ok((await pair.shop.pages.get('/stats')).includes('rbac.denied'));
}

/** By TLS from the mesh, and without from elsewhere, though the server speaks first. */
async function permissive(here: Story): Promise<void> {
  const { pair, port } = here;
  pair.mesh(pieces(port, 'mtls: PERMISSIVE'));
  await eventually(async () => assert.match(await pair.shop.pages.get('/config_dump'), /raw_buffer/));
  const stranger = await dialTcp(pair.shop.inbound);
  assert.equal(await stranger.hears(GREETING), GREETING);
  stranger.socket.destroy();
  const client = await dialTcp(port);
  assert.equal(await client.hears(GREETING), GREETING);
  client.socket.destroy();
}

test('a service of connections, over mutual TLS', { timeout: 120_000 }, async (t) => {
  const here = await story(t);
  await t.test('both ways, the server first, and each half closes for itself', () => bothWays(here));
  await t.test('megabytes both ways', () => large(here));
  await t.test('plain text gets in nowhere', () => plainText(here));
  await t.test('who is not allowed is closed, and the application sees nothing', () => notAllowed(here));
  await t.test('permissive: plain text too, the server first', () => permissive(here));
});
