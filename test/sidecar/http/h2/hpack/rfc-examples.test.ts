// The examples of RFC 7541 Appendix C: what the bytes say, and how large the table is afterwards.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HpackDecoder } from '../../../../../sidecar/http/h2/hpack/decoder.ts';
import { decodeAll, hex, huffman, integer } from './taken.ts';

interface Step {
  readonly block: string;
  readonly list: readonly string[];
  /** Bytes of the table after it. */
  readonly table: number;
}

const REQUEST_1 = [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'www.example.com'];
const REQUEST_2 = [...REQUEST_1, 'cache-control', 'no-cache'];
const REQUEST_3 = [
  [':method', 'GET', ':scheme', 'https', ':path', '/index.html', ':authority', 'www.example.com'],
  ['custom-key', 'custom-value'],
].flat();

const DATE = 'Mon, 21 Oct 2013 20:13:21 GMT';
const PRIVATE = ['cache-control', 'private', 'date', DATE, 'location', 'https://www.example.com'];
const RESPONSE_1 = [':status', '302', ...PRIVATE];
const RESPONSE_2 = [':status', '307', ...PRIVATE];
const RESPONSE_3 = [
  [':status', '200', 'cache-control', 'private', 'date', 'Mon, 21 Oct 2013 20:13:22 GMT'],
  ['location', 'https://www.example.com', 'content-encoding', 'gzip'],
  ['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'],
].flat();

/** By section; those of the responses with a table of 256 bytes. */
const EXAMPLES: Readonly<Record<string, readonly Step[]>> = {
  'C.2.1': [
    { block: '400a637573746f6d2d6b65790d637573746f6d2d686561646572', list: ['custom-key', 'custom-header'], table: 55 },
  ],
  'C.2.2': [{ block: '040c2f73616d706c652f70617468', list: [':path', '/sample/path'], table: 0 }],
  'C.2.3': [{ block: '100870617373776f726406736563726574', list: ['password', 'secret'], table: 0 }],
  'C.2.4': [{ block: '82', list: [':method', 'GET'], table: 0 }],
  'C.3': [
    { block: '828684410f7777772e6578616d706c652e636f6d', list: REQUEST_1, table: 57 },
    { block: '828684be58086e6f2d6361636865', list: REQUEST_2, table: 110 },
    { block: '828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565', list: REQUEST_3, table: 164 },
  ],
  'C.4': [
    { block: '828684418cf1e3c2e5f23a6ba0ab90f4ff', list: REQUEST_1, table: 57 },
    { block: '828684be5886a8eb10649cbf', list: REQUEST_2, table: 110 },
    { block: '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf', list: REQUEST_3, table: 164 },
  ],
  'C.5': [
    {
      block: `4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54
        6e1768747470733a2f2f7777772e6578616d706c652e636f6d`,
      list: RESPONSE_1,
      table: 222,
    },
    { block: '4803333037c1c0bf', list: RESPONSE_2, table: 222 },
    {
      block: `88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d
        4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31`,
      list: RESPONSE_3,
      table: 215,
    },
  ],
  'C.6': [
    {
      block: `488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b
        97c8e9ae82ae43d3`,
      list: RESPONSE_1,
      table: 222,
    },
    { block: '4883640effc1c0bf', list: RESPONSE_2, table: 222 },
    {
      block: `88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b
        3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007`,
      list: RESPONSE_3,
      table: 215,
    },
  ],
};

describe('RFC 7541 Appendix C', () => {
  for (const [section, steps] of Object.entries(EXAMPLES)) {
    it(section, () => {
      const decoder = new HpackDecoder(section >= 'C.5' ? 256 : 4096);
      for (const { block, list, table } of steps) {
        const { result, taken } = decodeAll(decoder, hex(block));
        assert.equal(result, 'ok');
        assert.deepEqual(taken.list, list);
        assert.equal(decoder.tableBytes, table);
      }
    });
  }

  it('C.1: integers', () => {
    assert.equal(integer(0xe0, 0x1f, 10).toString('hex'), 'ea');
    assert.equal(integer(0xe0, 0x1f, 1337).toString('hex'), 'ff9a0a');
    assert.equal(integer(0, 0xff, 42).toString('hex'), '2a');
    // Not of the RFC: where a byte more begins.
    assert.deepEqual(
      [30, 31, 158, 159].map((value) => integer(0, 0x1f, value).toString('hex')),
      ['1e', '1f00', '1f7f', '1f8001'],
    );
  });

  it('the Huffman code of its strings', () => {
    assert.equal(huffman('www.example.com').toString('hex'), 'f1e3c2e5f23a6ba0ab90f4ff');
    assert.equal(huffman('no-cache').toString('hex'), 'a8eb10649cbf');
    assert.equal(huffman('custom-key').toString('hex'), '25a849e95ba97d7f');
    assert.equal(huffman('custom-value').toString('hex'), '25a849e95bb8e8b4bf');
    assert.equal(huffman(DATE).toString('hex'), 'd07abe941054d444a8200595040b8166e082a62d1bff');
    assert.equal(huffman('307').toString('hex'), '640eff');
  });
});
