// What outlives a handshake: sessions, which are never taken up again (docs/decisions/0005), and connections made
// under a trust that has changed (robustness.md 2.5, S04 and S05).

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { connect } from 'node:tls';
import { answer, type Origin, startOrigin } from '../../mesh/origin.ts';
import { makeLeaf } from '../../mesh/pki.ts';
import { startProxy } from '../../mesh/proxy.ts';
import { Peer, startTcpOrigin, tcpBootstrap, tcpCluster, tcpFilter } from '../../mesh/tcp.ts';
import { askTls, FRIEND, inline, makeParties, OURS, type Parties, strictListener, TLS } from './parties.ts';
import { ask, BY_SDS, DRAIN_MS, rotating, rotatingSecrets } from './rotating.ts';

let parties: Parties;
let origin: Origin;
before(async () => {
  parties = await makeParties();
  origin = await startOrigin(({ head }) => (head.startsWith('GET /never') ? null : answer('in')));
});
after(() => origin.close());

describe('S04: a session is not taken up again', () => {
  for (const version of ['TLSv1_2', 'TLSv1_3'] as const) {
    it(`over ${version}, with the certificate it was made with, without one, and under another trust`, async (t) => {
      const pieces = (ca: string) => ({
        origins: { o1: origin.port },
        chain: strictListener(parties, { from: version, to: version, ca }),
      });
      const proxy = await startProxy(pieces(parties.root.cert));
      t.after(() => proxy.close());
      const first = await askTls(proxy.port(), parties.friend);
      assert.match(first.text, /^HTTP\/1\.1 200/);
      // Without tickets TLS 1.3 may hand out none; then there is nothing to come back with.
      if (version === 'TLSv1_2') assert.notEqual(first.sessions.length, 0);
      for (const session of first.sessions) {
        const again = await askTls(proxy.port(), { ...parties.friend, session });
        assert.equal(again.reused, false);
        assert.match(again.text, /^HTTP\/1\.1 200/);
        assert.equal((await askTls(proxy.port(), { session })).text, '');
      }
      proxy.apply(pieces(parties.stranger.cert));
      for (const session of first.sessions)
        assert.equal((await askTls(proxy.port(), { ...parties.friend, session })).text, '');
    });
  }

  it('nor by another chain, which asks for no certificate', async (t) => {
    const open = `{filter_chain_match: {server_names: [open]}, ${chainOf(`transport_socket: {name: t, typed_config: {"@type": ${TLS}.DownstreamTlsContext, common_tls_context: {tls_params: {tls_maximum_protocol_version: TLSv1_2}, tls_certificates: [{certificate_chain: ${inline(parties.own.cert)}, private_key: ${inline(parties.own.key)}}]}}}`)}}`;
    const strict = `{filter_chain_match: {server_names: [strict]}, ${chainOf(strictListener(parties, { from: 'TLSv1_2', to: 'TLSv1_2' }))}}`;
    const proxy = await startProxy(twoChains(open, strict));
    t.after(() => proxy.close());
    const { sessions, text } = await askTls(proxy.port(), { servername: 'open' });
    assert.match(text, /^HTTP\/1\.1 200/);
    assert.notEqual(sessions.length, 0);
    for (const session of sessions)
      assert.equal((await askTls(proxy.port(), { servername: 'strict', session })).text, '');
    assert.match((await askTls(proxy.port(), { ...parties.friend, servername: 'strict' })).text, /200/);
  });
});

const HCM = `{name: h, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager, stat_prefix: main, delayed_close_timeout: 0.1s, route_config: {virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: /}, direct_response: {status: 200}}]}]}, http_filters: [{name: envoy.filters.http.router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]}}`;
const chainOf = (socket: string) => `${socket}, filters: [${HCM}]`;

function twoChains(...chains: readonly string[]): string {
  return `static_resources:
  listeners:
  - name: main
    address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    listener_filters: [{name: tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector}}]
    filter_chains: [${chains.join(', ')}]
`;
}

describe('S05: connections that are open', () => {
  it('go on when our own certificate is renewed', async (t) => {
    const { clock, renew, open } = await rotating(t, parties, origin.port);
    const client = await open();
    renew(await makeLeaf(parties.root, { uris: [OURS] }));
    assert.doesNotMatch(await ask(client), /connection: close/);
    clock.advance(DRAIN_MS);
    assert.match(await ask(client), /^HTTP\/1\.1 200/);
  });

  it('drain when whom we trust changes: the next answer is the last one, idle ones end', async (t) => {
    const { clock, proxy, trust, open } = await rotating(t, parties, origin.port);
    const [asks, idles] = [await open(), await open()];
    trust(parties.stranger.cert);
    assert.match(await ask(asks), /connection: close/);
    await asks.ended();
    clock.advance(6_000);
    await idles.ended();
    assert.equal((await askTls(proxy.port(), parties.friend)).text, '');
    const other = await open(await makeLeaf(parties.stranger, { uris: [FRIEND] }));
    clock.advance(DRAIN_MS);
    assert.match(await ask(other), /^HTTP\/1\.1 200/);
  });

  it('of TCP go on, and end when the time for draining is over', async (t) => {
    const backend = await startTcpOrigin((peer) => peer.socket.on('data', (bytes) => peer.socket.write(bytes)));
    t.after(() => backend.close());
    const chains = [`${BY_SDS}, filters: [${tcpFilter('cluster: a')}]`];
    const text = tcpBootstrap({ chains, clusters: [tcpCluster('a', [backend.port])] });
    const { clock, proxy, trust } = await rotatingSecrets(t, parties, text);
    const socket = connect({ port: proxy.port(), host: '127.0.0.1', rejectUnauthorized: false, ...parties.friend });
    const client = new Peer(socket);
    t.after(() => socket.destroy());
    assert.equal(await client.say('before').hears('before'), 'before');
    trust(parties.stranger.cert);
    clock.advance(DRAIN_MS - 1);
    assert.equal(await client.say(' after').hears('before after'), 'before after');
    clock.advance(1);
    await client.gone();
  });

  it('end at last though a request is under way', async (t) => {
    const { clock, trust, open } = await rotating(t, parties, origin.port);
    const client = await open();
    const seen = origin.seen.length;
    await client.send('GET /never HTTP/1.1\r\nhost: a\r\n\r\n');
    while (origin.seen.length === seen) await new Promise((resolve) => setImmediate(resolve));
    trust(parties.stranger.cert);
    clock.advance(DRAIN_MS - 1);
    assert.equal(client.closed, false);
    clock.advance(1);
    await client.ended();
  });
});
