// Who gets in at a strict listener: every way for a client's certificate to be wrong. The rule is always the
// same: not a byte of HTTP before the peer is known to be the right one, and the reason is counted.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openClient } from '../../mesh/client.ts';
import { answer, type Origin, startOrigin } from '../../mesh/origin.ts';
import { makeLeaf, makeRoot, type Pair } from '../../mesh/pki.ts';
import { startProxy, type TestProxy } from '../../mesh/proxy.ts';
import { BAD_CERTIFICATES, NO_IDS_OF_THE_MESH, NO_SPIFFE_IDS } from './bad-certificates.ts';
import { askTls, FRIEND, makeParties, OF_THE_MESH, type Parties, strictListener } from './parties.ts';

let parties: Parties;
let origin: Origin;
before(async () => {
  parties = await makeParties();
  origin = await startOrigin(() => answer('in'));
});
after(() => origin.close());

/** Refused, with nothing said to it and nothing heard by the origin. */
async function isRefused(proxy: TestProxy, pair: Pair | null): Promise<void> {
  const seen = origin.seen.length;
  const { text } = await askTls(proxy.port(), pair === null ? {} : { cert: pair.cert, key: pair.key });
  assert.equal(text, '');
  assert.equal(origin.seen.length, seen);
}

function sslOf(proxy: TestProxy) {
  return proxy.runtime.listeners.get('main')?.stats.ssl ?? assert.fail('no figures of TLS');
}

describe('a listener for one identity', () => {
  let proxy: TestProxy;
  before(async () => {
    proxy = await startProxy({ origins: { o1: origin.port }, chain: strictListener(parties) });
  });
  after(() => proxy.close());

  it('lets the expected identity in', async () => {
    const { text } = await askTls(proxy.port(), parties.friend);
    assert.match(text, /^HTTP\/1\.1 200[\s\S]*in$/);
  });

  const clientsOnly = {
    name: 'S01: a certificate for servers only',
    counted: 'fail_verify_error' as const,
    make: () => makeLeaf(parties.root, { uris: [FRIEND], usages: ['server'] as const }),
  };
  const none = { name: 'S01: no certificate', counted: 'fail_verify_no_cert' as const, make: async () => null };
  for (const { name, make, counted } of [none, clientsOnly, ...BAD_CERTIFICATES]) {
    it(`refuses ${name}, with no byte of HTTP`, async () => {
      const before = sslOf(proxy)[counted];
      await isRefused(proxy, await make(parties));
      assert.equal(sslOf(proxy)[counted], before + 1, counted);
    });
  }

  it('refuses plain text', async () => {
    const client = await openClient(proxy.port());
    await client.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    assert.ok(!(await client.ended()).includes('HTTP/'));
  });
});

describe('a listener for everybody of the mesh', () => {
  let proxy: TestProxy;
  before(async () => {
    const chain = strictListener(parties, { names: OF_THE_MESH });
    proxy = await startProxy({ origins: { o1: origin.port }, chain });
  });
  after(() => proxy.close());

  it('lets a workload in, whatever else its certificate names', async () => {
    const friend = await makeLeaf(parties.root, { uris: [FRIEND], dns: ['friend.test'] });
    assert.match((await askTls(proxy.port(), friend)).text, /^HTTP\/1\.1 200/);
  });

  for (const [name, options] of Object.entries({ ...NO_SPIFFE_IDS, ...NO_IDS_OF_THE_MESH })) {
    it(`S03: refuses ${name} in the id`, async () => {
      const before = sslOf(proxy).fail_verify_san;
      await isRefused(proxy, await makeLeaf(parties.root, options));
      assert.equal(sslOf(proxy).fail_verify_san, before + 1);
    });
  }

  it('S01: refuses an identity beside a second one, and that of an authority', async () => {
    await isRefused(proxy, await makeLeaf(parties.root, { uris: [FRIEND, `${FRIEND}2`] }));
    await isRefused(proxy, await makeLeaf(parties.root, { uris: [FRIEND], ca: true }));
  });
});

it('S01: refuses an identity that its authority may not give', async () => {
  const root = await makeRoot('narrow', { permits: 'narrow.test' });
  const proxy = await startProxy({
    origins: { o1: origin.port },
    chain: strictListener(parties, { ca: root.cert, names: '{san_type: URI, matcher: {prefix: "spiffe://"}}' }),
  });
  const inside = await makeLeaf(root, { uris: ['spiffe://narrow.test/ns/default/sa/web'] });
  assert.match((await askTls(proxy.port(), inside)).text, /^HTTP\/1\.1 200/);
  await isRefused(proxy, await makeLeaf(root, { uris: [FRIEND] }));
  assert.equal(sslOf(proxy).fail_verify_error, 1);
  await proxy.close();
});
