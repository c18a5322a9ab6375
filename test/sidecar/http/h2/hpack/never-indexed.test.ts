// Fields that a peer sent as never to be indexed (RFC 7541 6.2.3): what the decoder says of them, what the encoder
// makes of that, and that neither has them in a table.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { copyFields, type HeaderList } from '../../../../../sidecar/http/head.ts';
import { FieldList, REQUEST_PSEUDO } from '../../../../../sidecar/http/h2/field-list.ts';
import { HpackDecoder } from '../../../../../sidecar/http/h2/hpack/decoder.ts';
import { blockBound, HpackEncoder } from '../../../../../sidecar/http/h2/hpack/encoder.ts';
import { block, indexed, secret } from '../../../../conformance/h2/frames.ts';

const PSEUDO = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':authority', 'a'],
] as const;

function decoded(...pieces: readonly Buffer[]): { list: FieldList; decoder: HpackDecoder } {
  const decoder = new HpackDecoder();
  const list = new FieldList();
  list.begin(REQUEST_PSEUDO, { underscores: 'allow' });
  const bytes = Buffer.concat(pieces);
  assert.equal(decoder.decode(bytes, 0, bytes.length, list), 'ok');
  assert.equal(list.fault, null);
  return { list, decoder };
}

function encoded(encoder: HpackEncoder, headers: HeaderList, pseudo: readonly string[] = []): Buffer {
  const out = Buffer.alloc(blockBound(pseudo, headers));
  return out.subarray(0, encoder.encode(pseudo, headers, out, 0));
}

/** Names of the literals in a block that are never to be indexed. */
function secretsIn(bytes: Buffer, decoder = new HpackDecoder()): string[] {
  const names: string[] = [];
  const sink = { onField: () => {}, onNeverIndexed: (name: string) => void names.push(name) };
  assert.equal(decoder.decode(bytes, 0, bytes.length, sink), 'ok');
  return names;
}

describe('the decoder', () => {
  it('says which they are, and of no other', () => {
    const { list, decoder } = decoded(block(PSEUDO), secret([['x-key', 'k']]), indexed('x-tea', 'sencha'));
    assert.deepEqual([...(list.headers.neverIndexed ?? [])], ['x-key']);
    assert.deepEqual([...list.headers], ['x-key', 'k', 'x-tea', 'sencha']);
    assert.equal(decoder.tableBytes, 'x-tea'.length + 'sencha'.length + 32);
  });

  it('of pseudo fields too, and of a host, which becomes one', () => {
    const { list } = decoded(block(PSEUDO.slice(0, 2)), secret([[':path', '/token/1']]), secret([['host', 'a']]));
    assert.deepEqual([...(list.headers.neverIndexed ?? [])], [':path', ':authority']);
  });

  it('has nothing to say where there are none, or only what is secret to us anyway', () => {
    assert.equal(decoded(block([...PSEUDO, ['x-key', 'k']])).list.headers.neverIndexed, undefined);
    assert.equal(decoded(block(PSEUDO), secret([['authorization', 'a']])).list.headers.neverIndexed, undefined);
  });

  it('begins each block anew', () => {
    const { list, decoder } = decoded(secret([['x-key', 'k']]));
    list.begin(REQUEST_PSEUDO, { underscores: 'allow' });
    const plain = block([['x-key', 'k']]);
    decoder.decode(plain, 0, plain.length, list);
    assert.equal(list.headers.neverIndexed, undefined);
  });
});

describe('the encoder', () => {
  const marked = (...fields: string[]): HeaderList =>
    Object.assign(fields, { neverIndexed: new Set(['x-key', ':path']) });

  it('writes them as such, however often they come', () => {
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder();
    for (let i = 0; i < 5; i++) {
      const bytes = encoded(encoder, marked('x-tea', 'sencha', 'x-key', 'k'), [':method', 'GET', ':path', '/']);
      assert.deepEqual(secretsIn(bytes, decoder), [':path', 'x-key']);
    }
    assert.equal(decoder.tableBytes, 'x-tea'.length + 'sencha'.length + 32);
  });

  it('also where the table has the field already', () => {
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder();
    for (let i = 0; i < 3; i++) secretsIn(encoded(encoder, ['x-key', 'k']), decoder);
    const bytes = encoded(encoder, marked('x-key', 'k'));
    assert.deepEqual(secretsIn(bytes, decoder), ['x-key']);
    // The name by its index, which says nothing of the value (RFC 7541 6.2.3).
    assert.equal(bytes.toString('hex'), '1f2f016b');
  });

  it('for a field that the static table has whole', () => {
    assert.deepEqual(secretsIn(encoded(new HpackEncoder(), marked(':path', '/'))), [':path']);
  });

  it('of a list that was copied', () => {
    assert.deepEqual(secretsIn(encoded(new HpackEncoder(), copyFields(marked('x-key', 'k')))), ['x-key']);
  });
});
