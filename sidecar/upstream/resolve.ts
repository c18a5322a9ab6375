// Names to addresses for DNS clusters: the hosts file first, then DNS by c-ares, never the blocking
// look-up that shares four threads with everything else. Answers carry how long they may be believed.

import type { promises as dns } from 'node:dns';
import fs from 'node:fs';
import { isIP } from 'node:net';

export type Family = 'auto' | 'v4' | 'v6' | 'v4-preferred' | 'all';

export interface Resolved {
  readonly addresses: readonly string[];
  /** Seconds; the least of all answers. */
  readonly ttl: number;
}

/** More addresses than this of one name are left out. */
export const MOST_ADDRESSES = 512;
const HOSTS_FILE = '/etc/hosts';
const HOSTS_TTL_SECONDS = 60;
let resolver: dns.Resolver | null = null;

/** Throws what DNS says where there is no answer at all. */
export async function resolveName(name: string, family: Family): Promise<Resolved> {
  if (isIP(name) !== 0) return { addresses: [name], ttl: HOSTS_TTL_SECONDS };
  const listed = inOrder(await fromHostsFile(name), family);
  if (listed.length > 0) return { addresses: listed, ttl: HOSTS_TTL_SECONDS };
  return fromDns(name, family);
}

async function fromHostsFile(name: string): Promise<string[]> {
  const text = await fs.promises.readFile(HOSTS_FILE, 'utf8').catch(() => '');
  const wanted = name.toLowerCase().replace(/\.$/, '');
  const found = text.split('\n').flatMap((line) => {
    const [address, ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    return address !== undefined && names.some((known) => known.toLowerCase() === wanted) ? [address] : [];
  });
  if (found.length === 0 && (wanted === 'localhost' || wanted.endsWith('.localhost'))) return ['127.0.0.1', '::1'];
  return [...new Set(found)];
}

/** The addresses that the family setting takes, in its order. */
function inOrder(addresses: readonly string[], family: Family): string[] {
  const v4 = addresses.filter((address) => isIP(address) === 4);
  const v6 = addresses.filter((address) => isIP(address) === 6);
  if (family === 'v4') return v4;
  if (family === 'v6') return v6;
  if (family === 'all') return [...v4, ...v6];
  if (family === 'v4-preferred') return v4.length > 0 ? v4 : v6;
  return v6.length > 0 ? v6 : v4;
}

async function fromDns(name: string, family: Family): Promise<Resolved> {
  resolver ??= new (process.getBuiltinModule('node:dns').promises.Resolver)({ timeout: 2000, tries: 2 });
  const asked: Promise<{ address: string; ttl: number }[]>[] = [];
  if (family !== 'v6') asked.push(resolver.resolve4(name, { ttl: true }));
  if (family !== 'v4') asked.push(resolver.resolve6(name, { ttl: true }));
  const answers = await Promise.allSettled(asked);
  const records = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  if (records.length === 0)
    throw (answers.find((answer) => answer.status === 'rejected') as PromiseRejectedResult).reason;
  const addresses = inOrder(
    records.map((record) => record.address),
    family,
  ).slice(0, MOST_ADDRESSES);
  return { addresses, ttl: Math.min(...records.map((record) => record.ttl)) };
}
