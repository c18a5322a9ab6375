// Who a caller of discovery's TLS port is: ids that are none at issue, certificates that prove none, and sessions
// that outlive a certificate (robustness.md 2.5, S01 to S04).

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect, type ConnectionOptions } from 'node:tls';
import { makeToken, tokenKey } from '../../../discovery/ca/tokens.ts';
import { createCertificate, newCsr, rootsOf } from '../../mesh/certificates.ts';
import { runDiscovery, type TestDiscovery } from '../../mesh/discovery.ts';
import { type LeafOptions, makeLeaf, readRoot } from '../../mesh/pki.ts';

const MESH = 'services:\n  web: {port: 80}\n';
const WEB = 'spiffe://cluster.local/ns/default/sa/web';

test('S03: a token for what is no workload gets no certificate', async (t) => {
  const discovery = await runDiscovery(t, MESH);
  const { pem } = await newCsr();
  const bad = [
    '',
    'ns/default/sa/..',
    'ns/../sa/web',
    'ns//sa/web',
    'ns/default/sa/web/',
    '/ns/default/sa/web',
    'ns/default/sa/web%2fadmin',
    'ns/default/sa/web?x',
    'ns/default/sa/web#x',
    'ns/default/sa/w\u00e9b',
    'ns/default/sa/web\0',
    `ns/default/sa/${'a'.repeat(2048)}`,
  ];
  for (const sub of bad) {
    const token = makeToken(tokenKey(discovery.dataDir), { sub, exp: Date.now() / 1000 + 60 });
    await assert.rejects(createCertificate(discovery, pem, { token }), /UNAUTHENTICATED/, sub);
  }
});

/** A certificate of discovery's own authority, made behind its back. */
async function signed(discovery: TestDiscovery, options: LeafOptions) {
  const root = await readRoot(readFileSync(join(discovery.dataDir, 'ca-signer.pem'), 'utf8'));
  const { cert, key } = await makeLeaf(root, options);
  return { chain: cert, key, roots: rootsOf(discovery) };
}

test('a certificate that proves an identity gets another', async (t) => {
  const discovery = await runDiscovery(t, MESH);
  const pair = await signed(discovery, { uris: [WEB], dns: ['web.test'] });
  const { certChain } = await createCertificate(discovery, (await newCsr()).pem, { pair });
  assert.equal(certChain.length, 2);
});

const NONE: Readonly<Record<string, LeafOptions>> = {
  'S01: an expired one': { uris: [WEB], from: -3, to: -1 },
  'S01: one for servers': { uris: [WEB], usages: ['server'] },
  'S01: one with two ids': { uris: [WEB, 'spiffe://cluster.local/ns/default/sa/admin'] },
  'S01: one with another URI': { uris: ['https://web.test/', WEB] },
  'S01: one of an authority': { uris: [WEB], ca: true },
  'S01: one of another trust domain': { uris: ['spiffe://other.test/ns/default/sa/web'] },
  'S01: one without a name': { subject: 'CN=web' },
  'S02: the id as a DNS name': { dns: [WEB] },
  'S02: the id behind ", URI:" in a DNS name': { dns: [`x, URI:${WEB}`] },
  'S02: the id as an otherName': { names: [{ type: 'upn', value: WEB }] },
  'S02: the id before a NUL': { uris: [`${WEB}\0x`] },
  'S02: the id beside a name with a NUL': { uris: [WEB, 'spiffe://cluster.local/x\0'] },
  'S03: an id with dots': { uris: ['spiffe://cluster.local/ns/default/sa/../../admin'] },
  'S03: an id with %2f': { uris: ['spiffe://cluster.local/ns/default/sa/web%2fadmin'] },
  'S03: a trust domain in upper case': { uris: ['spiffe://CLUSTER.local/ns/default/sa/web'] },
  'S03: the trust domain alone': { uris: ['spiffe://cluster.local'] },
};

test('a certificate that proves no identity gets none', async (t) => {
  const discovery = await runDiscovery(t, MESH);
  const { pem } = await newCsr();
  for (const [name, options] of Object.entries(NONE)) {
    await t.test(name, async () => {
      const pair = await signed(discovery, options);
      await assert.rejects(createCertificate(discovery, pem, { pair }), /UNAUTHENTICATED/);
    });
  }
});

/** A handshake with discovery, and the sessions that came of it. */
function shakeHands(discovery: TestDiscovery, options: ConnectionOptions) {
  const port = Number(discovery.secureXds.split(':').at(-1));
  const { promise, resolve, reject } = Promise.withResolvers<{ reused: boolean; sessions: Buffer[] }>();
  const sessions: Buffer[] = [];
  const to = { port, host: '127.0.0.1', servername: 'localhost', ALPNProtocols: ['h2'], ca: rootsOf(discovery) };
  const socket = connect({ ...to, ...options });
  socket.on('session', (session: Buffer) => void sessions.push(session));
  socket.on('error', reject);
  // SETTINGS come behind all that belongs to the handshake.
  socket.on('data', () => {
    if (socket.getProtocol() === 'TLSv1.2') sessions.push(socket.getSession() ?? Buffer.alloc(0));
    resolve({ reused: socket.isSessionReused(), sessions });
    socket.destroy();
  });
  return promise;
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`S04: discovery takes up no session again, over ${version}`, async (t) => {
    const discovery = await runDiscovery(t, MESH);
    const { chain: cert, key } = await signed(discovery, { uris: [WEB] });
    const { sessions } = await shakeHands(discovery, { cert, key, maxVersion: version });
    if (version === 'TLSv1.2') assert.notEqual(sessions.length, 0);
    for (const session of sessions)
      assert.equal((await shakeHands(discovery, { cert, key, session, maxVersion: version })).reused, false);
  });
}
