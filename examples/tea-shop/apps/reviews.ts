// reviews: stars for teas. One copy has a fault: it answers every request for matcha with 503. Nobody who
// drinks tea notices, because the caller's sidecar asks the other copy.

import { parties, serve } from './serve.ts';

const INSTANCE = process.env['INSTANCE'] ?? 'reviews';
const FAULTY = process.env['FAULTY'] === 'true';

const STARS: Readonly<Record<string, number>> = { sencha: 4, matcha: 5, assam: 3, oolong: 5, rooibos: 3, chai: 4 };

serve(INSTANCE, (path, headers) => {
  const name = /^\/reviews\/([a-z]+)$/.exec(path)?.[1] ?? '';
  if (FAULTY && name === 'matcha') return { status: 503, body: { error: 'the matcha shelf is on fire' } };
  const stars = STARS[name];
  if (stars === undefined) return { status: 404, body: { error: 'no reviews' } };
  return { body: { name, stars, instance: INSTANCE, ...parties(headers) } };
});
