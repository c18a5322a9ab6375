// A sink's file at both ends of its life.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FilesystemStats } from '../../../sidecar/telemetry/cells/server.ts';
import { LogSink } from '../../../sidecar/telemetry/log-sink.ts';
import { manualClock } from '../../manual-clock.ts';
import { tempDir } from '../../temp-dir.ts';

function sinkAt(path: string, errors: Error[]): LogSink {
  const onError = (_path: string, error: Error) => errors.push(error);
  return new LogSink(path, { clock: manualClock(), stats: new FilesystemStats(), flushMs: 1_000, onError });
}

test('closed while it opens its file: when it says so, the file was opened and let go of', async (t) => {
  const path = join(tempDir(t), 'log');
  const errors: Error[] = [];
  await sinkAt(path, errors).close();
  assert.ok(existsSync(path));
  assert.deepEqual(errors, []);
});

test('closed while a file that cannot be opened is tried: it ends, and says why', async (t) => {
  const errors: Error[] = [];
  await sinkAt(join(tempDir(t), 'missing', 'log'), errors).close();
  assert.match(errors[0]?.message ?? '', /ENOENT/);
});
