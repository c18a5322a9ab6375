// Which filter chain a connection belongs to (Envoy's FilterChainMatch): the properties in a fixed order,
// each narrowing the set to the most specific match before the next is looked at.

import { BlockList, isIP } from 'node:net';
import type { FilterChainMatch } from '../model/listener.ts';
import type { Cidr } from '../model/match.ts';

export interface ConnectionTraits {
  readonly destinationAddress: string;
  readonly destinationPort: number;
  /** Lower case; '' where none was said. */
  readonly serverName: string;
  readonly transportProtocol: 'tls' | 'raw_buffer';
  /** What a ClientHello offers, or the HTTP that plain text was found to be. */
  readonly applicationProtocols: readonly string[];
  readonly sourceAddress: string;
  /** Of the connection itself, where a balancer says who the source is. */
  readonly directSourceAddress: string;
  readonly sourcePort: number;
}

/** How well one property matches: -1 not at all, 0 by saying nothing, more the more specific. */
type Score = (match: FilterChainMatch, traits: ConnectionTraits) => number;

const ORDER: readonly Score[] = [
  (match, traits) => (match.destinationPort === null ? 0 : match.destinationPort === traits.destinationPort ? 1 : -1),
  (match, traits) => prefixScore(match.prefixRanges, traits.destinationAddress),
  (match, traits) => serverNameScore(match.serverNames, traits.serverName),
  (match, traits) =>
    match.transportProtocol === '' ? 0 : match.transportProtocol === traits.transportProtocol ? 1 : -1,
  (match, traits) => listScore(match.applicationProtocols, traits.applicationProtocols),
  (match, traits) => prefixScore(match.directSourcePrefixRanges, traits.directSourceAddress),
  (match, traits) => sourceTypeScore(match, traits),
  (match, traits) => prefixScore(match.sourcePrefixRanges, traits.sourceAddress),
  (match, traits) => (match.sourcePorts.length === 0 ? 0 : match.sourcePorts.includes(traits.sourcePort) ? 1 : -1),
];

/** The chain for a connection, or null. */
export function chooseChain<C extends { readonly match: FilterChainMatch }>(
  chains: readonly C[],
  traits: ConnectionTraits,
): C | null {
  let left: readonly C[] = chains;
  for (const score of ORDER) {
    if (left.length === 0) return null;
    const scored = left.map((chain) => score(chain.match, traits));
    const best = Math.max(...scored);
    if (best < 0) return null;
    left = left.filter((_, i) => scored[i] === best);
  }
  return left[0] ?? null;
}

function prefixScore(ranges: readonly Cidr[], address: string): number {
  if (ranges.length === 0) return 0;
  const lengths = ranges.filter((range) => inRange(range, address)).map((range) => range.prefixLength + 1);
  return lengths.length === 0 ? -1 : Math.max(...lengths);
}

function inRange(range: Cidr, address: string): boolean {
  const family = isIP(range.address);
  if (family === 0 || family !== isIP(address)) return false;
  const list = new BlockList();
  const kind = family === 6 ? 'ipv6' : 'ipv4';
  list.addSubnet(range.address, range.prefixLength, kind);
  return list.check(address, kind);
}

/** An exact name beats a wildcard, a longer wildcard a shorter one. `*.x.test` takes any depth below. */
export function serverNameScore(names: readonly string[], serverName: string): number {
  if (names.length === 0) return 0;
  let best = -1;
  for (const name of names) {
    if (name === serverName) return 1000;
    if (name.startsWith('*.') && serverName.endsWith(name.slice(1)) && serverName.length > name.length - 1) {
      best = Math.max(best, name.length);
    }
  }
  return best;
}

function listScore(wanted: readonly string[], offered: readonly string[]): number {
  if (wanted.length === 0) return 0;
  const at = offered.findIndex((protocol) => wanted.includes(protocol));
  return at === -1 ? -1 : 1000 - at;
}

function sourceTypeScore(match: FilterChainMatch, traits: ConnectionTraits): number {
  if (match.sourceType === 'any') return 0;
  const local =
    traits.sourceAddress === traits.destinationAddress ||
    traits.sourceAddress.startsWith('127.') ||
    traits.sourceAddress === '::1';
  return (match.sourceType === 'local') === local ? 1 : -1;
}
