// The steps of the story in which the shop speaks something else than plain requests: gRPC, WebSocket, TCP.

import { ask, until } from './ask.ts';
import { Prices } from './prices.ts';
import type { Shop } from './shop.ts';
import { converse, must, type Step, statOf } from './step.ts';

const STREAM_MS = 10_000;

interface Recipe {
  readonly celsius: number;
  readonly minutes: number;
  readonly caller: string;
  readonly self: string;
}

async function grpc(shop: Shop): Promise<string> {
  const { status, text } = await shop.get('/api/recipes/sencha');
  must(status === 200, `web asked brewing and got ${text}`);
  const { celsius, minutes, caller, self } = JSON.parse(text) as Recipe;
  must(celsius === 70 && minutes === 2, `the recipe of sencha is ${text}`);
  must(caller === shop.member('web-a').spiffeId, `brewing was asked by "${caller}"`);
  must(self === shop.member('brewing-a').spiffeId, `brewing answered as "${self}"`);
  const unknown = await shop.get('/api/recipes/cola');
  must(unknown.status === 404, `NOT_FOUND of brewing became ${unknown.status}`);
  const seen = await watchKettle(shop, 3);
  must(seen.join() === '60,64,68', `the kettle had ${seen.join()} degrees`);
  await until('the end of the stream at brewing', async () => (await streams(shop)) === 0);
  return `a recipe in one answer (${celsius} °C, ${minutes} min), the kettle in a stream (${seen.join(', ')} °C) until its reader left`;
}

/** Calls that the sidecar of brewing has at its service. */
function streams(shop: Shop): Promise<number> {
  return statOf(shop, 'brewing-a', /^cluster\.inbound\|\d+\|\|\.upstream_rq_active$/);
}

/** Its first temperatures, while the stream goes on; then leaves. */
async function watchKettle(shop: Shop, count: number): Promise<string[]> {
  const signal = AbortSignal.timeout(STREAM_MS);
  const { body } = await fetch(`http://127.0.0.1:${shop.gatewayPort}/api/kettle`, { signal });
  let text = '';
  for await (const piece of body ?? []) {
    text += Buffer.from(piece).toString();
    const seen = [...text.matchAll(/^data: \{"celsius":(\d+)\}\n\n/gm)].map(([, celsius = '']) => celsius);
    if (seen.length < count) continue;
    const now = await streams(shop);
    must(now === 1, `brewing has ${now} streams while one is read`);
    return seen;
  }
  throw new Error(`the kettle was out of sight after ${JSON.stringify(text)}`);
}

async function livePrices(shop: Shop): Promise<string> {
  const { number } = await Prices.during(shop, async ({ caller, self }) => {
    must(caller === shop.member('shop').spiffeId, `ticker was asked by "${caller}"`);
    must(self === shop.member('ticker-a').spiffeId, `ticker answered as "${self}"`);
    const cluster = (version: string) => new RegExp(`\\|\\|ticker\\..*\\.upstream_cx_http${version}_total$`);
    must((await statOf(shop, 'shop', cluster('2'))) > 0, 'the gateway spoke no HTTP/2 to ticker');
    must((await statOf(shop, 'shop', cluster('1'))) === 0, 'the gateway spoke HTTP/1.1 to ticker');
    const upgrades = await statOf(shop, 'ticker-a', /^http\.inbound\.downstream_cx_upgrades_active$/);
    must(upgrades > 0, 'no WebSocket is open at the sidecar of ticker');
    await changeAroundTicker(shop);
  });
  return `${number} prices over one WebSocket, HTTP/2 between the sidecars, while routes and policy of ticker changed`;
}

/** A route more at the gateway, and a caller more at ticker; both are seen to hold. */
async function changeAroundTicker(shop: Shop): Promise<void> {
  const web = { port: shop.member('web-a').ports.outbound, path: '/prices', host: 'ticker' };
  const refused = await ask(web);
  must(refused.status === 403, `web asked ticker and got ${refused.status}`);
  const menu = `      - matches: [{path: {value: /menu}}]
        filters: [{type: DirectResponse, directResponse: {statusCode: 200, body: autumn}}]
`;
  shop.editMesh((text) =>
    text
      .replace(/( {2}ticker:\n(?: {4}.*\n)*? {4}allow: )\[shop\]/, '$1[shop, web]')
      .replace('      - matches: [{path: {value: /prices}}]\n', `${menu}$&`),
  );
  await until('the new caller of ticker', async () => (await ask(web)).status === 200);
  await until('the new route', async () => (await shop.get('/menu')).text === 'autumn');
}

async function tcp(shop: Shop): Promise<string> {
  const { status, text } = await shop.get('/api/stock');
  must(status === 200, `web asked stock and got ${text}`);
  const { stock } = JSON.parse(text) as { readonly stock: Readonly<Record<string, number>> };
  must(stock['sencha'] === 42 && Object.keys(stock).length === 6, `the page shows ${text}`);
  const counters = () =>
    Promise.all([/^listener\..*\.ssl\.handshake$/, /rbac\.allowed$/].map((name) => statOf(shop, 'stock-a', name)));
  const [handshakes = 0, allowed = 0] = await counters();
  const answers = await converse(shop.stockPort, 'GET sencha\nGET cola\n', 2);
  must(answers === 'sencha 42\nERROR no tea is called cola\n', `stock said ${JSON.stringify(answers)}`);
  const [handshakesNow = 0, allowedNow = 0] = await counters();
  must(handshakesNow > handshakes, 'stock was reached without a handshake');
  must(allowedNow > allowed, 'stock was reached by nobody that its policy knows');
  const plain = await converse(shop.member('stock-a').ports.inbound, 'GET sencha\n');
  must(!plain.includes('sencha'), 'a plain-text connection got into stock');
  return `"GET sencha" -> "${answers.split('\n')[0]}", from web and over mutual TLS; plain text is refused`;
}

export const PROTOCOLS: readonly Step[] = [
  { title: 'gRPC: one answer, and a stream of them', run: grpc },
  { title: 'A WebSocket outlives a change of mesh.yaml', run: livePrices },
  { title: 'A TCP service answers over mutual TLS', run: tcp },
];
