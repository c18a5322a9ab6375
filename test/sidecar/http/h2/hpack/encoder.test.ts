// What the encoder puts on the wire: which fields enter the table, which are never indexed, changes of size,
// and that others read the same.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { HpackDecoder } from '../../../../../sidecar/http/h2/hpack/decoder.ts';
import { blockBound, HpackEncoder } from '../../../../../sidecar/http/h2/hpack/encoder.ts';
import { Random } from '../../../../fuzz/random.ts';
import { ReferenceDecoder } from './reference.ts';
import { decodeAll, Taken } from './taken.ts';

const REQUEST = [':method', 'GET', ':scheme', 'http', ':authority', 'catalog:9000', ':path', '/teas'];

function encode(encoder: HpackEncoder, headers: readonly string[], pseudo: readonly string[] = []): Buffer {
  const out = Buffer.alloc(blockBound(pseudo, headers));
  return out.subarray(0, encoder.encode(pseudo, headers, out, 0));
}

function bytesOfThird(headers: readonly string[]): string {
  const encoder = new HpackEncoder();
  encode(encoder, headers);
  encode(encoder, headers);
  return encode(encoder, headers).toString('hex');
}

describe('which fields are indexed', () => {
  it('those of the static table at once', () => {
    const list = [':method', 'POST', ':status', '404', 'accept-encoding', 'gzip, deflate'];
    assert.equal(encode(new HpackEncoder(), list).toString('hex'), '838d90');
  });

  it('others when they come again', () => {
    const encoder = new HpackEncoder();
    const headers = ['accept', 'application/json', 'x-tea', 'sencha'];
    const lengths = [1, 2, 3, 4].map(() => encode(encoder, headers, REQUEST).length);
    // Five fields by index, and the path: its name by index, and 5 bytes, which are not worth folding.
    assert.deepEqual(lengths.slice(2), [12, 12]);
    assert.equal(encode(encoder, headers).toString('hex'), 'bfbe');
    // A new value refers to the name, and enters when it comes twice.
    const other = ['x-tea', 'matcha'];
    assert.equal(encode(encoder, other)[0], 0x0f);
    assert.equal(encode(encoder, other)[0], 0x7e);
    assert.equal(encode(encoder, other).toString('hex'), 'be');
  });

  it('all that come again, whatever else the block has', () => {
    for (let port = 1; port <= 1000; port++) {
      const headers = ['accept', 'text/css', 'x-forwarded-for', '127.0.0.1', 'x-forwarded-proto', 'http'];
      const list = [':authority', `127.0.0.1:${port}`, ...headers];
      assert.equal(bytesOfThird(list).length, 2 * 4, `port ${port}`);
    }
  });

  it('folds a changing value only where it is long', () => {
    const path = (text: string) => encode(new HpackEncoder(), [':path', text]).length;
    assert.equal(path(`/${'a'.repeat(100)}`), 1 + 1 + 101);
    assert.ok(path(`/${'a'.repeat(200)}`) < 150);
  });

  it('no value that changes each time, but its name', () => {
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder();
    for (let i = 0; i < 50; i++) {
      const list = ['x-request-id', `id-${i}`, ':path', `/${i}`, 'content-length', `${i}`, 'etag', `"${i}"`];
      decodeAll(decoder, encode(encoder, list));
    }
    assert.equal(decoder.tableBytes, 'x-request-id'.length + 'id-0'.length + 32);
  });

  it('no unknown field whose values never come again, but for one entry', () => {
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder();
    const random = new Random(3, 1);
    for (let i = 0; i < 200; i++) decodeAll(decoder, encode(encoder, ['x-fresh', `${random.next()}${random.next()}`]));
    assert.ok(decoder.tableBytes < 100, `${decoder.tableBytes}`);
  });

  it('nothing that would push out a good part of the others', () => {
    assert.match(bytesOfThird(['x-long', 'a'.repeat(1100)]), /^00/);
    assert.equal(bytesOfThird(['x-long', 'a'.repeat(900)]), 'be');
  });

  it('credentials and short cookies never, by their own form', () => {
    assert.match(bytesOfThird(['authorization', 'Bearer abc']), /^1f08/);
    assert.match(bytesOfThird(['proxy-authorization', 'Basic abc']), /^1f22/);
    assert.match(bytesOfThird(['cookie', 's=1234']), /^1f11/);
    assert.match(bytesOfThird(['set-cookie', 's=1234']), /^1f28/);
    assert.equal(bytesOfThird(['cookie', 'session=0123456789abcdef']), 'be');
    assert.equal(bytesOfThird(['x-forwarded-client-cert', 'URI=spiffe://mesh/ns/a']), 'be');
  });

  it('what is no byte does not become another one, short or long', () => {
    for (const text of [
      'a\u010ab',
      '\u010d',
      'caf\xe9 and tea, tea and caf\xe9',
      '\u{1f375}',
      '\ud83c',
      '\xff\x80\0\x7f',
    ])
      for (const before of ['', 'a'.repeat(15), 'b'.repeat(16), 'c'.repeat(5000)])
        for (const after of ['', 'z', 'zzzz']) {
          const value = before + text + after;
          const { taken } = decodeAll(new HpackDecoder(), encode(new HpackEncoder(), ['x', value]));
          assert.deepEqual(taken.list, ['x', value.replaceAll(/[^\0-\xff]/g, '?')]);
        }
  });
});

