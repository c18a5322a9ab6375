// catalog: the teas and their prices. Version 2 has colours, so that a split is visible on the page.

import { parties, serve } from './serve.ts';
import { TEAS } from './teas.ts';

const VERSION = process.env['VERSION'] ?? 'v1';
const INSTANCE = process.env['INSTANCE'] ?? 'catalog';

serve(INSTANCE, (path, headers) => {
  const name = /^\/teas\/([a-z]+)$/.exec(path)?.[1];
  if (path === '/teas') return { body: { teas: Object.keys(TEAS) } };
  const tea = name === undefined ? undefined : TEAS[name];
  if (tea === undefined) return { status: 404, body: { error: 'no such tea' } };
  const { title, price, colour } = tea;
  return {
    body: {
      name,
      title,
      price,
      colour: VERSION === 'v1' ? null : colour,
      version: VERSION,
      instance: INSTANCE,
      ...parties(headers),
    },
  };
});
