// The first bytes of TLS: names that a client says or does not say, what it offers to speak and then speaks,
// and versions that are gone (robustness.md 2.5, S06, S08 and S10).

import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { openClient } from '../../mesh/client.ts';
import { answer, type Origin, startOrigin } from '../../mesh/origin.ts';
import { startProxy, type TestProxy } from '../../mesh/proxy.ts';
import { dialTcp, startTcpOrigin, tcpBootstrap, tcpCluster, tcpFilter } from '../../mesh/tcp.ts';
import { clientHello, extension, type HelloOptions, serverName } from './client-hello-bytes.ts';
import { askTls, GET, makeParties, type Parties, strictListener } from './parties.ts';

let parties: Parties;
let origin: Origin;
before(async () => {
  parties = await makeParties();
  origin = await startOrigin(() => answer('in'));
});
after(() => origin.close());

const INSPECT =
  'listener_filters: [{name: tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector}}]';

const LONG = `${'x'.repeat(246)}.wild.test`;

/** Names and the chain that each leads to. */
const NAMES: Readonly<Record<string, [HelloOptions, string]>> = {
  'that of a chain': [{ serverNames: [serverName('a.test')] }, 'a'],
  'in upper case': [{ serverNames: [serverName('A.TEST')] }, 'a'],
  absent: [{}, 'rest'],
  empty: [{ serverNames: [serverName('')] }, 'rest'],
  unknown: [{ serverNames: [serverName('b.test')] }, 'rest'],
  'with a dot at the end': [{ serverNames: [serverName('a.test.')] }, 'rest'],
  'an address': [{ serverNames: [serverName('127.0.0.1')] }, 'rest'],
  'of 255 bytes': [{ serverNames: [serverName(LONG.slice(-255))] }, 'wild'],
  'of 256 bytes': [{ serverNames: [serverName(LONG)] }, 'rest'],
  'with a NUL behind it': [{ serverNames: [serverName('a.test\0.foe.test')] }, 'rest'],
  'with a NUL before what a wildcard takes': [{ serverNames: [serverName('foe.test\0.wild.test')] }, 'rest'],
  'with bytes that are no text': [{ serverNames: [serverName(Buffer.from('\xff.wild.test', 'latin1'))] }, 'rest'],
  'the first of two': [{ serverNames: [serverName('a.test', 'x.wild.test')] }, 'rest'],
  'said in two extensions': [{ serverNames: [serverName('a.test'), serverName('x.wild.test')] }, 'rest'],
  'cut short': [{ serverNames: [serverName('a.test').subarray(0, -2)] }, 'rest'],
  'of another type than a host': [{ serverNames: [Buffer.from([0, 9, 1, 0, 6, ...Buffer.from('a.test')])] }, 'rest'],
};

describe('S06: the server name leads to a chain', () => {
  let proxy: TestProxy;
  const closes: (() => Promise<unknown>)[] = [];

  before(async () => {
    const clusters = [];
    const chain = (match: string, to: string) => `${match}filters: [${tcpFilter(`cluster: ${to}`)}]`;
    for (const name of ['a', 'wild', 'rest']) {
      // Says which it is, and nothing of TLS.
      const backend = await startTcpOrigin((peer) => peer.socket.once('data', () => peer.socket.end(name)));
      closes.push(() => Promise.resolve(backend.close()));
      clusters.push(tcpCluster(name, [backend.port]));
    }
    proxy = await startProxy(
      tcpBootstrap({
        listener: `${INSPECT}, default_filter_chain: {${chain('', 'rest')}}`,
        chains: [
          chain('filter_chain_match: {server_names: [a.test]}, ', 'a'),
          chain('filter_chain_match: {server_names: ["*.wild.test"]}, ', 'wild'),
        ],
        clusters,
      }),
    );
    closes.push(() => proxy.close());
  });
  after(async () => {
    for (const close of closes.reverse()) await close();
  });

  for (const [name, [options, to]] of Object.entries(NAMES)) {
    it(`a name that is ${name}: ${to}`, async () => {
      const client = await dialTcp(proxy.port());
      client.socket.write(clientHello(options));
      await client.end();
      assert.equal(client.heard, to);
      client.socket.destroy();
    });
  }
});

/** The kind of the first record that comes back: 22 where the handshake goes on, 21 for an alert with its number. */
async function firstRecord(t: TestContext, port: number, hello: Buffer): Promise<string> {
  const client = await openClient(port);
  t.after(() => client.close());
  await client.send(hello);
  const bytes = Buffer.from(await client.until((text) => text.length >= 7), 'latin1');
  if (bytes.length === 0) return 'closed';
  return bytes[0] === 21 ? `alert ${bytes[6]}` : `record ${bytes[0]}`;
}

const ALERT = { protocolVersion: 70, unrecognizedName: 112, noProtocol: 120 };

