// Addresses as text: comparing with ranges, printing with ports. A host may be a Unix socket, as Envoy writes one:
// its path, or `@name` of an abstract one. It has no port, which is then 0.

import { BlockList, isIP } from 'node:net';

export interface Range {
  readonly address: string;
  readonly prefixLength: number;
}

/** A test for "is in any of these ranges"; built once, asked per connection. */
export function rangeTest(ranges: readonly Range[]): (address: string) => boolean {
  if (ranges.length === 0) return () => false;
  const list = new BlockList();
  for (const { address, prefixLength } of ranges) list.addSubnet(address, prefixLength, family(address));
  // Asked once per request, and mostly for the address of the time before.
  let last = '';
  let answer = false;
  return (address) => {
    if (address === last) return answer;
    last = address;
    answer = isIP(address) !== 0 && list.check(address, family(address));
    return answer;
  };
}

function family(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}

/** `::ffff:1.2.3.4`, as a dual-stack socket names IPv4 peers, is 1.2.3.4. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return '';
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

/** No IP address and no name begins like a path or like `@name`. A path of one word is kept as `./word`. */
export function isPipe(host: string): boolean {
  return host.startsWith('/') || host.startsWith('@') || host.startsWith('./');
}

/** What the system is asked for: the name of an abstract socket stands behind a zero byte (unix(7)). */
export function pipePath(host: string): string {
  return host.startsWith('@') ? `\0${host.slice(1)}` : host;
}

/** `1.2.3.4:80`, `[::1]:80`, `/run/app.sock`. */
export function hostPort(host: string, port: number): string {
  if (isPipe(host)) return host;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
