// The promise of a mesh under change: 500 requests a second through the gateway and two sidecars while
// endpoints, routes and certificates change every second. Nobody may see an error, and memory stays flat.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ask } from '../../examples/tea-shop/ask.ts';
import { Load } from '../../examples/tea-shop/load.ts';
import { Shop } from '../../examples/tea-shop/shop.ts';

const SECONDS = 75;
/** Start-up and warm-up do not count: by then the collector has the room that it works in (decision 11). */
const SETTLED_AFTER = 35;
const PER_SECOND = 500;
/** Growth of resident memory over the last 40 s that is noise of the collector and no leak. */
const NOISE = 1.25;

let dir: string;
let shop: Shop;
let load: Load;

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'fairlead-change-'));
  shop = await Shop.open({ dir, port: 0, showLogs: false, leafTtl: '10s' });
});

after(async () => {
  await load?.stop();
  await shop?.close();
  rmSync(dir, { recursive: true, force: true });
});

/** Kilobytes. */
function residentOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
}

function memory(): Record<string, number> {
  const processes = [
    ['discovery', shop.discovery.pid],
    ...shop.members.map(({ plan, sidecar }) => [plan.name, sidecar.pid]),
  ];
  return Object.fromEntries(processes.map(([name, pid]) => [String(name), residentOf(Number(pid))]));
}

/** Takes an instance off the registry, or puts it back; moves the split. */
async function change(second: number): Promise<void> {
  const weight = second % 2 === 0 ? 90 : 30;
  shop.editMesh((text) => text.replace(/version: v1, weight: \d+/, `version: v1, weight: ${weight}`));
  const { ports } = shop.member('catalog-v1-b');
  const path = '/v1/instances/catalog-v1-b';
  const { admin } = shop.discoveryPorts;
  if (second % 2 === 0) {
    await ask({ port: admin, path, method: 'DELETE', headers: { 'content-length': '0' } });
    return;
  }
  const body = JSON.stringify({
    service: 'catalog',
    address: '127.0.0.1',
    port: ports.inbound,
    appPort: ports.app,
    labels: { version: 'v1' },
  });
  const { status, text } = await ask({
    port: admin,
    path,
    method: 'PUT',
    body,
    headers: { 'content-type': 'application/json', 'content-length': String(body.length) },
  });
  assert.ok(status < 300, text);
}

/** How often a connection did not come about in time, over all sidecars. */
async function connectTimeouts(): Promise<number> {
  const each = shop.members.map(async ({ ports }) => {
    const { text } = await ask({ port: ports.admin, path: '/stats?filter=upstream_cx_connect_timeout' });
    return [...text.matchAll(/: (\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0);
  });
  return (await Promise.all(each)).reduce((sum, count) => sum + count, 0);
}

test('500 requests/s for 75 s under change: no failure, flat memory', { timeout: 180_000 }, async (t) => {
  load = new Load(shop.gatewayPort, ['/api/teas'], PER_SECOND);
  let settled: Record<string, number> = {};
  for (let second = 0; second < SECONDS; second++) {
    if (second === SETTLED_AFTER) settled = memory();
    await change(second);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  const last = memory();
  const { sent, failures } = await load.stop();
  const grown = Object.keys(last).map((name) => ({ name, from: settled[name] ?? 0, to: last[name] ?? 0 }));
  t.diagnostic(`${sent} requests, ${failures.length} failures, ${await connectTimeouts()} connection timeouts`);
  for (const { name, from, to } of grown)
    t.diagnostic(`${name}: ${Math.round(from / 1024)} -> ${Math.round(to / 1024)} MB resident`);
  assert.deepEqual(failures, []);
  assert.ok(sent > PER_SECOND * SECONDS * 0.7, `only ${sent} requests were sent`);
  for (const { name, from, to } of grown) assert.ok(to < from * NOISE, `${name} grew from ${from} to ${to} kB`);
});
