// gRPC calls where there is no stream left for them (row G13): they wait, or fail at once and in form, and never
// cost a connection each.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { figure } from './figures.ts';
import { say, startEcho, through } from './grpc-calls.ts';
import { http2Upstream } from './lanes.ts';

it('G13 more calls than the upstream takes streams: they wait, on few connections', async (t) => {
  const more = 'connect_timeout: 1s\ncircuit_breakers: {thresholds: [{max_connections: 1, max_pending_requests: 100}]}';
  const port = await startEcho(t);
  const call = await through(t, port, { cluster: { o1: http2Upstream('{max_concurrent_streams: 2}', more) } });
  const codes = await Promise.all(Array.from({ length: 50 }, async () => (await say(call)).code));
  assert.deepEqual(new Set(codes), new Set([0]));
  assert.equal(await figure(call.proxy, 'cluster.o1.upstream_cx_total'), 1);
});

it('G13 where nobody may wait either: UNAVAILABLE, and no connection more', async (t) => {
  const finish: (() => void)[] = [];
  const port = await startEcho(t, (call, done) => void finish.push(() => done(null, call.request)));
  const more = 'connect_timeout: 1s\ncircuit_breakers: {thresholds: [{max_connections: 1, max_pending_requests: 2}]}';
  const call = await through(t, port, { cluster: { o1: http2Upstream('{max_concurrent_streams: 1}', more) } });
  const first = say(call);
  while (finish.length === 0) await setImmediate();
  const waiting = [say(call), say(call)];
  while ((await figure(call.proxy, 'cluster.o1.upstream_rq_pending_active')) < 2) await setImmediate();
  for (let i = 0; i < 20; i++) assert.equal((await say(call)).code, status.UNAVAILABLE);
  assert.equal(await figure(call.proxy, 'cluster.o1.upstream_cx_total'), 1);
  for (let i = 0; i < 3; i++) {
    while (finish.length === 0) await setImmediate();
    finish.pop()?.();
    await setImmediate();
  }
  assert.deepEqual(
    (await Promise.all([first, ...waiting])).map(({ code }) => code),
    [0, 0, 0],
  );
});
