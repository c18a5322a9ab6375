// Clusters of one certificate and the same roots share a context; whatever is not the same makes another.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { collector } from '../../../core/collector.ts';
import { secureContext } from '../../../sidecar/net/shared-contexts.ts';
import type { ValidationContext } from '../../../sidecar/model/secret.ts';
import type { TlsMaterial } from '../../../sidecar/net/tls.ts';
import { makeLeaf, makeRoot, type Pair, type Root } from '../../mesh/pki.ts';

let root: Root;
let [own, renewed]: Pair[] = [];
before(async () => {
  root = await makeRoot('mesh');
  const uris = ['spiffe://mesh.test/ns/default/sa/web'];
  own = await makeLeaf(root, { uris });
  renewed = await makeLeaf(root, { uris });
});

function material(
  pair: Pair | undefined,
  change: Partial<TlsMaterial['tls']> = {},
  trustedCa = root.cert,
): TlsMaterial {
  const certificates = pair === undefined ? [] : [{ chain: pair.cert, privateKey: pair.key }];
  const names = { subjectAltNames: [], certificateHashes: [], spkiHashes: [], acceptUntrusted: false, crl: null };
  const tls = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3', cipherSuites: [], ecdhCurves: [], alpn: [], ...change };
  return {
    tls: { certificates: [], validation: null, ...tls } as TlsMaterial['tls'],
    certificates,
    validation: { trustedCa, ...names },
  };
}

test('the same certificate and roots are one context, whatever names and certificates are asked for', () => {
  const { validation, ...rest } = material(own, { alpn: ['h2'] });
  const strict = { ...(validation as ValidationContext), certificateHashes: ['aa'], acceptUntrusted: true };
  assert.equal(secureContext({ ...rest, validation: strict }), secureContext(material(own)));
});

test('another certificate, root, version, cipher or curve is another context', async () => {
  const foreign = await makeRoot('foreign');
  const contexts = [
    material(own),
    material(renewed),
    material(undefined),
    material(own, {}, foreign.cert),
    material(own, {}, `${root.cert}${foreign.cert}`),
    { ...material(own), validation: null },
    material(own, { minVersion: 'TLSv1.3' }),
    material(own, { cipherSuites: ['ECDHE-ECDSA-AES128-GCM-SHA256'] }),
    material(own, { ecdhCurves: ['P-256'] }),
  ].map(secureContext);
  assert.equal(new Set(contexts).size, contexts.length);
});

test('one that was let go of is not in the way of its successor', async () => {
  const once = () => material(own, { ecdhCurves: ['P-384'] });
  secureContext(once());
  // A reference stays strong until the turn is over; what tells of the loss comes in a later one than the collection.
  await setImmediate();
  collector()({ type: 'major', flavor: 'last-resort' });
  assert.equal(secureContext(once()), secureContext(once()));
});

test('a key that does not fit is refused, and nothing is kept of it', () => {
  const wrong = { chain: (own as Pair).cert, privateKey: (renewed as Pair).key };
  const bad = { ...material(own), certificates: [wrong] };
  for (let i = 0; i < 2; i++) assert.throws(() => secureContext(bad), /key values mismatch/);
});
