// HPACK, with the fields that one sidecar sends to another: nearly the same ones each time, or values that
// nobody has seen before.

import { HpackDecoder } from '../../../sidecar/http/h2/hpack/decoder.ts';
import { blockBound, HpackEncoder } from '../../../sidecar/http/h2/hpack/encoder.ts';
import type { MicroBench } from '../micro.ts';

const FAMILIAR = [
  [':method', 'GET', ':scheme', 'http', ':authority', 'catalog.default.svc.cluster.local:9000', ':path', '/'],
  ['user-agent', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'],
  ['accept', 'application/json, text/plain, */*', 'accept-language', 'en-GB,en;q=0.5'],
  ['accept-encoding', 'gzip, deflate, br, zstd', 'x-forwarded-proto', 'http'],
  ['x-forwarded-client-cert', 'By=spiffe://mesh.local/ns/default/sa/catalog;URI=spiffe://mesh.local/ns/default/sa/web'],
].flat();

/** Every value differs, and no name is in the static table but half of them. */
function newFields(i: number): string[] {
  const id = (Math.imul(i + 1, 0x9e3779b1) >>> 0).toString(16).padStart(8, '0');
  return [
    [':path', `/teas/${id}`, 'x-request-id', `${id}-8b86-4d01-b42d-00cf4fc964ff`, 'etag', `"${id}"`],
    ['content-length', String(i), 'traceparent', `00-${id}${id}${id}${id}-${id}${id}-01`, 'x-tea', `sencha ${id}`],
    ['x-session', id, 'x-basket', `one ${id} and two`, 'referer', `http://teas/${id}`, 'x-time', `${id}ms`],
  ].flat();
}

/** As fields of HTTP/1 come: cut out of the text of their head. */
function cutOut(list: readonly string[]): string[] {
  const head = Buffer.from(list.join('\n')).toString('latin1');
  return head.split('\n');
}

const LISTS = Array.from({ length: 1024 }, (_, i) => cutOut(newFields(i)));
const NOTHING: string[] = [];
const sink = { onField: () => {} };

/** A decoder that has seen what the blocks refer to, and the last of `lists` as a block without changes of the table. */
function decoding(lists: readonly string[][]): () => unknown {
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder();
  const out = Buffer.alloc(Math.max(...lists.map((list) => blockBound(NOTHING, list))));
  let end = 0;
  for (const list of lists) {
    end = encoder.encode(NOTHING, list, out, 0);
    decoder.decode(out, 0, end, null);
  }
  return () => decoder.decode(out, 0, end, sink);
}

function encoding(lists: readonly string[][]): () => unknown {
  const encoder = new HpackEncoder();
  const out = Buffer.alloc(Math.max(...lists.map((list) => blockBound(NOTHING, list))));
  let next = 0;
  return () => encoder.encode(NOTHING, lists[next++ % lists.length] as string[], out, 0);
}

export const HPACK: readonly MicroBench[] = [
  { name: 'hpack decode 10 familiar fields', make: () => decoding(Array(3).fill(FAMILIAR)) },
  { name: 'hpack decode 10 new fields', make: () => decoding(LISTS) },
  { name: 'hpack encode 10 familiar fields', make: () => encoding([FAMILIAR]) },
  { name: 'hpack encode 10 new fields', make: () => encoding(LISTS) },
];
