// Every way for a certificate to be wrong, for either side of a connection (robustness.md 2.5, S01 to S03).

import { makeLeaf, makeRoot, type LeafOptions, type Pair } from '../../mesh/pki.ts';
import { FRIEND, type Parties } from './parties.ts';

/** Under `ssl.`, of a listener or of a cluster. */
export type Counted = 'fail_verify_no_cert' | 'fail_verify_error' | 'fail_verify_san';

export interface BadCertificate {
  readonly name: string;
  readonly make: (parties: Parties) => Promise<Pair>;
  readonly counted: Counted;
}

function leaf(name: string, counted: Counted, options: LeafOptions): BadCertificate {
  return { name, counted, make: ({ root }) => makeLeaf(root, options) };
}

const FOE = 'spiffe://mesh.test/ns/default/sa/foe';

/** Where the exact id of the friend is asked for. */
export const BAD_CERTIFICATES: readonly BadCertificate[] = [
  leaf('S01: an expired one', 'fail_verify_error', { uris: [FRIEND], from: -3, to: -1 }),
  leaf('S01: one that is not valid yet', 'fail_verify_error', { uris: [FRIEND], from: 1, to: 3 }),
  leaf('S01: another identity', 'fail_verify_san', { uris: [FOE] }),
  leaf('S01: another trust domain', 'fail_verify_san', { uris: ['spiffe://other.test/ns/default/sa/friend'] }),
  leaf('S01: an identity that only begins like it', 'fail_verify_san', { uris: [`${FRIEND}x`] }),
  leaf('S01: no URI name', 'fail_verify_san', { dns: ['friend.test'] }),
  leaf('S01: no name at all', 'fail_verify_san', { subject: 'CN=friend' }),
  leaf('S01: the identity and a second one', 'fail_verify_san', { uris: [FRIEND, FOE] }),
  leaf('S01: a second URI before the identity', 'fail_verify_san', { uris: ['https://mesh.test/', FRIEND] }),
  leaf('S01: the identity in the subject only', 'fail_verify_san', {
    subject: 'CN=spiffe\\:\\/\\/mesh.test/ns/default/sa/friend',
  }),
  leaf('S01: the certificate of an authority', 'fail_verify_san', { uris: [FRIEND], ca: true }),
  {
    name: 'S01: the right identity of a foreign authority',
    counted: 'fail_verify_error',
    make: ({ stranger }) => makeLeaf(stranger, { uris: [FRIEND] }),
  },
  { name: 'S01: a self-signed one', counted: 'fail_verify_error', make: () => makeRoot('friend') },
  leaf('S02: the identity as a DNS name', 'fail_verify_san', { dns: [FRIEND] }),
  leaf('S02: the identity as an e-mail address', 'fail_verify_san', { names: [{ type: 'email', value: FRIEND }] }),
  leaf('S02: the identity as an otherName', 'fail_verify_san', { names: [{ type: 'upn', value: FRIEND }] }),
  leaf('S02: a NUL behind the identity', 'fail_verify_san', { uris: [`${FRIEND}\0.foe`] }),
  leaf('S02: a NUL in a name beside the identity', 'fail_verify_san', { uris: [FRIEND, `${FOE}\0`] }),
  leaf('S02: the identity behind ", URI:" in a DNS name', 'fail_verify_san', { dns: [`foe.test, URI:${FRIEND}`] }),
  leaf('S02: the identity behind ", URI:" in another', 'fail_verify_san', { uris: [`${FOE}, URI:${FRIEND}`] }),
  leaf('S03: an identity in other case', 'fail_verify_san', { uris: ['spiffe://MESH.test/ns/default/sa/friend'] }),
];

const id = (path: string) => ({ uris: [`spiffe://mesh.test${path}`] });

/** Where a prefix is asked for, as discovery does for its listeners; each begins like it. */
export const NO_SPIFFE_IDS: Readonly<Record<string, LeafOptions>> = {
  'dots that lead elsewhere': id('/ns/default/sa/../../admin/sa/web'),
  'a segment of one dot': id('/./web'),
  'an empty segment': id('//ns/default/sa/web'),
  'a slash at the end': id('/ns/default/sa/web/'),
  'a slash in percent-encoding': id('/ns/default/sa/web%2fadmin'),
  'a query': id('/ns/default/sa/web?a=b'),
  'a fragment': id('/ns/default/sa/web#a'),
  'no path': id('/'),
  'more than 2048 bytes': id(`/${'a'.repeat(2048)}`),
  'letters beyond ASCII': id('/ns/default/sa/w\u00e9b'),
};

/** Each does not even begin like it. */
export const NO_IDS_OF_THE_MESH: Readonly<Record<string, LeafOptions>> = {
  'a port': { uris: ['spiffe://mesh.test:80/ns/default/sa/web'] },
  'a user': { uris: ['spiffe://web@mesh.test/ns/default/sa/web'] },
  'a trust domain in upper case': { uris: ['spiffe://MESH.test/ns/default/sa/web'] },
  'a trust domain with another letter for the dot': { uris: ['spiffe://meshxtest/ns/default/sa/web'] },
  'a scheme in upper case': { uris: ['SPIFFE://mesh.test/ns/default/sa/web'] },
};
