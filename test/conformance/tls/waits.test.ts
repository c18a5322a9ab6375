// From the first byte of a connection to its first request: every wait has a deadline, and no byte that trickles
// in sets it anew (robustness.md 2.5, S09). The handshake itself is timed by Node: its deadline is in
// test/conformance/limits/stalls.test.ts.

import assert from 'node:assert/strict';
import { before, it, type TestContext } from 'node:test';
import { connect } from 'node:tls';
import { type ManualClock, manualClock } from '../../manual-clock.ts';
import { openClient, rawClient } from '../../mesh/client.ts';
import { startProxy } from '../../mesh/proxy.ts';
import { clientHello } from './client-hello-bytes.ts';
import { makeParties, type Parties, strictListener } from './parties.ts';

let parties: Parties;
before(async () => {
  parties = await makeParties();
});

const INSPECT = `listener_filters: [{name: tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector}}]`;

async function listener(t: TestContext, clock: ManualClock, hcm: string, timeout = '15s') {
  const proxy = await startProxy(
    {
      origins: { o1: 1 },
      routes: '- {match: {prefix: /}, direct_response: {status: 200, body: {inline_string: ok}}}',
      chain: strictListener(parties),
      listener: `${INSPECT}\nlistener_filters_timeout: ${timeout}`,
      hcm,
    },
    { clock },
  );
  t.after(() => proxy.close());
  return proxy;
}

/** What was sent before on another connection has been read: this one came later, and was read. */
async function readByNow(port: number, stats: { readonly downstream_listener_filter_remote_close: number }) {
  const gone = stats.downstream_listener_filter_remote_close;
  const later = await openClient(port);
  await later.send('\x16');
  later.socket.end();
  while (stats.downstream_listener_filter_remote_close === gone) await new Promise((resolve) => setImmediate(resolve));
  later.close();
}

it('S09: a ClientHello in single bytes has the time of the listener filters, and no more', async (t) => {
  const clock = manualClock();
  const proxy = await listener(t, clock, 'server_name: x');
  const stats = proxy.runtime.listeners.get('main')?.stats ?? assert.fail('no figures');
  const client = await openClient(proxy.port());
  for (const byte of clientHello().subarray(0, 14)) {
    await client.send(Buffer.of(byte));
    await readByNow(proxy.port(), stats);
    clock.advance(1_000);
    assert.equal(client.closed, false);
  }
  assert.equal(stats.downstream_pre_cx_timeout, 0);
  clock.advance(1_000);
  assert.equal(await client.ended(), '');
  assert.equal(stats.downstream_pre_cx_timeout, 1);
});

for (const [name, prelude] of Object.entries({
  STARTTLS: 'EHLO a.test\r\nSTARTTLS\r\n',
  'of PostgreSQL': '\0\0\0\x08\x04\xd2\x16\x2f',
})) {
  it(`S09: a prelude like ${name} is no way in, and nobody waits for what follows it`, async (t) => {
    const proxy = await listener(t, manualClock(), 'server_name: x');
    const client = await openClient(proxy.port());
    await client.send(prelude);
    assert.doesNotMatch(await client.ended(), /HTTP/);
  });
}

const waits: Readonly<Record<string, [string, string, number]>> = {
  'no byte of a request': ['', 'common_http_protocol_options: {idle_timeout: 60s}', 60_000],
  'half the preface of HTTP/2': ['PRI * HT', 'common_http_protocol_options: {idle_timeout: 60s}', 10_000],
  'half a head': ['GET / HTTP/1.1\r\nho', 'request_headers_timeout: 10s\ndelayed_close_timeout: 0.1s', 10_000],
};
for (const [name, [said, hcm, ms]] of Object.entries(waits)) {
  it(`S09: after the handshake, ${name}`, async (t) => {
    const clock = manualClock();
    const proxy = await listener(t, clock, hcm);
    const stats = proxy.stats.http('main');
    const { cert, key } = parties.friend;
    const socket = connect({ port: proxy.port(), host: '127.0.0.1', rejectUnauthorized: false, cert, key });
    const client = rawClient(socket);
    if (said !== '') await client.send(said);
    while (stats.downstream_cx_active === 0) await new Promise((resolve) => setImmediate(resolve));
    // What was written with the end of the handshake is read with it or soon after.
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(ms - 1);
    assert.equal(client.closed, false);
    clock.advance(2_000);
    assert.doesNotMatch(await client.ended(), /200 OK/);
  });
}
