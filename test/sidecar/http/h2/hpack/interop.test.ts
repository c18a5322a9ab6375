// Our HPACK against nghttp2's, which is the one within node:http2, over a connection in memory: blocks of ours
// are read by a server of it, blocks of its client by us, with tables of several sizes.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import { it } from 'node:test';
import { HpackDecoder } from '../../../../../sidecar/http/h2/hpack/decoder.ts';
import { blockBound, HpackEncoder } from '../../../../../sidecar/http/h2/hpack/encoder.ts';
import { Random } from '../../../../fuzz/random.ts';
import { MemoryDuplex } from '../memory-duplex.ts';
import { decodeAll, hex } from './taken.ts';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const SETTINGS_ACK = frame(4, 1, 0, Buffer.alloc(0));
const HEADERS = 1;
const SETTINGS = 4;
const HEADER_TABLE_SIZE = 1;
/** END_STREAM and END_HEADERS. */
const WHOLE = 5;

interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

function settings(...pairs: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(6 * pairs.length);
  pairs.forEach(([id, value], i) => {
    payload.writeUInt16BE(id, 6 * i);
    payload.writeUInt32BE(value, 6 * i + 2);
  });
  return frame(SETTINGS, 0, 0, payload);
}

/** Calls `onFrame` for each whole frame of what it is given. */
function framesOf(onFrame: (frame: Frame) => void): (bytes: Buffer) => void {
  let waiting = Buffer.alloc(0);
  return (bytes) => {
    waiting = Buffer.concat([waiting, bytes]);
    while (waiting.length >= 9 && waiting.length >= 9 + waiting.readUIntBE(0, 3)) {
      const end = 9 + waiting.readUIntBE(0, 3);
      const payload = waiting.subarray(9, end);
      onFrame({ type: waiting[3] as number, flags: waiting[4] as number, stream: waiting.readUInt32BE(5), payload });
      waiting = waiting.subarray(end);
    }
  };
}

/** Fields that node:http2 takes as they are: single-valued names once, values without outer spaces. */
function fieldsOf(random: Random): string[] {
  const fields = ['user-agent', `agent/${random.below(3)}`, 'authorization', `Basic ${random.next()}`];
  const count = random.below(10);
  for (let i = 0; i < count; i++) {
    const name = random.chance(0.7) ? `x-field-${i}` : `x-${i}-${random.below(1000)}`;
    fields.push(name, random.chance(0.5) ? `value ${random.below(4)}` : randomValue(random));
  }
  return fields;
}

function randomValue(random: Random): string {
  const codes = Array.from({ length: random.below(60) }, () => random.between(33, random.chance(0.1) ? 255 : 126));
  return String.fromCharCode(...codes.map((code) => (code === 127 ? 128 : code)));
}

it('what we write, nghttp2 reads', async () => {
  const socket = new MemoryDuplex();
  const server = http2.createServer({ settings: { headerTableSize: 1000 } });
  const read: string[][] = [];
  server.on('stream', (stream, _headers, _flags, raw) => {
    read.push(raw as unknown as string[]);
    (stream as http2.ServerHttp2Stream).respond({ ':status': 204 }, { endStream: true });
  });
  const encoder = new HpackEncoder();
  const sent: string[][] = [];
  const send = (i: number): void => {
    const random = new Random(7, i);
    // Within what the server allows, also smaller and larger again.
    if (random.chance(0.2)) encoder.setMaxTableSize(random.below(300));
    if (random.chance(0.4)) encoder.setMaxTableSize(1000);
    const pseudo = [':method', 'GET', ':scheme', 'http', ':authority', 'catalog:9000', ':path', `/${random.below(9)}`];
    const headers = fieldsOf(random);
    const out = Buffer.alloc(blockBound(pseudo, headers));
    const end = encoder.encode(pseudo, headers, out, 0);
    sent.push([...pseudo, ...headers]);
    socket.push(frame(HEADERS, WHOLE, 2 * i + 1, out.subarray(0, end)));
  };
  const done = new Promise<void>((resolve, reject) => {
    server.on('sessionError', reject);
    let sentCount = 0;
    socket.onSent = framesOf(({ type, flags }) => {
      if (type === SETTINGS && flags === 0) {
        encoder.setMaxTableSize(1000);
        socket.push(SETTINGS_ACK);
      }
      if (type !== HEADERS && type !== SETTINGS) return reject(new Error(`frame of type ${type}`));
      if (type === SETTINGS && flags !== 0) return;
      if (sentCount === 150) resolve();
      else send(sentCount++);
    });
  });
  server.emit('connection', socket);
  socket.push(Buffer.concat([PREFACE, settings()]));
  await done;
  socket.destroy();
  assert.equal(read.length, 150);
  assert.deepEqual(read, sent);
});

it('what nghttp2 writes, we read', async () => {
  for (const tableSize of [4096, 300, 0]) {
    const socket = new MemoryDuplex();
    const decoder = new HpackDecoder();
    const read: string[][] = [];
    const acknowledged = Promise.withResolvers<void>();
    const finished = Promise.withResolvers<void>();
    const frames = framesOf(({ type, flags, stream, payload }) => {
      if (type === SETTINGS && flags === 0)
        socket.push(Buffer.concat([settings([HEADER_TABLE_SIZE, tableSize]), SETTINGS_ACK]));
      if (type === SETTINGS && flags === 1) {
        decoder.setMaxTableSize(tableSize);
        acknowledged.resolve();
      }
      if (type !== HEADERS) return;
      assert.equal(flags & 4, 4);
      // A client of node:http2 may give a priority.
      const block = (flags & 0x20) === 0 ? payload : payload.subarray(5);
      const { result, taken } = decodeAll(decoder, block);
      assert.equal(result, 'ok');
      assert.ok(taken.fields.every(({ faults }) => faults === 0));
      read.push(taken.list);
      socket.push(frame(HEADERS, WHOLE, stream, hex('89')));
      if (read.length === 100) finished.resolve();
    });
    let preface = PREFACE.length;
    socket.onSent = (bytes) => {
      const skipped = Math.min(preface, bytes.length);
      preface -= skipped;
      frames(bytes.subarray(skipped));
    };
    const session = http2.connect('http://catalog:9000', { createConnection: () => socket });
    await acknowledged.promise;
    const sent: string[][] = [];
    for (let i = 0; i < 100; i++) {
      const fields = fieldsOf(new Random(11, i));
      const pseudo = [':path', '/teas', ':method', 'GET', ':authority', 'catalog:9000', ':scheme', 'http'];
      sent.push([...pseudo, ...fields]);
      const request = session.request([...pseudo, ...fields] as unknown as http2.OutgoingHttpHeaders);
      request.end();
      request.resume();
      await once(request, 'close');
    }
    await finished.promise;
    session.destroy();
    assert.deepEqual(read.map(paired), sent.map(paired));
    assert.ok(decoder.tableBytes <= tableSize && (tableSize === 0 || decoder.tableBytes > 100));
  }
});

/** node:http2 orders pseudo fields as it likes. */
function paired(list: readonly string[]): string[] {
  return Array.from({ length: list.length / 2 }, (_, i) => `${list[2 * i]}: ${list[2 * i + 1]}`).sort();
}
