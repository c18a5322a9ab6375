// kill -9 of whatever there is, under load: discovery comes back with what was registered, a sidecar that is
// started without discovery serves from its disk, and no client sees an error where another instance lives.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask, until } from '../../examples/tea-shop/ask.ts';
import { Load } from '../../examples/tea-shop/load.ts';
import { MEMBERS, Shop } from '../../examples/tea-shop/shop.ts';

let dir: string;
let shop: Shop;
let load: Load;

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'fairlead-kill-'));
  shop = await Shop.open({ dir, port: 0, showLogs: false, leafTtl: null });
  // A host that failed is left out for a second instead of half a minute, so that its return is seen here.
  const outlier = 'outlierDetection: {baseEjectionTime: 1s, interval: 1s}';
  shop.editMesh((text) => text.replace('{loadBalancing: LEAST_REQUEST}', `{loadBalancing: LEAST_REQUEST, ${outlier}}`));
});

after(async () => {
  await load?.stop();
  await shop?.close();
  rmSync(dir, { recursive: true, force: true });
});

const PATHS = ['/api/teas/sencha', '/api/teas/chai', '/api/teas/oolong'];

/** Requests that its inbound listener took. */
async function requestsTaken(port: number): Promise<number> {
  const { text } = await ask({ port, path: '/stats?filter=http%5C.inbound.*downstream_rq_total' });
  return Number(/: (\d+)$/m.exec(text)?.[1] ?? 0);
}

async function ready(port: number): Promise<boolean> {
  return (await ask({ port, path: '/ready' })).status === 200;
}

test('discovery, a sidecar and an instance are killed in turn', { timeout: 120_000 }, async (t) => {
  load = new Load(shop.gatewayPort, PATHS, 60);
  const sidecar = shop.member('catalog-v1-a');
  await sleep(1500);

  shop.discovery.kill();
  await sleep(1000);
  sidecar.sidecar.kill();
  await sleep(1500);
  sidecar.sidecar = shop.startSidecar(sidecar.plan, sidecar.ports);
  await until('the sidecar, from its disk', () => ready(sidecar.ports.admin));
  await until('traffic through it', async () => (await requestsTaken(sidecar.ports.admin)) > 0);
  const { text } = await ask({ port: sidecar.ports.admin, path: '/stats?filter=control_plane.connected_state' });
  assert.match(text, /connected_state: 0/, 'discovery was there after all');

  const instance = shop.member('reviews-a');
  instance.app?.kill();
  instance.sidecar.kill();
  await sleep(2000);

  shop.discovery = shop.startDiscovery();
  await until('discovery', () => ready(shop.discoveryPorts.admin));
  const registry = JSON.parse((await ask({ port: shop.discoveryPorts.admin, path: '/v1/instances' })).text) as {
    instances: { name: string }[];
  };
  const names = registry.instances.map(({ name }) => name).sort();
  await until(
    'the sidecars at discovery',
    async () => {
      const { text: clients } = await ask({ port: shop.discoveryPorts.admin, path: '/clients' });
      return (JSON.parse(clients) as { clients: unknown[] }).clients.length >= 5;
    },
    60_000,
  );

  const { sent, failures } = await load.stop();
  t.diagnostic(`${sent} requests, ${failures.length} failures; discovery remembered ${names.join(', ')}`);
  assert.deepEqual(failures, []);
  assert.deepEqual(names, MEMBERS.flatMap(({ name, app }) => (app === null ? [] : [name])).sort());
});
