// Filter chains chosen by what plain text begins with (http_inspector), here and in Envoy: HTTP of each version goes
// to one chain, everything else to a TCP proxy, and a client that says nothing too.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import type { TestContext } from 'node:test';
import { eventually } from '../mesh/discovery.ts';
import { openClient } from '../mesh/client.ts';
import { dialTcp, type Peer, startTcpOrigin, tcpCluster, tcpFilter } from '../mesh/tcp.ts';
import { besideEnvoy, type Limited, type LimitedPieces } from './limits/beside.ts';

const INSPECTORS = 'type.googleapis.com/envoy.extensions.filters.listener';
const HTTP_INSPECTOR = `{name: http, typed_config: {"@type": ${INSPECTORS}.http_inspector.v3.HttpInspector}}`;
const TLS_INSPECTOR = `{name: tls, typed_config: {"@type": ${INSPECTORS}.tls_inspector.v3.TlsInspector}}`;
const PROXY = `{name: proxy, typed_config: {"@type": ${INSPECTORS}.proxy_protocol.v3.ProxyProtocol}}`;
const GET = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';
/** What a client of TLS begins with; the rest is never sent. */
const HELLO = `\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00`;

interface Story extends Limited {
  /** The next connection that came out of the TCP proxy. */
  next(): Promise<Peer>;
}

type Start = (pieces: LimitedPieces) => Promise<Limited>;

async function story(t: TestContext, start: Start, filters = HTTP_INSPECTOR, wait = '15s'): Promise<Story> {
  const origin = await startTcpOrigin((peer) => peer.say('220 tea\r\n'));
  t.after(() => origin.close());
  const limited = await start({
    origins: {},
    routes: '- {match: {prefix: /}, direct_response: {status: 200, body: {inline_string: ok}}}',
    hcm: 'http_protocol_options: {accept_http_10: true, default_host_for_http_10: a}',
    chain: 'filter_chain_match: {transport_protocol: raw_buffer, application_protocols: [http/1.0, http/1.1, h2c]}',
    listener: [
      'stat_prefix: main',
      `listener_filters: [${filters}]`,
      `listener_filters_timeout: ${wait}`,
      'continue_on_listener_filters_timeout: true',
      `default_filter_chain: {filters: [${tcpFilter('cluster: tcp')}]}`,
    ].join('\n'),
    clusters: `- ${tcpCluster('tcp', [origin.port])}`,
  });
  return { ...limited, next: () => origin.next() };
}

besideEnvoy('a request of HTTP/1.1, cut at every byte of its first line', async (t, start) => {
  const { port, sum } = await story(t, start);
  const whole = GET.indexOf('\n');
  for (let cut = 1; cut <= whole; cut++) {
    const client = await openClient(port);
    await client.send(GET.slice(0, cut), GET.slice(cut));
    assert.match(await client.until((text) => text.endsWith('ok')), /^HTTP\/1\.1 200/);
    client.close();
  }
  const client = await openClient(port);
  await client.send(...GET);
  assert.match(await client.until((text) => text.endsWith('ok')), /^HTTP\/1\.1 200/);
  client.close();
  assert.equal(await sum(/^http_inspector\.http11_found$/), whole + 1);
  assert.equal(await sum(/^http_inspector\.http_not_found$/), 0);
});

besideEnvoy('HTTP/1.0 and HTTP/2', async (t, start) => {
  const { port, sum } = await story(t, start);
  const old = await openClient(port);
  await old.send('GET / HTTP/1.0\r\n\r\n');
  assert.match(await old.ended(), /ok$/);
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  t.after(() => session.destroy());
  const [headers] = (await once(session.request({ ':path': '/' }), 'response')) as [Record<string, unknown>];
  assert.equal(headers[':status'], 200);
  assert.equal(await sum(/^http_inspector\.http10_found$/), 1);
  assert.equal(await sum(/^http_inspector\.http2_found$/), 1);
});

/** Each is no HTTP, and may not lose a byte. Envoy knows some only at the end of their first line. */
const OTHERS: readonly string[] = [
  HELLO,
  'SSH-2.0-OpenSSH_9.6\r\n',
  '*1\r\n$4\r\nPING\r\n',
  'GET key\r\n',
  '\0\0\0\x08\x04\xd2\x16/',
  'EHLO a\r\n',
];

besideEnvoy('what is no HTTP goes on as it came, cut at every byte', async (t, start) => {
  const { port, next, sum } = await story(t, start);
  let connections = 0;
  for (const text of OTHERS) {
    for (let cut = 1; cut <= text.length; cut++) {
      const client = await dialTcp(port);
      client.say(text.slice(0, cut));
      await new Promise((resolve) => setImmediate(resolve));
      client.say(text.slice(cut));
      const server = await next();
      assert.equal(await server.hears(text), text);
      client.socket.destroy();
      connections++;
    }
  }
  assert.equal(await sum(/^http_inspector\.http_not_found$/), connections);
});

besideEnvoy('a client that says nothing is greeted when the time is over', async (t, start) => {
  const { port, sum } = await story(t, start, HTTP_INSPECTOR, '0.2s');
  const client = await dialTcp(port);
  assert.equal(await client.hears('220 tea\r\n'), '220 tea\r\n');
  assert.equal(await sum(/^listener\.main\.downstream_pre_cx_timeout$/), 1);
  assert.equal(await sum(/^http_inspector\.http_not_found$/), 0);
  client.socket.destroy();
  // Half a request is no more than nothing.
  const half = await dialTcp(port);
  half.say('GET / HT');
  assert.equal(await half.hears('220 tea\r\n'), '220 tea\r\n');
  half.socket.destroy();
});

besideEnvoy('a client that ends before it is known', async (t, start) => {
  const { port, sum } = await story(t, start);
  const client = await dialTcp(port);
  client.say('GE').socket.end();
  await client.gone();
  assert.equal(client.heard, '');
  // Envoy's harness has knocked before.
  await eventually(async () => assert.ok((await sum(/^listener\.main\.downstream_listener_filter_remote_close$/)) > 0));
});

besideEnvoy('behind tls_inspector, and behind a PROXY header', async (t, start) => {
  const { port, next } = await story(t, start, `${PROXY}, ${TLS_INSPECTOR}, ${HTTP_INSPECTOR}`);
  const header = 'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n';
  const client = await openClient(port);
  await client.send(...`${header}${GET}`);
  assert.match(await client.until((text) => text.endsWith('ok')), /^HTTP\/1\.1 200/);
  client.close();
  const other = await dialTcp(port);
  other.say(`${header}EHLO a\r\n`);
  const server = await next();
  assert.equal(await server.hears('EHLO a\r\n'), 'EHLO a\r\n');
  other.socket.destroy();
});
