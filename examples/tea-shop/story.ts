// The story of the shop, each step done and then asserted: what a mesh is for, seen to hold.

import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask, until } from './ask.ts';
import { Load, type LoadResult } from './load.ts';
import { Prices } from './prices.ts';
import { PROTOCOLS } from './protocols.ts';
import type { Shop } from './shop.ts';
import { converse, must, type Step } from './step.ts';

const TEAS = ['sencha', 'matcha', 'assam', 'oolong', 'rooibos', 'chai'].map((name) => `/api/teas/${name}`);
const PER_SECOND = 40;

interface TeaAnswer {
  readonly web: { readonly caller: string; readonly self: string };
  readonly catalog: {
    readonly version: string;
    readonly instance: string;
    readonly caller: string;
    readonly self: string;
  };
}

async function tea(shop: Shop, headers: Readonly<Record<string, string>> = {}): Promise<TeaAnswer> {
  const { status, text } = await shop.get('/api/teas/sencha', headers);
  must(status === 200, `the shop answered ${status}: ${text}`);
  return JSON.parse(text) as TeaAnswer;
}

/** Runs `act` while customers come and go; none of them may see an error. */
async function underLoad(shop: Shop, act: () => Promise<void>): Promise<LoadResult> {
  const load = new Load(shop.gatewayPort, TEAS, PER_SECOND);
  try {
    await act();
  } finally {
    const result = await load.stop();
    must(result.failures.length === 0, `customers saw errors: ${result.failures.join('; ')}`);
    // biome-ignore lint/correctness/noUnsafeFinally: a failure of the act itself was thrown already.
    return result;
  }
}

async function mutualTls(shop: Shop): Promise<string> {
  const { web, catalog } = await tea(shop);
  must(
    web.caller === shop.member('shop').spiffeId && web.self === shop.member('web-a').spiffeId,
    `web was asked by "${web.caller}"`,
  );
  must(catalog.caller === shop.member('web-a').spiffeId, `catalog was asked by "${catalog.caller}"`);
  must(catalog.self === shop.member('catalog-v1-a').spiffeId, `catalog answered as "${catalog.self}"`);
  const plain = await converse(
    shop.member('catalog-v1-a').ports.inbound,
    'GET /teas HTTP/1.1\r\nhost: catalog\r\n\r\n',
  );
  must(!plain.startsWith('HTTP/'), 'a plain-text request got into catalog');
  return `${web.caller} -> ${web.self} -> ${catalog.self}; plain text is refused`;
}

async function faultIsHidden(shop: Shop): Promise<string> {
  // A few at a time: a retry budget lets no more than a few be tried again at once, or a fault would double the load.
  const answers: { readonly status: number }[] = [];
  while (answers.length < 30) {
    answers.push(...(await Promise.all(Array.from({ length: 3 }, () => shop.get('/api/teas/matcha')))));
  }
  must(
    answers.every(({ status }) => status === 200),
    'the fault of reviews-b reached a customer',
  );
  const { text } = await ask({
    port: shop.member('web-a').ports.admin,
    path: '/stats?filter=reviews.*upstream_rq_retry_success',
  });
  return `30 of 30 requests for matcha answered while reviews-b fails; ${
    text
      .trim()
      .split('\n')
      .at(-1)
      ?.replace(/^.*\.(upstream_rq_retry_success)/, '$1') ?? ''
  }`;
}

async function shareOfV2(shop: Shop, requests: number): Promise<number> {
  let v2 = 0;
  for (let i = 0; i < requests; i += 20) {
    const answers = await Promise.all(Array.from({ length: 20 }, () => tea(shop)));
    v2 += answers.filter(({ catalog }) => catalog.version === 'v2').length;
  }
  return v2 / requests;
}

async function split(shop: Shop): Promise<string> {
  const before = await shareOfV2(shop, 400);
  must(before > 0.04 && before < 0.18, `v2 got ${before * 100} % instead of 10 %`);
  shop.editMesh((text) =>
    text
      .replace('version: v1, weight: 90', 'version: v1, weight: 50')
      .replace('version: v2, weight: 10', 'version: v2, weight: 50'),
  );
  await until('the new split', async () => {
    const share = await shareOfV2(shop, 100);
    return share > 0.3;
  });
  const after = await shareOfV2(shop, 400);
  must(after > 0.4 && after < 0.6, `v2 got ${after * 100} % instead of 50 %`);
  const pinned = await tea(shop, { 'x-beta': '1' });
  must(pinned.catalog.version === 'v2', 'x-beta: 1 did not lead to v2');
  return `v2 took ${Math.round(before * 100)} % of 400, then ${Math.round(after * 100)} % of 400; x-beta: 1 always gets v2`;
}

