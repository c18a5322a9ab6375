// What the decoder refuses, what it says of fields, and what it does not spend on lists that are too large.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HpackDecoder } from '../../../../../sidecar/http/h2/hpack/decoder.ts';
import { FAULT } from '../../../../../sidecar/http/h2/hpack/field-faults.ts';
import { END_OF_STRING, CODE_LENGTHS } from '../../../../../sidecar/http/h2/hpack/huffman-code.ts';
import { KNOWN } from '../../../../../sidecar/http/h2/hpack/known-field.ts';
import { STATIC_TABLE } from '../../../../../sidecar/http/h2/hpack/static-table.ts';
import { decodeAll, decodeOne, folded, hex, huffman, integer, plain } from './taken.ts';

/** A literal with a new name; `first` is 0x40 with an entry, 0 without. */
function literal(first: number, name: string, value: string, write = plain): Buffer {
  return Buffer.concat([Buffer.of(first), write(name), write(value)]);
}

const MALFORMED: Readonly<Record<string, string>> = {
  'index 0': '80',
  'an index beyond the static table': 'be',
  'an index far beyond': 'ff8001',
  'an integer without its end': 'ff',
  'an integer of too many bytes': '3f808080808000',
  'an integer beyond 2^31': 'ffffffffff7f',
  'a name index beyond the tables': '7e0161',
  'no value': '41',
  'no name': '40',
  'a string that ends behind the block': '41026a',
  'a string of 2^31 bytes': '417f81ffffff07',
  'padding of eight ones': '41 82 1fff',
  'padding that is not ones': '41 81 18',
  'the end of a string in it': '41 84 3fffffff',
  'the end of a string, and a symbol': '41 85 fffffffc1f',
  'a change of size behind a field': '8220',
  'a table larger than allowed': '3fe21f',
  'a change of size without its end': '3f',
};

describe('malformed blocks', () => {
  for (const [what, block] of Object.entries(MALFORMED)) {
    it(what, () => assert.equal(decodeOne(hex(block)).result, 'compression'));
  }

  it('the same without a fault', () => {
    assert.deepEqual(decodeOne(hex('41 81 1f')).taken.list, [':authority', 'a']);
    assert.equal(decodeOne(hex('3fe11f')).result, 'ok');
    assert.equal(decodeOne(hex('')).result, 'ok');
  });

  it('padding of seven ones and no more', () => {
    // Symbols of each length leave each number of bits.
    for (let symbol = 0; symbol < END_OF_STRING; symbol++) {
      const text = String.fromCharCode(symbol);
      const block = Buffer.concat([hex('0f00'), folded(text)]);
      assert.deepEqual(decodeOne(block).taken.list, [STATIC_TABLE[14]?.name, text], `${symbol}`);
      const longer = Buffer.concat([hex('0f00'), integer(0x80, 0x7f, huffman(text).length + 1)]);
      const padded = Buffer.concat([longer, folded(text).subarray(1), hex('ff')]);
      // A symbol that ends with its byte may be followed by none, so eight ones are one byte too many.
      assert.equal(decodeOne(padded).result, 'compression', `${symbol} of ${CODE_LENGTHS[symbol]} bits`);
    }
  });
});

