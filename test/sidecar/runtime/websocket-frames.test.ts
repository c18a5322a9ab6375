// Bytes of a tunnel are nobody's but its ends': frames that a WebSocket library would refuse pass as they are,
// both ways, and cost the sidecar no more than their bytes (robustness.md 2.6, W01 to W06); and the handshakes
// of HTTP/1.1 that are none (2.2, P18).

import assert from 'node:assert/strict';
import { suite, test, type TestContext } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { webSocketAccept } from '../../../sidecar/http/websocket.ts';
import { manualClock } from '../../manual-clock.ts';
import { openClient } from '../../mesh/client.ts';
import { answer, startOrigin } from '../../mesh/origin.ts';
import { startProxy, type TestProxy } from '../../mesh/proxy.ts';
import {
  askWebSocket,
  type End,
  KEY,
  startWebSocketOrigin,
  type Version,
  H2_UPSTREAM,
  UPGRADES,
} from '../../mesh/tunnel-end.ts';

interface Tunnel {
  readonly proxy: TestProxy;
  readonly client: End;
  readonly upstream: End;
}

async function tunnel(t: TestContext, from: Version, to: Version, clock = manualClock(), hcm = ''): Promise<Tunnel> {
  const origin = await startWebSocketOrigin(to, { accept: webSocketAccept, announces: true });
  const cluster = to === 'h2' ? { o: H2_UPSTREAM } : {};
  const proxy = await startProxy({ origins: { o: origin.port }, hcm: `${UPGRADES}\n${hcm}`, cluster }, { clock });
  t.after(async () => {
    await proxy.close();
    await origin.close();
  });
  const client = await askWebSocket(from, proxy.port());
  t.after(() => client.stream.destroy());
  const asked = await origin.next();
  asked.grant();
  await client.answered();
  return { proxy, client, upstream: asked.end };
}

/** FIN, RSV1 and the opcode; the length in as many bytes as it takes, or as many as are asked for. */
function frame(first: number, body: Buffer, length: number | bigint = body.length): string {
  const size = Buffer.alloc(typeof length === 'bigint' ? 9 : 1);
  if (typeof length === 'bigint') {
    size[0] = 127;
    size.writeBigUInt64BE(length, 1);
  } else size[0] = length;
  return Buffer.concat([Buffer.of(first), size, body]).toString('latin1');
}

const text = Buffer.from('hello');
const bomb = deflateRawSync(Buffer.alloc(16 * 1024 * 1024));

const FRAMES: Readonly<Record<string, string>> = {
  'W01: a frame of a client without its mask': frame(0x81, text),
  'W02: a length of 64 bits for five bytes': frame(0x82, text, 5n),
  'W02: a length beyond all memory': frame(0x82, text, 2n ** 63n - 1n),
  'W02: a length with its highest bit set': frame(0x82, text, 2n ** 64n - 1n),
  'W03: a ping in two pieces': frame(0x09, Buffer.from('he')) + frame(0x80, Buffer.from('llo')),
  'W03: a ping between the pieces of a message': frame(0x01, text) + frame(0x89, text) + frame(0x80, text),
  'W04: a close with code 1005': frame(0x88, Buffer.from([0x03, 0xed])),
  'W04: a close with one byte': frame(0x88, Buffer.from([0x03])),
  'W05: a compressed message of sixteen megabytes': frame(0xc2, bomb, BigInt(bomb.length)),
  'reserved bits and opcodes': frame(0xff, text),
};

for (const [from, to] of [
  ['h1', 'h1'],
  ['h1', 'h2'],
  ['h2', 'h1'],
  ['h2', 'h2'],
] as const) {
  suite(`frames, ${from} -> ${to}`, () => {
    test('pass as they are, both ways, and the tunnel lives on', async (t) => {
      const { client, upstream } = await tunnel(t, from, to);
      let said = '';
      for (const [name, bytes] of Object.entries(FRAMES)) {
        await t.test(name, async () => {
          said += bytes;
          client.say(bytes);
          await upstream.hears(said);
          upstream.say(bytes);
          await client.hears(said);
        });
      }
    });

    test('W06: a drain writes nothing into it, and ends it when its time is over', async (t) => {
      const clock = manualClock();
      const { proxy, client, upstream } = await tunnel(
        t,
        from,
        to,
        clock,
        'stream_idle_timeout: 0s\ndrain_timeout: 5s',
      );
      proxy.runtime.drain();
      clock.advance(60_000);
      client.say('still');
      await upstream.hears('still');
      upstream.say('here');
      await client.hears('here');
      proxy.runtime.destroy();
      await client.until(() => client.ended || client.broken, 'the end');
      assert.equal(client.heard, 'here');
      assert.equal(upstream.heard, 'still');
    });
  });
}

const ask = (line: string, fields: string) => `${line}\r\nhost: a\r\n${fields}\r\n`;
const HANDSHAKE = `connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${KEY}\r\n`;
const NONE: Readonly<Record<string, [string, RegExp]>> = {
  'another method than GET': [ask('PUT /ws HTTP/1.1', HANDSHAKE), /^HTTP\/1\.1 400 /],
  'two keys': [ask('GET /ws HTTP/1.1', `${HANDSHAKE}sec-websocket-key: ${KEY}\r\n`), /^HTTP\/1\.1 400 /],
};
for (const [name, [request, answer]] of Object.entries(NONE)) {
  test(`P18: a handshake with ${name}`, async (t) => {
    const origin = await startWebSocketOrigin('h1', { accept: webSocketAccept, announces: true });
    const hcm = `${UPGRADES}\nhttp_protocol_options: {accept_http_10: true}\ndelayed_close_timeout: 0.1s`;
    const proxy = await startProxy({ origins: { o: origin.port }, hcm });
    t.after(async () => {
      await proxy.close();
      await origin.close();
    });
    const client = await openClient(proxy.port());
    t.after(() => client.close());
    await client.send(request);
    assert.match(await client.until((received) => received.includes('\r\n\r\n')), answer);
    assert.equal(origin.asked.length, 0);
  });
}

// RFC 9110 7.8: the field means nothing there.
test('P18: an HTTP/1.0 request cannot ask for a switch, and goes on as a plain one', async (t) => {
  const origin = await startOrigin(() => answer('plain'));
  const hcm = `${UPGRADES}\nhttp_protocol_options: {accept_http_10: true}`;
  const proxy = await startProxy({ origins: { o: origin.port }, hcm });
  t.after(async () => {
    await proxy.close();
    await origin.close();
  });
  const client = await openClient(proxy.port());
  t.after(() => client.close());
  await client.send(ask('GET /ws HTTP/1.0', HANDSHAKE));
  assert.match(await client.until((received) => received.endsWith('plain')), /^HTTP\/1\.[01] 200 /);
  assert.doesNotMatch(origin.seen[0]?.head ?? '', /^(upgrade|connection: upgrade)/im);
});