async function killOne(shop: Shop): Promise<string> {
  const victim = shop.member('catalog-v1-b');
  const { sent } = await underLoad(shop, async () => {
    await sleep(1000);
    victim.app?.kill();
    victim.sidecar.kill();
    await sleep(5000);
  });
  return `catalog-v1-b and its sidecar killed during ${sent} requests; none failed`;
}

async function withoutDiscovery(shop: Shop): Promise<string> {
  const { sent } = await underLoad(shop, async () => {
    shop.discovery.kill();
    await sleep(20_000);
    shop.discovery = shop.startDiscovery();
    await until(
      'discovery',
      async () => (await ask({ port: shop.discoveryPorts.admin, path: '/ready' })).status === 200,
    );
    await until('the first sidecars', async () => (await clients(shop)) > 1);
  });
  const { text } = await ask({ port: shop.discoveryPorts.admin, path: '/v1/instances' });
  const names = (JSON.parse(text) as { instances: { name: string }[] }).instances.map(({ name }) => name);
  must(
    names.includes('catalog-v1-a') && names.includes('reviews-a'),
    `discovery came back knowing only ${names.join(', ')}`,
  );
  return `discovery killed for 20 s during ${sent} requests; none failed, ${names.length} instances remembered`;
}

async function clients(shop: Shop): Promise<number> {
  const { text } = await ask({ port: shop.discoveryPorts.admin, path: '/clients' });
  const body = JSON.parse(text) as { clients: readonly unknown[] };
  return body.clients.length;
}

async function serialOf(shop: Shop, name: string): Promise<string> {
  const { text } = await ask({ port: shop.member(name).ports.admin, path: '/certs' });
  const { certificates } = JSON.parse(text) as { certificates: { cert_chain: { serial_number: string }[] }[] };
  return certificates.map(({ cert_chain }) => cert_chain[0]?.serial_number ?? '').join(',');
}

async function rotate(shop: Shop): Promise<string> {
  const names = ['shop', 'web-a', 'catalog-v1-a', 'reviews-a', 'ticker-a'];
  const before = await Promise.all(names.map((name) => serialOf(shop, name)));
  const renewed = async () => {
    const now = await Promise.all(names.map((name) => serialOf(shop, name)));
    return now.every((serial, i) => serial !== before[i] && serial !== '');
  };
  let sent = 0;
  const { number } = await Prices.during(shop, async () => {
    ({ sent } = await underLoad(shop, () => until('new certificates', renewed, 60_000)));
  });
  return `every certificate of ${names.join(', ')} was renewed during ${sent} requests, none failed; ${number} prices over one WebSocket`;
}

async function badConfig(shop: Shop): Promise<string> {
  const good = readFileSync(shop.meshFile, 'utf8');
  const { sent } = await underLoad(shop, async () => {
    writeFileSync(shop.meshFile, good.replace('allow: [web]', 'alow: [web]'));
    await until('the refusal', async () => /mesh\.yaml:\d+:\d+: .*alow/.test(await shop.discovery.said()), 10_000);
    await sleep(1000);
  });
  const line = /mesh\.yaml:\d+:\d+: [^\n"\\]*/.exec(await shop.discovery.said())?.[0] ?? '';
  writeFileSync(shop.meshFile, good);
  return `${line}; ${sent} requests went on`;
}

async function forbidden(shop: Shop): Promise<string> {
  const { ports } = shop.member('catalog-v1-a');
  const { status, text } = await ask({ port: ports.outbound, path: '/reviews/sencha', host: 'reviews' });
  must(status === 403 && text.includes('RBAC'), `catalog asked reviews and got ${status} ${text}`);
  return `catalog may not ask reviews: ${status} ${text}`;
}

export const STORY: readonly Step[] = [
  { title: 'Traffic crosses two sidecars with mutual TLS', run: mutualTls },
  ...PROTOCOLS,
  { title: 'A faulty copy is hidden by retries', run: faultIsHidden },
  { title: 'A split moves from 90/10 to 50/50', run: split },
  { title: 'A forbidden call is refused', run: forbidden },
  { title: 'A bad mesh.yaml is refused, by line and column', run: badConfig },
  { title: 'Certificates rotate under load and under an open WebSocket', run: rotate },
  { title: 'An instance is killed and nobody notices', run: killOne },
  { title: 'Discovery is gone for 20 s and traffic goes on', run: withoutDiscovery },
];