describe('the size of the table', () => {
  it('is told at the next block, the smallest in between first', () => {
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder();
    for (let i = 0; i < 3; i++) decodeAll(decoder, encode(encoder, ['x-tea', 'sencha']));
    encoder.setMaxTableSize(0);
    encoder.setMaxTableSize(100);
    decoder.setMaxTableSize(0);
    decoder.setMaxTableSize(100);
    const block = encode(encoder, ['x-tea', 'sencha']);
    assert.equal(block.subarray(0, 3).toString('hex'), '203f45');
    assert.deepEqual(decodeAll(decoder, block).taken.list, ['x-tea', 'sencha']);
    assert.equal(encode(encoder, []).length, 0);
  });

  it('once, where it did not pass a smaller one; never above ours', () => {
    const encoder = new HpackEncoder();
    encoder.setMaxTableSize(65_536);
    assert.equal(encode(encoder, []).length, 0);
    encoder.setMaxTableSize(10);
    assert.equal(encode(encoder, []).toString('hex'), '2a');
    encoder.setMaxTableSize(65_536);
    assert.equal(encode(encoder, []).toString('hex'), '3fe11f');
  });

  it('entries fill the table to the byte', () => {
    const encoder = new HpackEncoder();
    encoder.setMaxTableSize(4 * 34);
    const list = ['a', '1', 'b', '2', 'c', '3', 'd', '4'];
    const blocks = [1, 2, 3].map(() => encode(encoder, list).toString('hex'));
    assert.equal(blocks[2], 'c1c0bfbe');
  });

  it('down and back to what it was, the entries are gone on both sides', () => {
    const encoder = new HpackEncoder();
    for (let i = 0; i < 3; i++) encode(encoder, ['x-tea', 'sencha']);
    encoder.setMaxTableSize(0);
    encoder.setMaxTableSize(4096);
    assert.match(encode(encoder, ['x-tea', 'sencha']).toString('hex'), /^203fe11f40/);
  });
});

const NAMES = [
  'accept',
  'x-tea',
  'cookie',
  'date',
  'te',
  ':path',
  'x-request-id',
  'authorization',
  'x-envoy-a',
  'x-envoy-b',
];

function listOf(random: Random): string[] {
  return Array.from({ length: random.below(12) }, () => {
    const name = random.chance(0.8) ? random.pick(NAMES) : `x-${random.below(400)}`;
    return [name, randomValue(random)];
  }).flat();
}

function randomValue(random: Random): string {
  if (random.chance(0.6)) return `value ${random.below(6)}`;
  const bytes = Array.from({ length: random.below(random.chance(0.05) ? 3000 : 40) }, () => random.below(256));
  return Buffer.from(bytes).toString('latin1');
}

it('what is written is read, by the decoder and by the reference, whatever the sizes', () => {
  for (let run = 0; run < 60; run++) {
    const random = new Random(20_261_126, run);
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder(4096, { bytes: 1 << 20, fields: 1000 });
    const reference = new ReferenceDecoder();
    for (let block = 0; block < 40; block++) {
      while (random.chance(0.1)) {
        const size = random.below(random.chance(0.5) ? 4097 : 200);
        for (const side of [encoder, decoder, reference]) side.setMaxTableSize(size);
      }
      const list = listOf(random);
      const bytes = encode(encoder, list);
      const taken = new Taken();
      assert.equal(decoder.decode(bytes, 0, bytes.length, taken), 'ok');
      assert.deepEqual(taken.list, list);
      assert.deepEqual(reference.decode(bytes).flat(), list);
      assert.equal(decoder.tableBytes, reference.bytes);
    }
  }
});

describe('what is remembered by place', () => {
  const NAMES = ['accept', 'x-tea', 'cookie', 'authorization', 'x-request-id', 'content-type'];
  const VALUES = ['', 'a', 'text/plain', 'session=0123456789abcdef', 'l'.repeat(900)];
  const head = fc
    .array(fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom(...VALUES)), { maxLength: 40 })
    .map((fields) => fields.flat());

  it('gives what was put in, also when the table has lost it or has another size', () => {
    const step = fc.record({ head: fc.nat(3), size: fc.constantFrom(null, null, null, 0, 100, 4096) });
    fc.assert(
      fc.property(fc.array(head, { minLength: 4, maxLength: 4 }), fc.array(step, { maxLength: 20 }), (heads, steps) => {
        const encoder = new HpackEncoder();
        const decoder = new ReferenceDecoder();
        for (const { head, size } of steps) {
          if (size !== null) encoder.setMaxTableSize(size);
          if (size !== null) decoder.setMaxTableSize(size);
          const headers = heads[head] as string[];
          assert.deepEqual(decoder.decode(encode(encoder, headers, REQUEST)).flat(), [...REQUEST, ...headers]);
        }
      }),
    );
  });
});