describe('fields', () => {
  it('by index, with what is known of them', () => {
    const { taken } = decodeOne(hex('82 84 86 88'));
    assert.deepEqual(
      taken.fields.map(({ known, faults }) => [known, faults]),
      [
        [KNOWN.METHOD, 0],
        [KNOWN.PATH, 0],
        [KNOWN.SCHEME, 0],
        [KNOWN.STATUS, 0],
      ],
    );
  });

  it('every special name, as a literal', () => {
    const names = {
      ':method': KNOWN.METHOD,
      ':path': KNOWN.PATH,
      ':scheme': KNOWN.SCHEME,
      ':authority': KNOWN.AUTHORITY,
      ':status': KNOWN.STATUS,
      ':protocol': KNOWN.PROTOCOL,
      connection: KNOWN.CONNECTION,
      te: KNOWN.TE,
      'transfer-encoding': KNOWN.TRANSFER_ENCODING,
      upgrade: KNOWN.UPGRADE,
      'keep-alive': KNOWN.KEEP_ALIVE,
      'proxy-connection': KNOWN.PROXY_CONNECTION,
      'content-length': KNOWN.CONTENT_LENGTH,
      host: KNOWN.HOST,
      cookie: KNOWN.COOKIE,
      expect: KNOWN.EXPECT,
      'x-other': KNOWN.NONE,
      ca: KNOWN.NONE,
      __proto__: KNOWN.NONE,
    };
    for (const [name, known] of [...Object.entries(names), ['__proto__', KNOWN.NONE] as const]) {
      for (const write of [plain, folded]) {
        const { taken } = decodeOne(literal(0, name, 'v', write));
        assert.deepEqual(taken.fields, [{ name, value: 'v', known, faults: 0 }]);
      }
    }
  });

  const NAMES: readonly (readonly [string, number])[] = [
    ['', FAULT.NAME_EMPTY],
    ['Host', FAULT.NAME_UPPER_CASE],
    ['a:b', FAULT.NAME_CHARACTER],
    ['a b', FAULT.NAME_CHARACTER],
    ['a\0', FAULT.NAME_CHARACTER],
    ['a\x7f', FAULT.NAME_CHARACTER],
    ['\xe9', FAULT.NAME_CHARACTER],
    ['A(', FAULT.NAME_UPPER_CASE | FAULT.NAME_CHARACTER],
    [':', FAULT.NAME_CHARACTER],
    [':other', FAULT.NAME_CHARACTER],
    ["!#$%&'*+-.^_`|~09az", 0],
  ];
  const VALUES: readonly (readonly [string, number])[] = [
    ['', 0],
    ['a\tb c', 0],
    ['\xff\x80', 0],
    ['a\rb', FAULT.VALUE_BREAK],
    ['\n', FAULT.VALUE_BREAK],
    ['\0', FAULT.VALUE_BREAK],
    ['a\x01', FAULT.VALUE_CONTROL],
    ['a\x7fb', FAULT.VALUE_CONTROL],
    [' a', FAULT.VALUE_OUTER_SPACE],
    ['a\t', FAULT.VALUE_OUTER_SPACE],
    [' ', FAULT.VALUE_OUTER_SPACE],
    [' \x1f\0', FAULT.VALUE_OUTER_SPACE | FAULT.VALUE_CONTROL | FAULT.VALUE_BREAK],
  ];

  it('faults of names and values, the same when they come by index', () => {
    for (const write of [plain, folded]) {
      for (const [name, nameFaults] of NAMES) {
        for (const [value, valueFaults] of VALUES) {
          // The literal, its index, and another value under its name.
          const again = Buffer.concat([hex('be 0f2f'), write('\x02')]);
          const { taken } = decodeOne(Buffer.concat([literal(0x40, name, value, write), again]));
          const faults = taken.fields.map((field) => field.faults);
          const both = nameFaults | valueFaults;
          assert.deepEqual(faults, [both, both, nameFaults | FAULT.VALUE_CONTROL], JSON.stringify([name, value]));
          assert.deepEqual(taken.list, [name, value, name, value, name, '\x02']);
        }
      }
    }
    assert.equal(decodeOne(literal(0, ':x', '')).taken.fields[0]?.known, KNOWN.OTHER_PSEUDO);
  });

  it('literals that are not indexed, or never, stay out of the table', () => {
    for (const first of [0x00, 0x10]) {
      const decoder = new HpackDecoder();
      assert.equal(decodeOne(literal(first, 'a', 'b'), decoder).result, 'ok');
      assert.equal(decoder.tableBytes, 0);
    }
  });

  it('long strings, unfolded where there was no room before', () => {
    const [name, value] = ['n'.repeat(9000), 'v\xff'.repeat(15_000)];
    for (const write of [plain, folded])
      assert.deepEqual(decodeOne(literal(0, name, value, write)).taken.list, [name, value]);
  });
});

describe('the size of the table', () => {
  it('a smaller one that was asked for is due at the next block', () => {
    for (const block of ['', '82']) {
      const decoder = new HpackDecoder();
      decoder.setMaxTableSize(100);
      assert.equal(decodeOne(hex(block), decoder).result, 'compression');
    }
    const decoder = new HpackDecoder();
    decoder.setMaxTableSize(100);
    assert.equal(decodeOne(hex('3f45 82'), decoder).result, 'ok');
    assert.equal(decodeOne(hex('82'), decoder).result, 'ok');
    assert.equal(decodeOne(hex('3f46'), decoder).result, 'compression');
  });

  it('smaller and then larger: the smallest has to be told', () => {
    const make = () => {
      const decoder = new HpackDecoder();
      decodeOne(literal(0x40, 'a', 'b'), decoder);
      decoder.setMaxTableSize(0);
      decoder.setMaxTableSize(4096);
      return decoder;
    };
    assert.equal(decodeOne(hex('3fe11f'), make()).result, 'compression');
    const told = make();
    assert.equal(decodeOne(hex('20 3fe11f'), told).result, 'ok');
    assert.equal(told.tableBytes, 0);
    assert.equal(decodeOne(hex('82'), told).result, 'ok');
  });

  it('no integer beyond 2^31, whatever is allowed', () => {
    const decoder = new HpackDecoder();
    decoder.setMaxTableSize(2 ** 32 - 1);
    assert.equal(decodeOne(hex('3fe1ffffff07'), decoder).result, 'ok');
    assert.equal(decodeOne(hex('3fe2ffffff07'), decoder).result, 'compression');
  });

  it('a larger one may be used or not', () => {
    const decoder = new HpackDecoder();
    decoder.setMaxTableSize(8192);
    assert.equal(decodeOne(hex('82'), decoder).result, 'ok');
    assert.equal(decodeOne(hex('3fe13f'), decoder).result, 'ok');
  });

  it('an entry larger than the table empties it, and refers to a name that goes', () => {
    const decoder = new HpackDecoder(64);
    assert.equal(decodeOne(literal(0x40, 'name', 'v'), decoder).result, 'ok');
    const { taken } = decodeOne(Buffer.concat([hex('7e'), plain('w'.repeat(28))]), decoder);
    assert.deepEqual(taken.list, ['name', 'w'.repeat(28)]);
    assert.equal(decoder.tableBytes, 64);
    decodeOne(Buffer.concat([hex('7e'), plain('w'.repeat(29))]), decoder);
    assert.equal(decoder.tableBytes, 0);
    assert.equal(decodeOne(hex('be'), decoder).result, 'compression');
  });

  it('entries that fill the table to the byte', () => {
    const decoder = new HpackDecoder(68);
    const { taken } = decodeOne(
      Buffer.concat([literal(0x40, 'a', '1'), literal(0x40, 'b', '2'), hex('bebf')]),
      decoder,
    );
    assert.deepEqual(taken.list.slice(4), ['b', '2', 'a', '1']);
  });

  it('as many entries as fit, the oldest gone', () => {
    const decoder = new HpackDecoder();
    const names = Array.from({ length: 300 }, (_, i) => `${i}`.padStart(3, '0'));
    decoder.decode(Buffer.concat(names.map((name) => literal(0x40, name, ''))), 0, 300 * 6, null);
    const entries = Math.floor(4096 / 35);
    const { taken } = decodeOne(integer(0x80, 0x7f, 61 + entries), decoder);
    assert.deepEqual(taken.list, [names.at(-entries), '']);
    assert.equal(decodeOne(integer(0x80, 0x7f, 62 + entries), decoder).result, 'compression');
  });
});

