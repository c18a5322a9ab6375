// Random: each host with the same chance, whatever its weight (as Envoy).

import { type Choose, indexBelow, type Random } from './picker.ts';

export function randomly<H>(hosts: readonly H[], random: Random): Choose<H> {
  if (hosts.length === 0) return () => null;
  return () => hosts[indexBelow(hosts.length, random)] as H;
}