describe('a listener that ends TLS', () => {
  let proxy: TestProxy;
  before(async () => {
    const chain = strictListener(parties, { alpn: ['h2', 'http/1.1'] });
    const hcm = 'delayed_close_timeout: 0.1s';
    proxy = await startProxy({ origins: { o1: origin.port }, chain, listener: INSPECT, hcm });
  });
  after(() => proxy.close());

  it('S06: goes on with a name that leads nowhere, and refuses one that is none', async (t) => {
    const ask = (...serverNames: readonly Buffer[]) => firstRecord(t, proxy.port(), clientHello({ serverNames }));
    for (const name of ['a.test', 'A.TEST', '127.0.0.1', LONG.slice(-255)])
      assert.equal(await ask(serverName(name)), 'record 22', name);
    assert.equal(await ask(), 'record 22');
    assert.equal(await ask(serverName(LONG)), `alert ${ALERT.unrecognizedName}`);
    assert.equal(await ask(serverName('a.test\0.foe.test')), `alert ${ALERT.unrecognizedName}`);
    assert.match(await ask(serverName('a.test', 'b.test')), /^alert /);
    assert.match(await ask(serverName('a.test'), serverName('b.test')), /^alert /);
    assert.match((await askTls(proxy.port(), parties.friend)).text, /^HTTP\/1\.1 200/);
  });

  it('S08: takes a client that names no protocol by its first bytes', async () => {
    assert.match((await askTls(proxy.port(), parties.friend)).text, /^HTTP\/1\.1 200/);
  });

  it('S08: refuses a client that names only others, in the handshake', async (t) => {
    const hello = clientHello({ alpn: ['spdy/3', 'x'] });
    assert.equal(await firstRecord(t, proxy.port(), hello), `alert ${ALERT.noProtocol}`);
    const { text, error } = await askTls(proxy.port(), { ...parties.friend, ALPNProtocols: ['x'] });
    assert.equal(text, '');
    assert.match(error ?? '', /NO_APPLICATION_PROTOCOL/);
  });

  const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
  const wrong: Readonly<Record<string, [string, string]>> = {
    'HTTP/1.1 where h2 was agreed on': ['h2', GET],
    'HTTP/2 where http/1.1 was agreed on': ['http/1.1', PREFACE],
    'neither where h2 was agreed on': ['h2', '\0\0\0\0'.repeat(8)],
  };
  for (const [name, [protocol, request]] of Object.entries(wrong)) {
    it(`S08: ends a connection that speaks ${name}`, async () => {
      const seen = origin.seen.length;
      const options = { ...parties.friend, ALPNProtocols: [protocol] };
      const { text } = await askTls(proxy.port(), options, request);
      assert.doesNotMatch(text, /^HTTP\/1\.1 2/);
      assert.equal(origin.seen.length, seen);
    });
  }

  it('survives a ClientHello in single bytes, and one that stops half-way', async () => {
    const client = await openClient(proxy.port());
    await client.send(...clientHello().subarray(0, 40).toString('latin1'));
    client.close();
    assert.match((await askTls(proxy.port(), parties.friend)).text, /200/);
  });
});

describe('S10: what is off', () => {
  let proxy: TestProxy;
  before(async () => {
    proxy = await startProxy({
      origins: { o1: origin.port },
      chain: strictListener(parties, { from: 'TLSv1_2', to: 'TLSv1_3' }),
    });
  });
  after(() => proxy.close());

  for (const [name, oldest] of Object.entries({ 'TLS 1.0': 0x0301, 'TLS 1.1': 0x0302 } as const)) {
    it(name, async (t) => {
      const record = await firstRecord(t, proxy.port(), clientHello({ oldest }));
      assert.equal(record, `alert ${ALERT.protocolVersion}`);
    });
  }

  it('TLS 1.2 where 1.3 is the lowest', async (t) => {
    const strict = await startProxy({ origins: { o1: origin.port }, chain: strictListener(parties) });
    t.after(() => strict.close());
    assert.equal(
      await firstRecord(t, strict.port(), clientHello({ oldest: 0x0303 })),
      `alert ${ALERT.protocolVersion}`,
    );
    assert.equal((await askTls(strict.port(), { ...parties.friend, maxVersion: 'TLSv1.2' })).text, '');
  });

  it('renegotiation', async (t) => {
    const to = { port: proxy.port(), host: '127.0.0.1', rejectUnauthorized: false, maxVersion: 'TLSv1.2' } as const;
    const socket: TLSSocket = connect({ ...to, ...parties.friend });
    t.after(() => socket.destroy());
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    const { promise, resolve } = Promise.withResolvers<string>();
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
    socket.on('close', () => resolve('closed'));
    socket.renegotiate({}, (error) => resolve(error === null ? 'renegotiated' : error.message));
    assert.match(await promise, /NO_RENEGOTIATION/i);
  });

  it('requests before the handshake (0-RTT)', async () => {
    const seen = origin.seen.length;
    const client = await openClient(proxy.port());
    // The extension that announces them, and a record that would be one.
    const early = Buffer.concat([Buffer.of(0x17, 0x03, 0x03, 0, GET.length), Buffer.from(GET)]);
    await client.send(Buffer.concat([clientHello({ more: [extension(42, Buffer.alloc(0))] }), early]));
    // The handshake goes on as if they had not come, and waits for the client's certificate.
    assert.equal((await client.until((text) => text.length > 0)).charCodeAt(0), 22);
    client.close();
    assert.match((await askTls(proxy.port(), parties.friend)).text, /^HTTP\/1\.1 200/);
    assert.equal(origin.seen.length, seen + 1);
  });
});