describe('lists that are too large', () => {
  const LIMITS = { bytes: 200, fields: 3 };

  it('by their fields, or by their bytes', () => {
    assert.equal(decodeOne(hex('828282'), new HpackDecoder(4096, LIMITS)).result, 'ok');
    const many = decodeOne(hex('82828282'), new HpackDecoder(4096, LIMITS));
    assert.equal(many.result, 'too-large');
    assert.equal(many.taken.fields.length, 3);
    const field = (length: number) => literal(0, 'n', 'v'.repeat(length));
    assert.equal(decodeOne(field(200 - 33), new HpackDecoder(4096, LIMITS)).result, 'ok');
    const long = decodeOne(field(200 - 32), new HpackDecoder(4096, LIMITS));
    assert.equal(long.result, 'too-large');
    assert.deepEqual(long.taken.fields, []);
  });

  it('the next block is decoded with the table that they left', () => {
    const decoder = new HpackDecoder(4096, LIMITS);
    const block = Buffer.concat([hex('82828282'), literal(0x40, 'late', 'entry'), literal(0x40, 'later', 'x', folded)]);
    assert.equal(decodeOne(block, decoder).result, 'too-large');
    assert.deepEqual(decodeOne(hex('bebf'), decoder).taken.list, ['later', 'x', 'late', 'entry']);
  });

  it('malformed behind the bound is malformed', () => {
    for (const rest of ['80', '0f00 81 00', '40', '40 01']) {
      const block = Buffer.concat([hex('82828282'), hex(rest)]);
      assert.equal(decodeOne(block, new HpackDecoder(4096, LIMITS)).result, 'compression', rest);
    }
  });

  it('an unfolded string that has no room anywhere is counted', () => {
    const decoder = new HpackDecoder(4096, LIMITS);
    assert.equal(decodeOne(literal(0x40, 'held', 'x'), decoder).result, 'ok');
    for (const first of [0x00, 0x40]) {
      const block = Buffer.concat([literal(first, 'a'.repeat(100_000), 'b'.repeat(300_000), folded), hex('82')]);
      const { result, taken } = decodeOne(block, decoder);
      assert.equal(result, 'too-large');
      assert.deepEqual(taken.fields, []);
      // One that was to be indexed has emptied the table.
      assert.equal(decoder.tableBytes, first === 0 ? 37 : 0);
    }
    assert.deepEqual(decodeOne(literal(0, 'a', 'b', folded), decoder).taken.list, ['a', 'b']);
  });

  it('3000 references to an entry of 4 KB are counted, not delivered (X13)', () => {
    const decoder = new HpackDecoder();
    const block = Buffer.concat([literal(0x40, 'bomb', 'x'.repeat(4000)), Buffer.alloc(3000, 0xbe)]);
    const { result, taken } = decodeOne(block, decoder);
    assert.equal(result, 'too-large');
    assert.equal(taken.fields.length, Math.floor((60 * 1024) / 4036));
    // Each is the string of the table.
    assert.equal(new Set(taken.fields.map(({ value }) => value)).size, 1);
  });
});

it('a sink may be missing, and the block may stand within a buffer', () => {
  const decoder = new HpackDecoder();
  const block = literal(0x40, 'a', 'b');
  const within = Buffer.concat([hex('8282'), block, hex('80')]);
  assert.equal(decoder.decode(within, 2, 2 + block.length, null), 'ok');
  assert.deepEqual(decodeAll(decoder, hex('be')).taken.list, ['a', 'b']);
});
