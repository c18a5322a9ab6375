import assert from 'node:assert/strict';
import { mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { systemClock } from '../../../core/clock.ts';
import { FLAG } from '../../../sidecar/errors.ts';
import type { AccessLog, AccessLogFilter } from '../../../sidecar/model/access-log.ts';
import { createAccessLogs, LogFiles } from '../../../sidecar/telemetry/access-log.ts';
import { FilesystemStats } from '../../../sidecar/telemetry/cells/server.ts';
import { compileFilter } from '../../../sidecar/telemetry/log-filter.ts';
import { MAX_PENDING_BYTES } from '../../../sidecar/telemetry/log-sink.ts';
import { factsWith } from './facts.ts';

async function place(
  t: TestContext,
): Promise<{ path: string; stats: FilesystemStats; files: LogFiles; errors: string[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-log-'));
  const stats = new FilesystemStats();
  const errors: string[] = [];
  const files = new LogFiles({ clock: systemClock, stats, flushMs: 20, onError: (path) => errors.push(path) });
  t.after(async () => {
    await files.close();
    await rm(folder, { recursive: true });
  });
  return { path: join(folder, 'access.log'), stats, files, errors };
}

function logTo(path: string, text: string, filter: AccessLogFilter | null = null): AccessLog {
  return { sink: { kind: 'file', path }, format: { kind: 'text', text, omitEmpty: false }, filter };
}

test('two loggers share a file, each with its own filter', async (t) => {
  const { path, files } = await place(t);
  const onlyB: AccessLogFilter = {
    kind: 'header',
    match: {
      name: ':path',
      test: { kind: 'string', match: { kind: 'exact', value: '/b', ignoreCase: false } },
      invert: false,
      treatMissingAsEmpty: false,
    },
  };
  const { log, close } = createAccessLogs(
    [logTo(path, 'one %REQ(:PATH)%\n'), logTo(path, 'two %REQ(:PATH)%\n', onlyB)],
    files,
    Math.random,
  );
  log?.(factsWith({ request: { ':path': '/a' } }));
  log?.(factsWith({ request: { ':path': '/b' } }));
  await files.flush();
  assert.equal(await readFile(path, 'utf8'), 'one /a\none /b\ntwo /b\n');
  close();
});

test('bytes of a header reach the file as they came', async (t) => {
  const { path, files } = await place(t);
  const { log } = createAccessLogs([logTo(path, 'é %REQ(x)%\n')], files, Math.random);
  log?.(factsWith({ request: { x: '\xff\xc3\xa9' } }));
  await files.flush();
  assert.deepEqual(await readFile(path), Buffer.concat([Buffer.from('é '), Buffer.from([0xff, 0xc3, 0xa9, 0x0a])]));
});

test('a line is written after the flush interval without being asked', async (t) => {
  const { path, files, stats } = await place(t);
  createAccessLogs([logTo(path, 'x\n')], files, Math.random).log?.(factsWith());
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(await readFile(path, 'utf8'), 'x\n');
  assert.equal(stats.write_completed, 1);
  assert.equal(stats.write_total_buffered, 0);
});

test('after rotation lines go to the new file, and none is lost', async (t) => {
  const { path, files } = await place(t);
  const { log } = createAccessLogs([logTo(path, '%CONNECTION_ID% %BYTES_SENT%\n')], files, Math.random);
  for (let i = 0; i < 2000; i++) log?.(factsWith({ bytesSent: i }));
  await files.flush();
  await rename(path, `${path}.1`);
  files.reopen();
  for (let i = 2000; i < 4000; i++) log?.(factsWith({ bytesSent: i }));
  await files.flush();
  const lines = `${await readFile(`${path}.1`, 'utf8')}${await readFile(path, 'utf8')}`.trim().split('\n');
  assert.deepEqual(
    lines,
    Array.from({ length: 4000 }, (_, i) => `7 ${i}`),
  );
});

test('a sink that cannot be opened says so once, and drops at its bound', async (t) => {
  const { path, files, stats, errors } = await place(t);
  const { log } = createAccessLogs([logTo(join(path, 'no', 'such'), `${'x'.repeat(1023)}\n`)], files, Math.random);
  for (let i = 0; i < MAX_PENDING_BYTES / 1024 + 10; i++) log?.(factsWith());
  await files.flush();
  assert.equal(errors.length, 1);
  assert.equal(stats.lines_dropped, 10);
});

test('what waits is written at the end of the process', async (t) => {
  const { path, files } = await place(t);
  const { log } = createAccessLogs([logTo(path, 'x\n')], files, Math.random);
  log?.(factsWith());
  await files.flush();
  log?.(factsWith());
  files.flushSync();
  assert.equal(await readFile(path, 'utf8'), 'x\nx\n');
});

test('closing waits for the last lines of loggers that were let go', async (t) => {
  const { path, files } = await place(t);
  const { log, close } = createAccessLogs([logTo(path, 'last\n')], files, Math.random);
  log?.(factsWith());
  close();
  await files.close();
  assert.equal(await readFile(path, 'latin1'), 'last\n');
});

test('filters', () => {
  const passes = (filter: AccessLogFilter, facts = factsWith(), random = 0.5) =>
    compileFilter(filter, () => random)(facts);
  const status = (op: 'eq' | 'ge' | 'le' | 'ne', value: number): AccessLogFilter => ({
    kind: 'status',
    comparison: { op, value },
  });
  const failed = factsWith({ responseCode: 503, responseFlags: FLAG.UH });
  assert.ok(
    passes(status('ge', 500), failed) && !passes(status('le', 499), failed) && passes(status('ne', 200), failed),
  );
  assert.ok(
    passes({ kind: 'duration', comparison: { op: 'ge', value: 16 } }) &&
      !passes({ kind: 'duration', comparison: { op: 'ge', value: 17 } }),
  );
  assert.ok(
    passes({ kind: 'response-flags', flags: ['UF', 'UH'] }, failed) &&
      !passes({ kind: 'response-flags', flags: ['UF'] }, failed),
  );
  assert.ok(passes({ kind: 'response-flags', flags: [] }, failed) && !passes({ kind: 'response-flags', flags: [] }));
  assert.ok(passes({ kind: 'fraction', fraction: 0.6 }) && !passes({ kind: 'fraction', fraction: 0.5 }));
  assert.ok(passes({ kind: 'and', filters: [status('eq', 503), { kind: 'response-flags', flags: ['UH'] }] }, failed));
  assert.ok(
    passes({ kind: 'or', filters: [status('eq', 200), status('eq', 503)] }, failed) &&
      !passes({ kind: 'or', filters: [status('eq', 200)] }, failed),
  );
  assert.ok(passes({ kind: 'not-health-check' }));
  assert.ok(passes({ kind: 'traceable' }, factsWith({ sampled: true })) && !passes({ kind: 'traceable' }));
  assert.ok(
    passes({ kind: 'grpc-status', statuses: [14], exclude: false }, failed) &&
      !passes({ kind: 'grpc-status', statuses: [14], exclude: true }, failed),
  );
});
