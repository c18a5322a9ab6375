// The PROXY protocol through the sidecar: the client's address in log lines, headers, rules and chains; what is
// refused; and HAProxy as the other end, reading what we write and writing what we read.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { connect } from 'node:tls';
import { freePorts } from '../../../examples/tea-shop/free-ports.ts';
import { manualClock } from '../../manual-clock.ts';
import { answer, startOrigin } from '../../mesh/origin.ts';
import { makeLeaf, makeRoot } from '../../mesh/pki.ts';
import { bootstrapText, startProxy } from '../../mesh/proxy.ts';
import { dialTcp, Peer, startTcpOrigin, tcpBootstrap, tcpCluster, tcpFilter } from '../../mesh/tcp.ts';
import { tcpOrigin, tcpStory } from '../../mesh/tcp-story.ts';
import { tempDir } from '../../temp-dir.ts';

const HEADER = 'PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n';
const filter = (fields = '') =>
  `{name: pp, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol${fields}}}`;
const reading = (fields = '') => `listener_filters: [${filter(fields)}]`;
const FORMAT =
  '%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_LOCAL_ADDRESS% %BYTES_RECEIVED%';

test('the address is the client of log lines, and the header is not part of the bytes', async (t) => {
  const origin = await tcpOrigin(t);
  const story = await tcpStory(t, origin, { listener: reading(), format: FORMAT });
  for (const [n, split] of [0, 3, 20, HEADER.length].entries()) {
    const client = await story.client();
    client.say(HEADER.slice(0, split));
    // The second part is a read of its own where the first is waited for.
    await new Promise((resolve) => setImmediate(resolve));
    client.say(`${HEADER.slice(split)}data`);
    const server = await origin.next();
    assert.equal(await server.hears('data'), 'data');
    client.socket.end();
    server.socket.end();
    await client.gone();
    const lines = await story.log(n + 1);
    assert.equal(lines.at(-1), '1.2.3.4:1111 127.0.0.1 5.6.7.8:2222 4');
  }
  assert.equal(story.proxy.stats.proxyProtocol('').versions[1].found, 4);
});

test('UNKNOWN leaves the addresses of the connection', async (t) => {
  const origin = await tcpOrigin(t);
  const story = await tcpStory(t, origin, { listener: reading(), format: FORMAT });
  const { client, server } = await pairSaying(story, origin, 'PROXY UNKNOWN\r\nx');
  assert.equal(await server.hears('x'), 'x');
  client.socket.end();
  server.socket.end();
  const [line = ''] = await story.log(1);
  assert.match(line, new RegExp(`^127\\.0\\.0\\.1:\\d+ 127\\.0\\.0\\.1 127\\.0\\.0\\.1:${story.proxy.port()} 1$`));
});

function listenerStats(story: Awaited<ReturnType<typeof tcpStory>>) {
  return story.proxy.runtime.listeners.get('main')?.stats ?? assert.fail();
}

async function pairSaying(
  story: Awaited<ReturnType<typeof tcpStory>>,
  origin: Awaited<ReturnType<typeof tcpOrigin>>,
  text: string,
) {
  const client = await story.client();
  client.say(text);
  return { client, server: await origin.next() };
}

test('a bad header, none, and one that is not allowed end the connection; nothing gets through', async (t) => {
  const origin = await tcpOrigin(t);
  const story = await tcpStory(t, origin, { listener: reading(', disallowed_versions: [V2], stat_prefix: s') });
  const texts = ['PROXY TCP4 1.2.3.4\r\nx', 'hello', '\r\n\r\n\0\r\nQUIT\n\x20\0\0\0x'];
  for (const text of texts) {
    const client = await story.client();
    client.say(text);
    await client.gone();
    assert.equal(client.heard, '');
  }
  assert.equal(origin.taken, 0);
  const stats = story.proxy.stats.proxyProtocol('s');
  assert.deepEqual([stats.versions[1].error, stats.not_found_disallowed, stats.versions[2].disallowed], [1, 1, 1]);
  assert.equal(listenerStats(story).downstream_pre_cx_active, 0);
});

