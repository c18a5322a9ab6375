import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { createLogs, parseLevel, parseLevels } from '../../core/log.ts';

function collecting(levels = 'info', pretty = false): { lines: string[]; logs: ReturnType<typeof createLogs> } {
  const settings = parseLevels(levels);
  assert.ok(typeof settings !== 'string');
  const lines: string[] = [];
  return { lines, logs: createLogs({ levels: settings, write: (line) => lines.push(line), pretty }) };
}

test('JSON lines: level by name, ISO time, component, fields', () => {
  const { lines, logs } = collecting();
  logs.child('xds').warn({ server: 'a:1' }, 'lost');
  const { time, ...rest } = JSON.parse(lines[0] as string);
  assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.deepEqual(rest, { level: 'warn', component: 'xds', server: 'a:1', msg: 'lost' });
});

test('levels by component, and changed while running', () => {
  const { lines, logs } = collecting('warn,xds:debug');
  const xds = logs.child('xds');
  const http = logs.child('http');
  assert.equal(logs.child('xds'), xds);
  xds.debug('seen');
  http.info('not seen');
  assert.equal(lines.length, 1);
  assert.equal(logs.setComponentLevel('http', 'info'), true);
  assert.equal(logs.setComponentLevel('none', 'info'), false);
  http.info('seen');
  logs.setLevel('error');
  xds.warn('not seen');
  logs.child('later').warn('not seen');
  assert.equal(lines.length, 2);
  assert.deepEqual(
    [...logs.levels()],
    [
      ['xds', 'error'],
      ['http', 'error'],
      ['later', 'error'],
    ],
  );
});

test('secrets are not written, wherever they stand', () => {
  const { lines, logs } = collecting();
  logs.child('x').info(
    {
      authorization: 'S3',
      headers: { cookie: 'S3', 'x-a': 'b' },
      request: { token: 'S3', headers: { authorization: 'S3' } },
      privateKey: 'S3',
    },
    'm',
  );
  assert.doesNotMatch(lines[0] as string, /S3/);
  assert.match(lines[0] as string, /"x-a":"b"/);
});

test('errors keep their message and stack', () => {
  const { lines, logs } = collecting();
  logs.child('x').error({ error: new Error('boom') }, 'm');
  const { error } = JSON.parse(lines[0] as string);
  assert.equal(error.message, 'boom');
  assert.match(error.stack, /log\.test\.ts/);
});

test('pretty lines are short', () => {
  const { lines, logs } = collecting('info', true);
  logs.child('xds').info({ server: 'a:1', count: 2 }, 'connected');
  assert.match(lines[0] as string, /^\d\d:\d\d:\d\d\.\d{3} INFO {2}xds connected server=a:1 count=2\n$/);
});

test("level names, Envoy's included", () => {
  assert.deepEqual(['warning', 'critical', 'off', 'DEBUG', 'x'].map(parseLevel), [
    'warn',
    'fatal',
    'silent',
    'debug',
    null,
  ]);
  assert.match(String(parseLevels('a:loud')), /"loud" is no log level; levels are trace, debug/);
});

test('nothing that was logged is lost when the process ends', () => {
  const module = join(import.meta.dirname, '../../core/log.ts');
  const script = `import { createLogs } from ${JSON.stringify(module)}; createLogs({ levels: { root: 'info', components: new Map() } }).child('x').info('last words'); process.exit(3);`;
  const { stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  assert.equal(status, 3);
  assert.match(stderr, /"msg":"last words"/);
});
