// Every kept seed of every fuzz target through all properties, and a few hundred new inputs, the same each
// time. A seed's name may say what becomes of it: `taken-...` or `refused-...`.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { execute, newTally } from './executions.ts';
import { isSlow, kindsOf, knownKinds } from './known.ts';
import { checkNothingReplaced } from './pollution.ts';
import { readSeeds, type Seed } from './seeds.ts';
import { judge, TARGET_NAMES, type Target, type TargetName } from './target.ts';
import { targetOf } from './targets.ts';

const GENERATED: Readonly<Record<TargetName, number>> = {
  'h1-request': 3000,
  'h1-response': 3000,
  hpack: 1500,
  'h2-frames': 3000,
  'first-bytes': 3000,
  'xds-decode': 300,
  'mesh-yaml': 200,
  bootstrap: 100,
};
const SEED = 20_261_121;

/** How long something takes is not judged here, where other tests run at the same time. */
function isTolerated(kind: string, known: ReadonlySet<string>): boolean {
  return known.has(kind) || kind.startsWith('slow');
}

function checkSeed(target: Target, { name, bytes }: Seed, known: ReadonlySet<string>): void {
  for (let variant = 0; variant < target.variants; variant++) {
    const verdict = judge(target, bytes, variant, 'full');
    assert.ok(
      verdict.ok || isTolerated(verdict.kind, known),
      `${name}, variant ${variant}: ${JSON.stringify(verdict)}`,
    );
    const wanted = /^(?:taken|refused)(?=-)/.exec(name)?.[0];
    if (variant === 0 && verdict.ok && wanted !== undefined)
      assert.equal(verdict.outcome.split(/[:, ]/)[0], wanted, `${name}: ${verdict.outcome}`);
  }
}

for (const name of TARGET_NAMES) {
  describe(name, () => {
    const target = targetOf(name);
    const seeds = readSeeds(name);
    const known = knownKinds(target, true);

    it('every seed', () => {
      assert.ok(seeds.length > 0);
      for (const seed of seeds) checkSeed(target, seed, known);
    });

    it(`${GENERATED[name]} new inputs`, () => {
      const tally = newTally();
      // Not built on the kept ones, or a new seed would make other inputs of all.
      for (let i = 0; i < GENERATED[name]; i++) execute(target, SEED, i, [], tally);
      const found = [...tally.found.values()].filter(({ kind }) => !isTolerated(kind, known));
      assert.deepEqual(found, []);
      checkNothingReplaced();
    });

    it('findings that are mended', (t) => {
      for (const { name: file, bytes } of readSeeds(name, 'findings'))
        if (!isSlow(file) && kindsOf(target, bytes).size === 0)
          t.diagnostic(`findings/${name}/${file} can go to the seeds`);
    });
  });
}
