// Which filter chain a connection gets: each property narrows to the most specific before the next is asked, in
// Envoy's order, and nothing looks back.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FilterChainMatch } from '../../../sidecar/model/listener.ts';
import { chooseChain, type ConnectionTraits } from '../../../sidecar/runtime/chain-match.ts';
import { EVERY_CONNECTION } from '../../../sidecar/xds/decode/filter-chain.ts';

const cidr = (text: string) => {
  const [address = '', length = ''] = text.split('/');
  return [{ address, prefixLength: Number(length) }];
};

const CONNECTION: ConnectionTraits = {
  destinationAddress: '10.0.0.1',
  destinationPort: 443,
  serverName: 'a.b.test',
  transportProtocol: 'tls',
  applicationProtocols: ['h2', 'http/1.1'],
  directSourceAddress: '10.9.0.1',
  sourceAddress: '10.9.0.1',
  sourcePort: 5000,
};

function chosen(chains: Readonly<Record<string, Partial<FilterChainMatch>>>, more: Partial<ConnectionTraits> = {}) {
  const list = Object.entries(chains).map(([name, match]) => ({ name, match: { ...EVERY_CONNECTION, ...match } }));
  return chooseChain(list, { ...CONNECTION, ...more })?.name ?? null;
}

/** From what is asked first to what is asked last. */
const ORDER: readonly (readonly [string, Partial<FilterChainMatch>])[] = [
  ['destination port', { destinationPort: 443 }],
  ['destination', { prefixRanges: cidr('10.0.0.0/8') }],
  ['server name', { serverNames: ['a.b.test'] }],
  ['transport', { transportProtocol: 'tls' }],
  ['protocol', { applicationProtocols: ['http/1.1'] }],
  ['direct source', { directSourcePrefixRanges: cidr('10.9.0.0/16') }],
  ['source type', { sourceType: 'external' }],
  ['source', { sourcePrefixRanges: cidr('10.9.0.0/16') }],
  ['source port', { sourcePorts: [5000] }],
];

test('what is asked earlier wins against everything that is asked later', () => {
  for (const [at, [name, match]] of ORDER.entries()) {
    const later = Object.assign({}, ...ORDER.slice(at + 1).map(([, one]) => one)) as Partial<FilterChainMatch>;
    assert.equal(chosen({ later, [name]: match }), name);
    assert.equal(chosen({ every: {}, [name]: match }), name);
  }
});

test('the narrower prefix and the nearer name win', () => {
  assert.equal(
    chosen({ wide: { prefixRanges: cidr('10.0.0.0/8') }, narrow: { prefixRanges: cidr('10.0.0.0/24') } }),
    'narrow',
  );
  assert.equal(
    chosen({
      far: { serverNames: ['*.test'] },
      near: { serverNames: ['*.b.test'] },
      other: { serverNames: ['b.test'] },
    }),
    'near',
  );
  assert.equal(chosen({ all: { prefixRanges: cidr('::/0') } }), null, 'another family');
  assert.equal(chosen({ one: { sourcePrefixRanges: cidr('2001:db8::/32') } }, { sourceAddress: '2001:db8::5' }), 'one');
});

test('the protocol that the client offers first counts', () => {
  const chains = { old: { applicationProtocols: ['http/1.1'] }, new: { applicationProtocols: ['h2'] } };
  assert.equal(chosen(chains), 'new');
  assert.equal(chosen(chains, { applicationProtocols: ['http/1.1', 'h2'] }), 'old');
});

test('nothing looks back: a chain that fits better so far and fails later takes the others with it', () => {
  const chains = { port: { destinationPort: 443, sourcePorts: [1] }, every: {} };
  assert.equal(chosen(chains), null);
  assert.equal(chosen(chains, { destinationPort: 80 }), 'every');
});

test('local is loopback, or the address that was connected to', () => {
  const chains = { local: { sourceType: 'local' as const }, far: { sourceType: 'external' as const } };
  assert.equal(chosen(chains), 'far');
  assert.equal(chosen(chains, { sourceAddress: '127.0.0.9' }), 'local');
  assert.equal(chosen(chains, { sourceAddress: '::1' }), 'local');
  assert.equal(chosen(chains, { sourceAddress: '10.0.0.1' }), 'local');
});
