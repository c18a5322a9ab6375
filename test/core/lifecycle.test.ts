import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { createLifecycle, type Part } from '../../core/lifecycle.ts';

function stage(stopMs?: number) {
  const steps: string[] = [];
  const signals = Object.assign(new EventEmitter(), { exit: (code: number) => void steps.push(`exit ${code}`) });
  const lifecycle = createLifecycle({
    process: signals,
    ...(stopMs === undefined ? {} : { stopMs }),
    onTrouble: (part, error) => steps.push(`trouble ${part}: ${(error as Error).message}`),
  });
  const part = (name: string, extra: Partial<Part> = {}): Part => ({
    name,
    start: () => void steps.push(`start ${name}`),
    stop: () => void steps.push(`stop ${name}`),
    ...extra,
  });
  return { steps, signals, lifecycle, part };
}

test('starts in order, stops in reverse, once', async () => {
  const { steps, lifecycle, part } = stage();
  await lifecycle.start([part('a'), part('b')]);
  assert.equal(lifecycle.stop('test'), lifecycle.stop('again'));
  await lifecycle.ended;
  assert.deepEqual(steps, ['start a', 'start b', 'stop b', 'stop a']);
});

test('a signal stops; a second one ends at once', async () => {
  const { steps, signals, lifecycle, part } = stage();
  const { promise, resolve } = Promise.withResolvers<void>();
  await lifecycle.start([part('slow', { stop: () => promise })]);
  signals.emit('SIGTERM');
  signals.emit('SIGINT');
  assert.deepEqual(steps, ['start slow', 'exit 1']);
  resolve();
  await lifecycle.ended;
  assert.equal(signals.listenerCount('SIGTERM') + signals.listenerCount('SIGINT'), 0);
});

test('what does not start stops the others and says why', async () => {
  const { steps, lifecycle, part } = stage();
  const bad = part('bad', { start: () => Promise.reject(new Error('port taken')) });
  await assert.rejects(lifecycle.start([part('a'), bad, part('c')]), /port taken/);
  assert.deepEqual(steps, ['start a', 'stop a']);
});

test('a stop that fails does not keep the others', async () => {
  const { steps, lifecycle, part } = stage();
  await lifecycle.start([
    part('a'),
    part('b', {
      stop: () => {
        throw new Error('stuck');
      },
    }),
  ]);
  await lifecycle.stop('test');
  assert.deepEqual(steps.slice(2), ['trouble b: stuck', 'stop a']);
});

test('a stop that hangs ends at its time', async () => {
  const { steps, lifecycle, part } = stage(20);
  await lifecycle.start([part('a', { stop: () => new Promise(() => {}) })]);
  await lifecycle.stop('test');
  assert.deepEqual(steps.slice(1), ['trouble stop: not stopped after 20 ms']);
});
