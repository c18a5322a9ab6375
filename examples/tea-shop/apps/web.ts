// web: the page, and for each tile one call to catalog and one to reviews, by name, through the sidecar.

import { readFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { callService, type Fetched, parties, serve } from './serve.ts';

const INSTANCE = process.env['INSTANCE'] ?? 'web';
const PAGE = readFileSync(new URL('./page.html', import.meta.url), 'utf8');

/** Passed on, so that one request can be followed through every hop. */
const PASSED_ON = ['x-request-id', 'x-beta', 'traceparent', 'tracestate'];

function passedOn(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(
    PASSED_ON.flatMap((name) => (typeof headers[name] === 'string' ? [[name, headers[name]]] : [])),
  );
}

function told({ status, body, ms }: Fetched): unknown {
  return { status, ms: Math.round(ms * 10) / 10, ...(typeof body === 'object' ? body : { error: String(body) }) };
}

serve(INSTANCE, async (path, headers) => {
  if (path === '/') return { type: 'text/html; charset=utf-8', body: PAGE };
  const on = passedOn(headers);
  if (path === '/api/teas') return { body: (await callService('catalog', '/teas', on)).body };
  const name = /^\/api\/teas\/([a-z]+)$/.exec(path)?.[1];
  if (name === undefined) return { status: 404, body: { error: 'no such page' } };
  const [tea, reviews] = await Promise.all([
    callService('catalog', `/teas/${name}`, on),
    callService('reviews', `/reviews/${name}`, on),
  ]);
  const status = Math.max(tea.status, reviews.status);
  return {
    status,
    body: { web: { instance: INSTANCE, ...parties(headers) }, catalog: told(tea), reviews: told(reviews) },
  };
});
