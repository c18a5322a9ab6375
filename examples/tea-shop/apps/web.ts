// web: the page and what it shows. Each of its questions is put to a service by name, through the sidecar, in the
// protocol that the service speaks.

import { readFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { recipeOf, watchKettle } from './ask-brewing.ts';
import { stockOf } from './ask-stock.ts';
import { type Answer, callService, type Fetched, parties, serve } from './serve.ts';

const INSTANCE = process.env['INSTANCE'] ?? 'web';
const PAGE = readFileSync(new URL('./page.html', import.meta.url), 'utf8');

type Headers = Readonly<Record<string, string>>;

/** Passed on, so that one request can be followed through every hop. */
const PASSED_ON = ['x-request-id', 'x-beta', 'traceparent', 'tracestate'];

function passedOn(headers: IncomingHttpHeaders): Headers {
  return Object.fromEntries(
    PASSED_ON.flatMap((name) => (typeof headers[name] === 'string' ? [[name, headers[name]]] : [])),
  );
}

function told({ status, body, ms }: Fetched): unknown {
  return { status, ms: Math.round(ms * 10) / 10, ...(typeof body === 'object' ? body : { error: String(body) }) };
}

/** A tile: one call to catalog and one to reviews. */
async function tile(name: string, headers: IncomingHttpHeaders): Promise<Answer> {
  const on = passedOn(headers);
  const [tea, reviews] = await Promise.all([
    callService('catalog', `/teas/${name}`, on),
    callService('reviews', `/reviews/${name}`, on),
  ]);
  const status = Math.max(tea.status, reviews.status);
  return {
    status,
    body: { web: { instance: INSTANCE, ...parties(headers) }, catalog: told(tea), reviews: told(reviews) },
  };
}

/** Catalog knows which teas there are, stock how much of each. */
async function stock(on: Headers): Promise<Answer> {
  const { teas } = (await callService('catalog', '/teas', on)).body as { readonly teas: readonly string[] };
  return { body: { stock: await stockOf(teas) } };
}

async function recipe(name: string, on: Headers): Promise<Answer> {
  const found = await recipeOf(name, on);
  return found === null ? { status: 404, body: { error: 'no recipe' } } : { body: found };
}

serve(INSTANCE, async (path, headers) => {
  const on = passedOn(headers);
  if (path === '/') return { type: 'text/html; charset=utf-8', body: PAGE };
  if (path === '/api/teas') return { body: (await callService('catalog', '/teas', on)).body };
  if (path === '/api/stock') return stock(on);
  if (path === '/api/kettle') return { start: (tell, ended) => watchKettle(on, tell, ended) };
  const [, kind, name] = /^\/api\/(teas|recipes)\/([a-z]+)$/.exec(path) ?? [];
  if (name === undefined) return { status: 404, body: { error: 'no such page' } };
  return kind === 'teas' ? tile(name, headers) : recipe(name, on);
});
