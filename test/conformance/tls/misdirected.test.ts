// A request for a host that has a filter chain of its own, over the TLS of another chain (robustness.md 2.5, S07):
// 421, where the other chain's certificate or what it asks of clients differs. Envoy serves it by the routes of the
// chain by which it came; the listener's chains say enough to know better.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { after, before, describe, it } from 'node:test';
import { connect, type ConnectionOptions } from 'node:tls';
import { rawClient } from '../../mesh/client.ts';
import { snapshotOf, startProxy, type TestProxy } from '../../mesh/proxy.ts';
import { askTls, inline, makeParties, type Parties, strictListener, TLS } from './parties.ts';

const EXTENSIONS = 'type.googleapis.com/envoy.extensions.filters';
const HCM = `{name: h, typed_config: {"@type": ${EXTENSIONS}.network.http_connection_manager.v3.HttpConnectionManager, stat_prefix: main, delayed_close_timeout: 0.1s, route_config: {virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: served}}}]}]}, http_filters: [{name: envoy.filters.http.router, typed_config: {"@type": ${EXTENSIONS}.http.router.v3.Router}}]}}`;

function bootstrap(parties: Parties): string {
  const { cert, key } = parties.own;
  const open = `transport_socket: {name: t, typed_config: {"@type": ${TLS}.DownstreamTlsContext, common_tls_context: {alpn_protocols: [h2, http/1.1], tls_certificates: [{certificate_chain: ${inline(cert)}, private_key: ${inline(key)}}]}}}`;
  const chain = (match: string, socket: string) => `{${match}${socket}, filters: [${HCM}]}`;
  const named = (names: string, more = '') => `filter_chain_match: {server_names: [${names}]${more}}, `;
  const chains = [
    chain(named('open.test, "*.open.test"'), open),
    chain(named('twin.test'), open),
    chain(named('strict.test, "*.strict.open.test"'), strictListener(parties)),
    chain(
      named('far.test', ', source_prefix_ranges: [{address_prefix: 192.0.2.0, prefix_len: 24}]'),
      strictListener(parties),
    ),
  ];
  return `static_resources:
  listeners:
  - name: main
    address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    listener_filters: [{name: tls, typed_config: {"@type": ${EXTENSIONS}.listener.tls_inspector.v3.TlsInspector}}]
    filter_chains: [${chains.join(', ')}]
    default_filter_chain: ${chain('', open)}
`;
}

let parties: Parties;
let proxy: TestProxy;
before(async () => {
  parties = await makeParties();
  proxy = await startProxy(bootstrap(parties));
});
after(() => proxy.close());

async function statusOf(host: string, options: ConnectionOptions): Promise<number> {
  const request = `GET / HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`;
  const { text } = await askTls(proxy.port(), options, request);
  return Number(text.split(' ')[1]);
}

describe('S07: a host that is not that of the connection', () => {
  const rows: readonly (readonly [string, string, number])[] = [
    ['open.test', 'open.test', 200],
    ['open.test', 'OPEN.test:443', 200],
    ['open.test', 'a.open.test', 200],
    ['open.test', 'unknown.test', 200],
    ['open.test', 'twin.test', 200],
    ['open.test', 'far.test', 200],
    ['open.test', 'strict.test', 421],
    ['open.test', 'STRICT.test.:8443', 421],
    ['a.open.test', 'a.strict.open.test', 421],
    ['unknown.test', 'strict.test', 421],
    ['unknown.test', 'open.test', 200],
    ['', 'strict.test', 421],
    ['', 'unknown.test', 200],
  ];
  for (const [servername, host, status] of rows)
    it(`${host} over ${servername || 'no name'}: ${status}`, async () =>
      assert.equal(await statusOf(host, { servername }), status));

  it('the other way round: over the strict chain, a host of the open one', async () => {
    const options = { ...parties.friend, servername: 'strict.test' };
    assert.equal(await statusOf('strict.test', options), 200);
    assert.equal(await statusOf('open.test', options), 421);
    assert.equal(await statusOf('unknown.test', options), 200);
  });

  it('over HTTP/2 the connection goes on', async (t) => {
    const session = connectHttp2(`https://127.0.0.1:${proxy.port()}`, {
      rejectUnauthorized: false,
      servername: 'open.test',
    });
    t.after(() => session.destroy());
    const ask = async (authority: string) => {
      const stream = session.request({ ':authority': authority, ':path': '/' });
      const [head] = (await once(stream, 'response')) as [Record<string, unknown>];
      stream.resume();
      return head[':status'];
    };
    assert.deepEqual([await ask('open.test'), await ask('strict.test'), await ask('open.test')], [200, 421, 200]);
  });

  it('holds from when the other chain is there, on connections that were there before', async (t) => {
    const full = snapshotOf(bootstrap(parties));
    const listener = full.listeners.get('main') ?? assert.fail('no listener');
    const lonely = { ...listener, chains: listener.chains.slice(0, 2) };
    const changing = await startProxy('static_resources: {}');
    t.after(() => changing.close());
    changing.runtime.apply({ ...full, listeners: new Map([['main', lonely]]) });
    await changing.runtime.settled();
    const socket = connect({
      port: changing.port(),
      host: '127.0.0.1',
      rejectUnauthorized: false,
      servername: 'open.test',
    });
    const client = rawClient(socket);
    t.after(() => client.close());
    const ask = async (answers: number) => {
      await client.send('GET / HTTP/1.1\r\nhost: strict.test\r\n\r\n');
      return client.until((text) => text.split('HTTP/1.1 ').length > answers);
    };
    assert.match(await ask(1), /^HTTP\/1\.1 200/);
    changing.runtime.apply(full);
    assert.match(await ask(2), /HTTP\/1\.1 421 Misdirected Request/);
  });
});