test('where it may be missing, other bytes are those of the client', async (t) => {
  const origin = await tcpOrigin(t);
  const story = await tcpStory(t, origin, { listener: reading(', allow_requests_without_proxy_protocol: true') });
  const { server } = await pairSaying(story, origin, 'PRhello');
  assert.equal(await server.hears('PRhello'), 'PRhello');
  assert.equal(story.proxy.stats.proxyProtocol('').not_found_allowed, 1);
});

test('half a header is waited for as long as listener filters may take', async (t) => {
  const clock = manualClock();
  const origin = await tcpOrigin(t);
  const story = await tcpStory(t, origin, { listener: `${reading()}, listener_filters_timeout: 5s`, clock });
  const client = await story.client();
  client.say('PROXY TCP4');
  const stats = listenerStats(story);
  while (stats.downstream_pre_cx_active === 0) await new Promise((resolve) => setImmediate(resolve));
  clock.advance(5_000);
  await client.end();
  assert.equal(stats.downstream_pre_cx_timeout, 1);
  assert.equal(origin.taken, 0);
});

test('chains are chosen by what the header says', async (t) => {
  const say = (text: string) => startTcpOrigin((peer) => peer.socket.end(text));
  const [far, near, port] = await Promise.all([say('far'), say('near'), say('port')]);
  for (const origin of [far, near, port]) t.after(() => origin.close());
  const chain = (match: string, cluster: string) =>
    `filter_chain_match: {${match}}, filters: [${tcpFilter(`cluster: ${cluster}`)}]`;
  const proxy = await startProxy(
    tcpBootstrap({
      listener: reading(),
      chains: [
        chain('source_prefix_ranges: [{address_prefix: 1.2.0.0, prefix_len: 16}]', 'far'),
        chain('direct_source_prefix_ranges: [{address_prefix: 127.0.0.0, prefix_len: 8}]', 'near'),
        chain('destination_port: 443', 'port'),
      ],
      clusters: [tcpCluster('far', [far.port]), tcpCluster('near', [near.port]), tcpCluster('port', [port.port])],
    }),
  );
  t.after(() => proxy.close());
  const ask = async (header: string) => {
    const client = await dialTcp(proxy.port());
    client.socket.end(header);
    await client.end();
    return client.heard;
  };
  // The direct source is looked at before the source, and the destination's port before both.
  assert.equal(await ask(HEADER), 'near');
  assert.equal(await ask('PROXY TCP4 9.9.9.9 5.6.7.8 1 443\r\n'), 'port');
});

test('over TLS and HTTP: the client of x-forwarded-for', async (t) => {
  const root = await makeRoot('r');
  const leaf = await makeLeaf(root, { dns: ['a.test'] });
  const origin = await startOrigin(() => answer('in'));
  t.after(() => origin.close());
  const inline = (text: string) => `{inline_string: ${JSON.stringify(text)}}`;
  const proxy = await startProxy(
    bootstrapText({
      origins: { o1: origin.port },
      listener: `listener_filters: [${filter()}, {name: tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector}}]`,
      chain: `filter_chain_match: {server_names: [a.test]}\ntransport_socket: {name: tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext, common_tls_context: {tls_certificates: [{certificate_chain: ${inline(leaf.cert)}, private_key: ${inline(leaf.key)}}]}}}`,
      hcm: 'use_remote_address: true',
    }),
  );
  t.after(() => proxy.close());
  const raw = await dialTcp(proxy.port());
  t.after(() => raw.socket.destroy());
  raw.socket.removeAllListeners('data');
  raw.say(HEADER);
  const secure = connect({ socket: raw.socket, servername: 'a.test', rejectUnauthorized: false });
  const client = new Peer(secure);
  secure.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
  await client.end();
  assert.match(client.heard, /^HTTP\/1\.1 200/);
  assert.match(origin.seen[0]?.head ?? '', /^x-forwarded-for: 1\.2\.3\.4\r?$/m);
  secure.destroy();
});

