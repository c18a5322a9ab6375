// Lines of deadlines, on timers that the test moves by hand.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Deadlines } from '../../core/deadlines.ts';

function bench(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let now = 0;
  const fired: string[] = [];
  const own: number[] = [];
  const time = {
    now: () => now,
    after: (ms: number) => {
      own.push(ms);
      return { cancel: () => {}, refresh: () => {} };
    },
  };
  const deadlines = new Deadlines(time, () => now);
  const pass = (ms: number) => {
    for (let i = 0; i < ms; i++) {
      now++;
      t.mock.timers.tick(1);
    }
  };
  const set = (name: string, ms: number) => deadlines.after(ms, () => fired.push(`${name}@${now}`));
  return { pass, set, fired, own, deadlines };
}

test('each call runs when it is due, in the order they were set', (t) => {
  const { pass, set, fired } = bench(t);
  set('a', 10);
  pass(3);
  set('b', 10);
  set('c', 5);
  pass(30);
  assert.deepEqual(fired, ['c@8', 'a@10', 'b@13']);
});

test('a cancelled call does not run, wherever it stands in its line; cancelling twice does nothing', (t) => {
  const { pass, set, fired } = bench(t);
  const [first, middle, last] = [set('first', 10), set('middle', 10), set('last', 10)];
  set('stays', 10);
  for (const timer of [middle, first, last, middle]) timer?.cancel();
  pass(30);
  assert.deepEqual(fired, ['stays@10']);
});

test('refresh starts the wait again, also of a call that ran or was cancelled', (t) => {
  const { pass, set, fired } = bench(t);
  const one = set('one', 10);
  pass(6);
  one.refresh();
  pass(10);
  one.refresh();
  pass(10);
  one.refresh();
  one.cancel();
  pass(20);
  assert.deepEqual(fired, ['one@16', 'one@26']);
});

test('an emptied line serves again', (t) => {
  const { pass, set, fired } = bench(t);
  set('early', 10).cancel();
  pass(4);
  set('late', 10);
  pass(40);
  assert.deepEqual(fired, ['late@14']);
});

test('a call that is set while others run waits its own time', (t) => {
  const { pass, fired, deadlines, set } = bench(t);
  deadlines.after(10, () => {
    fired.push('outer');
    set('inner', 10);
  });
  pass(40);
  assert.deepEqual(fired, ['outer', 'inner@20']);
});

test('lines are bounded: what finds none gets a timer of its own', (t) => {
  const { set, own } = bench(t);
  for (let ms = 1; ms <= 100; ms++) set('x', ms);
  assert.equal(own.length, 36);
});
