// How many threads serve: what may be asked for, and what is taken where nobody asks.

import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { MOST_WORKERS } from '../../../sidecar/concurrency.ts';
import { loadConfig } from '../../../sidecar/config.ts';

function load(bootstrap: string, ...flags: readonly string[]) {
  return loadConfig(['--config-yaml', bootstrap, ...flags], {});
}

function concurrency(bootstrap: string, ...flags: readonly string[]): number {
  const result = load(bootstrap, ...flags);
  assert.ok(result.ok, result.ok ? '' : result.text);
  return result.config.concurrency;
}

test('whole numbers from 1 on are taken, anything else is a mistake on the command line', () => {
  assert.equal(concurrency('node: {id: a}', '--concurrency', '1'), 1);
  assert.equal(concurrency('node: {id: a}', '--concurrency', '3'), 3);
  for (const junk of ['0', '-1', '1.5', 'two', '1e3', ' 2']) {
    const result = load('node: {id: a}', `--concurrency=${junk}`);
    assert.ok(!result.ok);
    assert.equal(result.kind, 'usage');
    assert.equal(result.text, `--concurrency: "${junk}" is not a whole number of 1 and more`);
  }
  const many = load('node: {id: a}', '--concurrency', String(MOST_WORKERS + 1));
  assert.ok(!many.ok);
  assert.match(many.text, /--concurrency: 129 is more than 128/);
});

test('one beside a service, one for each core in a gateway', () => {
  const node = (kind: string) => `node: {id: a, metadata: {fairlead: {service: a, kind: ${kind}}}}`;
  assert.equal(concurrency('node: {id: a}'), 1);
  assert.equal(concurrency(node('sidecar')), 1);
  assert.equal(concurrency('node: {id: gateway~a, metadata: {kind: gateway}}'), 1, 'only where it says so to us');
  assert.equal(concurrency(node('gateway')), availableParallelism());
  assert.equal(concurrency(node('gateway'), '--concurrency', '1'), 1);
});
