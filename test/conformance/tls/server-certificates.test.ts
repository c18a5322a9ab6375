// Who is spoken to: every way for an upstream's certificate to be wrong. Not a byte of a request is sent before
// the peer is known to be the right one.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { makeLeaf, makeRoot, type LeafOptions, type Pair } from '../../mesh/pki.ts';
import { BAD_CERTIFICATES, type Counted, NO_SPIFFE_IDS } from './bad-certificates.ts';
import { FRIEND, makeParties, OF_THE_MESH, type ContextOptions, type Parties, through } from './parties.ts';

let parties: Parties;
before(async () => {
  parties = await makeParties();
});

const ALL_COUNTED = [
  'handshake',
  'connection_error',
  'fail_verify_no_cert',
  'fail_verify_error',
  'fail_verify_san',
] as const;

async function isRefused(pair: Pair, options: ContextOptions = {}, counted?: Counted): Promise<void> {
  const { text, reached, ssl } = await through(parties, pair, options);
  assert.match(text, /^HTTP\/1\.1 503[\s\S]*remote connection failure/);
  assert.equal(reached, 0);
  if (counted !== undefined)
    assert.deepEqual(
      ALL_COUNTED.filter((name) => ssl?.[name] !== 0),
      [counted],
    );
}

const dns = (value: string) => `{san_type: DNS, matcher: {exact: "${value}"}}`;
const ip = (value: string) => `{san_type: IP_ADDRESS, matcher: {exact: "${value}"}}`;

describe('towards an upstream of one identity', () => {
  it('speaks to it', async () => {
    const { text, ssl } = await through(parties, parties.friend);
    assert.match(text, /^HTTP\/1\.1 200[\s\S]*secret/);
    assert.deepEqual(
      ALL_COUNTED.filter((name) => ssl?.[name] !== 0),
      ['handshake'],
    );
  });

  for (const { name, make, counted } of BAD_CERTIFICATES) {
    it(`sends nothing to ${name}: 503 UF`, async () => isRefused(await make(parties), {}, counted));
  }

  it('S01: sends nothing to a certificate for clients only', async () =>
    isRefused(await makeLeaf(parties.root, { uris: [FRIEND], usages: ['client'] })));

  it('S02: sends nothing to a name that Node would take', async () =>
    isRefused(await makeLeaf(parties.root, { dns: ['127.0.0.1', 'localhost'] })));

  it('S01: sends nothing to an identity that its authority may not give', async () => {
    const root = await makeRoot('narrow', { permits: 'narrow.test' });
    await isRefused(await makeLeaf(root, { uris: [FRIEND] }), { ca: root.cert });
  });
});

describe('towards an upstream of the mesh', () => {
  for (const [name, options] of Object.entries(NO_SPIFFE_IDS)) {
    it(`S03: sends nothing where the id has ${name}`, async () =>
      isRefused(await makeLeaf(parties.root, options), { names: OF_THE_MESH }));
  }
});

describe('towards an upstream that is known by its host name', () => {
  const names = dns('shop.test');
  const accepted: Readonly<Record<string, [LeafOptions, string]>> = {
    'the name': [{ dns: ['shop.test'] }, names],
    'the name in upper case': [{ dns: ['SHOP.test'] }, names],
    'a wildcard for its label': [{ dns: ['*.shop.test'] }, dns('a.shop.test')],
    'the address': [{ names: [{ type: 'ip', value: '127.0.0.1' }] }, ip('127.0.0.1')],
    'the address of version 6': [{ names: [{ type: 'ip', value: '::1' }] }, ip('::1')],
  };
  for (const [name, [options, wanted]] of Object.entries(accepted)) {
    it(`speaks to ${name}`, async () => {
      const { text } = await through(parties, await makeLeaf(parties.root, options), { names: wanted });
      assert.match(text, /^HTTP\/1\.1 200[\s\S]*secret/);
    });
  }

  const refused: Readonly<Record<string, [LeafOptions, string]>> = {
    'the name as a URI': [{ uris: ['shop.test'] }, names],
    'the name as an e-mail address': [{ names: [{ type: 'email', value: 'shop.test' }] }, names],
    'the name as an otherName': [{ names: [{ type: 'upn', value: 'shop.test' }] }, names],
    'the name in the subject only': [{ subject: 'CN=shop.test' }, names],
    'the name before a NUL': [{ dns: ['shop.test\0.foe.test'] }, names],
    'the name beside one with a NUL': [{ dns: ['shop.test', 'foe.test\0'] }, names],
    'the name behind ", DNS:"': [{ dns: ['foe.test, DNS:shop.test'] }, names],
    'the name with a blank': [{ dns: ['shop.test '] }, names],
    'a wildcard for all of it': [{ dns: ['*'] }, names],
    'a wildcard for two labels': [{ dns: ['*.shop.test'] }, dns('a.b.shop.test')],
    'a wildcard for no label': [{ dns: ['*.shop.test'] }, names],
    'an address as a DNS name': [{ dns: ['127.0.0.1'] }, ip('127.0.0.1')],
    'an address where a name is asked for': [{ names: [{ type: 'ip', value: '127.0.0.1' }] }, dns('127.0.0.1')],
  };
  for (const [name, [options, wanted]] of Object.entries(refused)) {
    it(`S02: sends nothing to ${name}`, async () =>
      isRefused(await makeLeaf(parties.root, options), { names: wanted }));
  }
});