const HAPROXY = ['/usr/sbin/haproxy', '/usr/local/sbin/haproxy'].find((path) => existsSync(path));

async function haproxy(t: TestContext, port: number, lines: readonly string[]): Promise<void> {
  const config = join(tempDir(t), 'haproxy.cfg');
  const defaults = 'defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 5s\n  timeout server 5s\n';
  writeFileSync(config, `${defaults}${lines.join('\n')}\n`);
  const child = spawn(HAPROXY ?? '', ['-db', '-q', '-f', config], { stdio: 'inherit' });
  t.after(() => child.kill());
  for (;;) {
    const peer = await dialTcp(port).catch(() => null);
    peer?.socket.destroy();
    if (peer !== null) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

for (const version of [1, 2] as const) {
  test(`HAProxy writes a header of version ${version}, and we read it`, { skip: HAPROXY === undefined }, async (t) => {
    const origin = await tcpOrigin(t, (peer) => peer.socket.end('answer'));
    const story = await tcpStory(t, origin, { listener: reading(), format: FORMAT });
    const [port = 0] = await freePorts(1);
    const how = version === 1 ? 'send-proxy' : 'send-proxy-v2 proxy-v2-options unique-id';
    await haproxy(t, port, [
      'frontend f',
      `  bind 127.0.0.1:${port}`,
      '  unique-id-format abc',
      '  default_backend b',
      'backend b',
      `  server s 127.0.0.1:${story.proxy.port()} ${how}`,
    ]);
    const client = await dialTcp(port);
    const own = client.socket.localPort;
    client.socket.end('q');
    await client.end();
    assert.equal(client.heard, 'answer');
    for (let n = 1; ; n++) {
      const lines = await story.log(n);
      if (lines.includes(`127.0.0.1:${own} 127.0.0.1 127.0.0.1:${port} 1`)) break;
    }
  });

  test(`we write a header of version ${version}, and HAProxy reads it`, { skip: HAPROXY === undefined }, async (t) => {
    const [port = 0, raw = 0] = await freePorts(2);
    const origin = await tcpOrigin(t);
    // HAProxy says whom it took for the client in a header of its own, in words.
    await haproxy(t, raw, [
      'listen ready',
      `  bind 127.0.0.1:${raw}`,
      `  server s 127.0.0.1:${origin.port}`,
      'frontend f',
      `  bind 127.0.0.1:${port} accept-proxy`,
      '  default_backend b',
      'backend b',
      `  server s 127.0.0.1:${origin.port} send-proxy`,
    ]);
    const socket = `transport_socket: {name: pp, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport, config: {version: V${version}}, transport_socket: {name: raw, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer}}}}`;
    const story = await tcpStory(t, null, { clusters: [tcpCluster('a', [port], `connect_timeout: 5s, ${socket}`)] });
    const client = await story.client();
    client.say('hello');
    const expected = `PROXY TCP4 127.0.0.1 127.0.0.1 ${client.socket.localPort} ${story.proxy.port()}\r\nhello`;
    for (;;) {
      const server = await origin.next();
      const heard = await server.hears(expected);
      if (heard === '') continue;
      assert.equal(heard, expected);
      return;
    }
  });
}

test('a header from before is passed on', async (t) => {
  const origin = await tcpOrigin(t);
  const socket =
    'transport_socket: {name: pp, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport, transport_socket: {name: raw, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer}}}}';
  const story = await tcpStory(t, origin, {
    listener: reading(),
    clusters: [tcpCluster('a', [origin.port], `connect_timeout: 5s, ${socket}`)],
  });
  const { server } = await pairSaying(story, origin, `${HEADER}x`);
  assert.equal(await server.hears(`${HEADER}x`), `${HEADER}x`);
});
