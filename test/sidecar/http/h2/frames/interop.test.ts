// Our frames against nghttp2's, which are those within node:http2: blocks over several frames, padding, bodies,
// and the fixed frames, each way over a connection in memory.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import { text } from 'node:stream/consumers';
import { it } from 'node:test';
import { FrameReader } from '../../../../../sidecar/http/h2/frames/frame-reader.ts';
import { FRAME_HEAD, PREFACE } from '../../../../../sidecar/http/h2/frames/frame-types.ts';
import * as writer from '../../../../../sidecar/http/h2/frames/frame-writer.ts';
import { HpackDecoder } from '../../../../../sidecar/http/h2/hpack/decoder.ts';
import { blockBound, HpackEncoder } from '../../../../../sidecar/http/h2/hpack/encoder.ts';
import { Random } from '../../../../fuzz/random.ts';
import { Taken } from '../hpack/taken.ts';
import { MemoryDuplex } from '../memory-duplex.ts';
import { FramesRecorder } from './frames-recorder.ts';

const LONG = 'x'.repeat(40_000);
const PSEUDO = [':method', 'POST', ':scheme', 'http', ':authority', 'teas:9000', ':path', '/'];

/** Keeps heads and bodies of the streams. */
class Messages extends FramesRecorder {
  readonly decoder = new HpackDecoder();
  readonly heads = new Map<number, string[]>();
  readonly bodies = new Map<number, string>();
  readonly ended: number[] = [];
  counted = 0;

  override onHeaders(stream: number, endStream: boolean, block: Buffer, start: number, end: number): void {
    const taken = new Taken();
    assert.equal(this.decoder.decode(block, start, end, taken), 'ok');
    this.heads.set(stream, taken.list);
    if (endStream) this.ended.push(stream);
    this.onEvent();
  }

  override onData(
    stream: number,
    flags: number,
    payload: Buffer,
    start: number,
    end: number,
    counted: number,
    last: boolean,
  ) {
    this.bodies.set(stream, `${this.bodies.get(stream) ?? ''}${payload.toString('latin1', start, end)}`);
    this.counted += counted;
    if (last && (flags & 1) !== 0) this.ended.push(stream);
    this.onEvent();
  }

  get faults(): string[] {
    return this.events.filter((event) => /fault/.test(event));
  }
}

/** Gives bytes to a reader in pieces of any size. */
function inPieces(reader: FrameReader, random: Random): (bytes: Buffer) => void {
  return (bytes) => {
    for (let at = 0; at < bytes.length; ) {
      const end = at + (random.chance(0.5) ? random.between(1, 20) : random.between(1, 20_000));
      reader.push(bytes.subarray(at, end));
      at = end;
    }
  };
}

function bytesOf(write: (out: Buffer) => number): Buffer {
  const out = Buffer.alloc(100_000);
  return out.subarray(0, write(out));
}

function untilTold(messages: Messages, event: string): Promise<void> {
  return new Promise((resolve) => {
    messages.onEvent = () => {
      if (messages.events.at(-1) === event) resolve();
    };
  });
}

for (const padding of [http2.constants.PADDING_STRATEGY_NONE, http2.constants.PADDING_STRATEGY_MAX]) {
  it(`what nghttp2 writes, we read, padding strategy ${padding}`, async () => {
    const socket = new MemoryDuplex();
    const messages = new Messages();
    const reader = new FrameReader(messages, { preface: true });
    socket.onSent = inPieces(reader, new Random(5, padding));
    const session = http2.connect('http://teas:9000', { createConnection: () => socket, paddingStrategy: padding });
    socket.push(bytesOf((out) => writer.writeSettingsAck(out, writer.writeSettings(out, 0, [1, 4096]))));
    const body = 'body '.repeat(10_000);
    const bodies = ['', 'a', body];
    const done = new Promise<void>((resolve) => {
      messages.onEvent = () => {
        if (messages.ended.length === bodies.length || messages.faults.length > 0) resolve();
      };
    });
    for (const [i, sent] of bodies.entries()) {
      const request = session.request({ ':method': 'POST', 'x-long': i === 1 ? LONG : 'short' });
      request.on('error', () => {});
      request.end(sent);
    }
    await done;
    session.destroy();
    assert.deepEqual(messages.faults, []);
    assert.deepEqual([...messages.heads.keys()], [1, 3, 5]);
    assert.equal(messages.heads.get(3)?.at(-1), LONG);
    assert.deepEqual([messages.bodies.get(3), messages.bodies.get(5)], ['a', body]);
    const padded = messages.counted - body.length - 1;
    assert.ok(padding === http2.constants.PADDING_STRATEGY_NONE ? padded === 0 : padded > 200, `${padded}`);
  });
}

it('what we write, nghttp2 reads', async () => {
  const socket = new MemoryDuplex();
  const server = http2.createServer();
  const opened = once(server, 'session');
  server.emit('connection', socket);
  const [session] = (await opened) as [http2.ServerHttp2Session];
  const messages = new Messages();
  socket.onSent = inPieces(new FrameReader(messages, { preface: false }), new Random(6, 1));

  const encoder = new HpackEncoder();
  const head = (stream: number, headers: string[], endStream: boolean): Buffer => {
    const out = Buffer.alloc(writer.headersBound(blockBound(PSEUDO, headers), 16_384));
    const end = encoder.encode(PSEUDO, headers, out, FRAME_HEAD);
    return out.subarray(0, writer.writeHeaders(out, 0, end, endStream, stream, 16_384));
  };
  const send = (write: (out: Buffer) => number): void => {
    socket.push(bytesOf(write));
  };

  socket.push(PREFACE);
  send((out) => writer.writeSettings(out, 0, [4, 100_000]));
  // Control bytes are not shorter in Huffman code, and this stays long on the wire.
  const long = '\xff'.repeat(40_000);
  const first = once(server, 'stream');
  socket.push(head(1, ['x-long', long], false));
  const [stream, , , raw] = (await first) as [http2.ServerHttp2Stream, unknown, unknown, string[]];
  assert.deepEqual(raw, [...PSEUDO, 'x-long', long]);
  send((out) => writer.writeDataHead(out, 0, 5, true, 1) + out.write('hello', FRAME_HEAD));
  assert.equal(await text(stream), 'hello');
  stream.respond({ ':status': 200 });
  stream.end('answer');
  await once(stream, 'close');
  assert.deepEqual([messages.heads.get(1)?.slice(0, 2), messages.bodies.get(1)], [[':status', '200'], 'answer']);

  send((out) => writer.writeWindowUpdate(out, 0, 0, 1000));
  const answered = untilTold(messages, `PING 0 flags 1: ${Buffer.from('pingpong').toString('hex')}`);
  send((out) => writer.writePing(out, 0, false, Buffer.from('pingpong'), 0));
  await answered;
  const second = once(server, 'stream');
  socket.push(head(3, [], false));
  const [open] = (await second) as [http2.ServerHttp2Stream];
  open.on('error', () => {});
  send((out) => writer.writeRstStream(out, 0, 3, 8));
  await once(open, 'close');
  assert.equal(open.rstCode, 8);
  assert.ok(messages.events.some((event) => event.startsWith('SETTINGS 0 flags 1')));
  assert.deepEqual(messages.faults, []);

  const going = once(session, 'goaway');
  send((out) => writer.writeGoaway(out, 0, 0, 0, 'bye'));
  const [code, last, data] = (await going) as [number, number, Buffer];
  assert.deepEqual([code, last, data.toString()], [0, 0, 'bye']);
  socket.destroy();
});
