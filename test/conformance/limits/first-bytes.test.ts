// A listener that looks at the first bytes of a connection (tls_inspector): they may come in any pieces, stop
// half-way or end, and nobody else has to wait for them.

import assert from 'node:assert/strict';
import { connect as connectTcp, createServer, type AddressInfo } from 'node:net';
import { before, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { connect } from 'node:tls';
import { openClient, type RawClient } from '../../mesh/client.ts';
import { eventually } from '../../mesh/discovery.ts';
import { makeLeaf, makeRoot, type Pair } from '../../mesh/pki.ts';
import { besideEnvoy, type LimitedPieces } from './beside.ts';

const GET = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';
const GONE = /^listener\.(?!admin).*\.downstream_listener_filter_remote_close$/;
/** More than a ClientHello has. */
const FIRST_BYTES = 4096;
const INSPECTOR = `listener_filters: [{name: tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector}}]`;

const PLAIN: LimitedPieces = {
  origins: { o1: 1 },
  routes: '- {match: {prefix: /}, direct_response: {status: 200, body: {inline_string: ok}}}',
  listener: INSPECTOR,
};

let pair: Pair;
before(async () => {
  pair = await makeLeaf(await makeRoot('mesh'), { dns: ['a'] });
});

function overTls(): LimitedPieces {
  const inline = (text: string) => `{inline_string: ${JSON.stringify(text)}}`;
  const certificate = `{certificate_chain: ${inline(pair.cert)}, private_key: ${inline(pair.key)}}`;
  const context = `{"@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext, common_tls_context: {tls_certificates: [${certificate}]}}`;
  return {
    ...PLAIN,
    chain: `filter_chain_match: {server_names: [a]}\ntransport_socket: {name: tls, typed_config: ${context}}`,
  };
}

/** Passes the first bytes of a client on one by one. */
async function slowPath(t: TestContext, port: number): Promise<number> {
  const server = createServer((client) => {
    const proxy = connectTcp({ port, host: '127.0.0.1', noDelay: true });
    let left = FIRST_BYTES;
    client.pause();
    proxy.pipe(client);
    const onward = async () => {
      for await (const bytes of client) {
        for (const byte of (bytes as Buffer).subarray(0, left)) {
          proxy.write(Buffer.of(byte));
          await setImmediate();
        }
        proxy.write((bytes as Buffer).subarray(left));
        left = Math.max(0, left - (bytes as Buffer).length);
      }
    };
    client.on('error', () => proxy.destroy());
    proxy.on('error', () => client.destroy());
    onward().catch(() => proxy.destroy());
    t.after(() => {
      client.destroy();
      proxy.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

function askTls(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, servername: 'a' }, () =>
      socket.write(GET),
    );
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      if (!text.endsWith('ok')) return;
      socket.destroy();
      resolve(text);
    });
    socket.on('error', reject);
  });
}

async function ask(client: RawClient, ...pieces: readonly string[]): Promise<string> {
  await client.send(...pieces);
  return client.until((text) => text.endsWith('ok'));
}

besideEnvoy('a plain request in single bytes', async (_, start) => {
  const { port } = await start(PLAIN);
  const client = await openClient(port);
  assert.match(await ask(client, ...GET), /^HTTP\/1.1 200 /);
  client.close();
});

besideEnvoy('S09: a ClientHello in single bytes', async (t, start) => {
  const { port } = await start(overTls());
  assert.match(await askTls(await slowPath(t, port)), /^HTTP\/1.1 200 /);
});

besideEnvoy('S09: a client that stops half-way keeps nobody waiting', async (_, start) => {
  const proxy = await start(PLAIN);
  const half = await openClient(proxy.port);
  await half.send('\x16\x03\x01');
  await eventually(async () => assert.equal(await proxy.sum(/^listener\.(?!admin).*\.downstream_pre_cx_active$/), 1));
  const other = await openClient(proxy.port);
  assert.match(await ask(other, GET), /^HTTP\/1.1 200 /);
  const before = await proxy.sum(GONE);
  half.close();
  await eventually(async () => assert.equal((await proxy.sum(GONE)) - before, 1));
  other.close();
});
