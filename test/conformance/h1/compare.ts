// `npm run conformance -- [nginx haproxy envoy]`: the corpus through our sidecar and through the others, with
// the same origin behind them. Prints who passes what, and writes docs/conformance.md.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageVersion } from '../../../cli/version.ts';
import { CORPUS } from './corpus.ts';
import type { Entry } from './entry.ts';
import type { Judge } from './judge.ts';
import { LanePool } from './lane-pool.ts';
import { type Lanes, startOurs } from './ours.ts';
import { PEER_NAMES, type PeerName, startPeer, versionOf } from './peers/peers.ts';
import { type Column, page, summary } from './report.ts';
import { runEntry } from './run.ts';

const LANES = 12;
const FEW_LANES = 3;
const PAGE = join(import.meta.dirname, '../../../docs/conformance.md');

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !PEER_NAMES.includes(name as PeerName));
if (unknown.length > 0) {
  process.stderr.write(`unknown: ${unknown.join(' ')}; there are ${PEER_NAMES.join(' ')}\n`);
  process.exit(1);
}
const columns: Column[] = [await ours()];
for (const name of PEER_NAMES) if (wanted.length === 0 || wanted.includes(name)) columns.push(await peer(name));
process.stdout.write(summary(columns));
writeFileSync(PAGE, page(columns, new Date()));

async function ours(): Promise<Column> {
  const version = `${packageVersion()} on Node ${process.versions.node}`;
  return { name: 'fairlead', version, failures: await through('fairlead', await startOurs(LANES), { strict: true }) };
}

async function peer(name: PeerName): Promise<Column> {
  const version = versionOf(name);
  if (version === null) return { name, version, failures: new Map() };
  return { name, version, failures: await through(name, await startPeer(name, LANES), { strict: false }) };
}

/** Id of an entry -> what was wrong. */
async function through(name: string, { lanes, close }: Lanes, rules: Judge): Promise<ReadonlyMap<string, string>> {
  process.stdout.write(`${name} ...\n`);
  try {
    const entries = CORPUS.flatMap((group) => group.entries);
    const first = await failuresOf(entries, lanes, rules);
    // What a busy machine made too late is asked once more, with few others beside it.
    return await failuresOf(
      entries.filter(({ id }) => first.has(id)),
      lanes.slice(0, FEW_LANES),
      rules,
    );
  } finally {
    await close();
  }
}

async function failuresOf(
  entries: readonly Entry[],
  lanes: Lanes['lanes'],
  rules: Judge,
): Promise<ReadonlyMap<string, string>> {
  const pool = new LanePool(lanes);
  const runs = entries.map(async (entry) => {
    const wrong = await pool.with((lane) => runEntry(lane, entry, rules));
    return wrong === null ? [] : [[entry.id, wrong] as const];
  });
  return new Map((await Promise.all(runs)).flat());
}
