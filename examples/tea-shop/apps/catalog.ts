// catalog: the teas and their prices. Version 2 has colours, so that a split is visible on the page.

import { parties, serve } from './serve.ts';

const VERSION = process.env['VERSION'] ?? 'v1';
const INSTANCE = process.env['INSTANCE'] ?? 'catalog';

const TEAS: Readonly<Record<string, { readonly title: string; readonly price: string; readonly colour: string }>> = {
  sencha: { title: 'Sencha', price: '6.40', colour: '#7fae5b' },
  matcha: { title: 'Matcha', price: '14.90', colour: '#9ac53f' },
  assam: { title: 'Assam', price: '5.20', colour: '#b5562b' },
  oolong: { title: 'Oolong', price: '8.10', colour: '#d39b4a' },
  rooibos: { title: 'Rooibos', price: '4.60', colour: '#a8432f' },
  chai: { title: 'Chai', price: '5.90', colour: '#c77f3d' },
};

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
