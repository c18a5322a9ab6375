// The committed TypeScript is what the texts give.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

const root = path.join(import.meta.dirname, '../..');
const committed = path.join(root, 'proto/gen');

function filesOf(dir: string): string[] {
  return fs
    .readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .sort();
}

test('proto/gen is current', () => {
  const fresh = fs.mkdtempSync(path.join(os.tmpdir(), 'fairlead-proto-'));
  try {
    const result = spawnSync(process.execPath, [path.join(root, 'scripts/generate-proto.ts'), fresh], {
      encoding: 'utf8',
    });
    assert.equal(result.status, 0, result.stderr);
    assert.deepEqual(filesOf(fresh), filesOf(committed));
    for (const file of filesOf(fresh)) {
      assert.equal(
        fs.readFileSync(path.join(fresh, file), 'utf8'),
        fs.readFileSync(path.join(committed, file), 'utf8'),
        file,
      );
    }
  } finally {
    fs.rmSync(fresh, { recursive: true, force: true });
  }
});
