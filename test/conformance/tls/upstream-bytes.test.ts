// Bytes of an upstream that TLS does not vouch for: plain text before the handshake is over, and an end that
// anybody on the way could have made (robustness.md 2.5, S11 and S15).

import assert from 'node:assert/strict';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { before, describe, it, type TestContext } from 'node:test';
import { createServer as createTlsServer, TLSSocket } from 'node:tls';
import { openClient } from '../../mesh/client.ts';
import { makeMutualTls } from '../../mesh/mutual-tls.ts';
import { startOrigin } from '../../mesh/origin.ts';
import { bootstrapText, startProxy } from '../../mesh/proxy.ts';
import { startRelay } from '../../mesh/relay.ts';
import { askPlain, GET, makeParties, type Parties, strictCluster } from './parties.ts';

let parties: Parties;
before(async () => {
  parties = await makeParties();
});

const INJECTED = 'HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\ninjected';

async function listening(t: TestContext, onConnection: (socket: Socket) => void): Promise<number> {
  const sockets: Socket[] = [];
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** Ends TLS as the friend does, on a connection on which something was said before. */
function answerOverTls(socket: Socket): void {
  const { cert, key } = parties.friend;
  const secure = new TLSSocket(socket, { isServer: true, cert, key, ca: parties.root.cert, requestCert: true });
  secure.on('error', () => {});
  secure.on('data', () => secure.end('HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret'));
}

/** The same with a PROXY header before TLS: the connection is plain at first. */
function behindHeader(cluster: string): string {
  const [timeout = '', socket = ''] = cluster.split('\n');
  const inner = socket.replace(/^transport_socket: /, '');
  return `${timeout}\ntransport_socket: {name: pp, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport, config: {version: V1}, transport_socket: ${inner}}}`;
}

const scripts: Readonly<Record<string, (socket: Socket) => void>> = {
  'at once': (socket) => void socket.write(INJECTED),
  'in the place of a ServerHello': (socket) => void socket.once('data', () => socket.write(INJECTED)),
  'at once, and TLS behind it': (socket) => {
    socket.write(INJECTED);
    answerOverTls(socket);
  },
};

for (const [how, wrap] of [
  ['', (cluster: string) => cluster],
  [' behind our PROXY header', behindHeader],
] as const) {
  describe(`S11: plain text before the handshake is over${how}`, () => {
    for (const [name, script] of Object.entries(scripts)) {
      it(`${name}: is no answer, and nothing is sent`, async (t) => {
        let heard = '';
        const port = await listening(t, (socket) => {
          socket.on('data', (bytes) => {
            heard += bytes.toString('latin1');
          });
          script(socket);
        });
        const cluster = { o1: wrap(strictCluster(parties)) };
        const proxy = await startProxy(bootstrapText({ origins: { o1: port }, cluster }));
        const text = await askPlain(proxy);
        await proxy.close();
        assert.match(text, /^HTTP\/1\.1 503 /);
        assert.doesNotMatch(text, /injected|secret/);
        assert.doesNotMatch(heard, /GET \//);
      });
    }
  });
}

/** An origin over TLS that says so much and then nothing, with a wire before it that can be cut. */
async function cutOrigin(t: TestContext, said: string) {
  const { cert, key } = parties.friend;
  const server = createTlsServer({ cert, key, minVersion: 'TLSv1.3' }, (socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.write(said));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const relay = await startRelay((server.address() as AddressInfo).port);
  t.after(async () => {
    await relay.close();
    server.close();
  });
  return relay;
}

const HEAD = 'HTTP/1.1 200 OK\r\n';

describe('S15: a FIN on the wire, without the close_notify of who answers', () => {
  const bodies: Readonly<Record<string, string>> = {
    'a counted body': `${HEAD}content-length: 9\r\n\r\npart`,
    'a body in chunks': `${HEAD}transfer-encoding: chunked\r\n\r\n4\r\npart\r\n`,
  };
  for (const [name, said] of Object.entries(bodies)) {
    it(`${name} is cut, and no whole answer`, async (t) => {
      const relay = await cutOrigin(t, said);
      const proxy = await startProxy(
        bootstrapText({ origins: { o1: relay.port }, cluster: { o1: strictCluster(parties) } }),
      );
      t.after(() => proxy.close());
      const client = await openClient(proxy.port());
      await client.send(GET);
      await client.until((text) => text.includes('part'));
      relay.each((link) => link.halfClose('down'));
      const text = await client.ended();
      assert.doesNotMatch(text, /\r\n0\r\n\r\n$/);
      assert.doesNotMatch(text, /content-length: 4/);
    });
  }

  for (const alpn of ['h2', 'http/1.1']) {
    it(`between two sidecars (${alpn}), though the origin's body ends with its connection`, async (t) => {
      const tls = await makeMutualTls();
      const origin = await startOrigin(() => `${HEAD}\r\npart`);
      const inbound = await startProxy({ origins: { o1: origin.port }, chain: tls.chain });
      const relay = await startRelay(inbound.port());
      const outbound = await startProxy({ origins: { o1: relay.port }, cluster: { o1: tls.cluster([alpn]) } });
      t.after(async () => {
        for (const each of [outbound, relay, inbound, origin]) await each.close();
      });
      const client = await openClient(outbound.port());
      await client.send(GET);
      await client.until((text) => text.includes('part'));
      relay.each((link) => link.halfClose('down'));
      assert.doesNotMatch(await client.ended(), /\r\n0\r\n\r\n$/);
    });
  }

  // Node tells an end of TLS and one of TCP alike: where the end of the connection is that of the body, there is
  // nothing to see the difference by (docs/limits.md, "What TLS cannot say").
  it('a body that ends with its connection is taken for whole', async (t) => {
    const relay = await cutOrigin(t, `${HEAD}\r\npart`);
    const proxy = await startProxy(
      bootstrapText({ origins: { o1: relay.port }, cluster: { o1: strictCluster(parties) } }),
    );
    t.after(() => proxy.close());
    const client = await openClient(proxy.port());
    await client.send(GET);
    await client.until((text) => text.includes('part'));
    relay.each((link) => link.halfClose('down'));
    assert.match(await client.ended(), /part\r\n0\r\n\r\n$/);
  });
});
