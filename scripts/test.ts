// Runs the whole suite, or the files whose path contains one of the arguments. The runner's totals are
// the last lines, its exit code is ours.

import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';

/** Test files at a time. Two: the suites start programs of their own, and small machines have two cores. */
const CONCURRENCY = 2;

const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));
const options = process.argv.slice(2).filter((argument) => argument.startsWith('-'));

function chosen(path: string): boolean {
  if (path.startsWith('test/bench/')) return false;
  return wanted.length === 0 || wanted.some((part) => path.includes(part));
}

const files = globSync('{test,examples}/**/*.test.ts', { exclude: (path) => path.includes('node_modules') })
  .filter(chosen)
  .sort();
if (files.length === 0) {
  process.stderr.write(`no test file matches ${wanted.join(' ')}\n`);
  process.exit(1);
}

const args = ['--test', `--test-concurrency=${CONCURRENCY}`, '--test-reporter=spec', ...options, ...files];
const { status, signal } = spawnSync(process.execPath, [...process.execArgv, ...args], { stdio: 'inherit' });
if (signal !== null) process.stderr.write(`the test runner was ended by ${signal}\n`);
process.exit(status ?? 1);
