// Open connections of clients, of one listener and in all: the one too many is closed unanswered and counted,
// those that are open go on, and a place that comes free is given anew.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectionGates } from '../../../sidecar/net/connection-gates.ts';
import { openClient, type RawClient } from '../../mesh/client.ts';
import { eventually } from '../../mesh/discovery.ts';
import { startOrigin } from '../../mesh/origin.ts';
import { startProxy, bootstrapText } from '../../mesh/proxy.ts';
import { besideEnvoy, type Limited, type LimitedPieces } from './beside.ts';

const GET = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';
const OK = {
  origins: { o1: 1 },
  routes: '- {match: {prefix: /}, direct_response: {status: 200, body: {inline_string: ok}}}',
};
const OF_LISTENER = /^listener\.(?!admin).*\.downstream_cx_overflow$/;
const IN_ALL = /^listener\.(?!admin).*\.downstream_global_cx_overflow$/;

function keys(...lines: readonly string[]): string {
  return `layered_runtime: {layers: [{name: limits, static_layer: {${lines.join(', ')}}}]}`;
}

function monitor(most: number | string): string {
  const type =
    'type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig';
  return `overload_manager:
  resource_monitors:
  - name: envoy.resource_monitors.global_downstream_max_connections
    typed_config: {"@type": ${type}, max_active_downstream_connections: ${most}}`;
}

/** How many answers the connection has had after one more request. */
async function ask(client: RawClient): Promise<number> {
  const before = answers(client);
  await client.send(GET);
  await client.until(() => answers(client) > before);
  return answers(client);
}

function answers({ received }: RawClient): number {
  return received.split('HTTP/1.1 200 OK').length - 1;
}

/** Three connections where `most` is two; then one of them goes. */
async function twoArePlenty({ port, sum }: Limited, metric: RegExp): Promise<void> {
  const open = async () => {
    const client = await openClient(port);
    if ((await ask(client)) !== 1) throw new Error('not let in');
    return client;
  };
  // Whoever looked whether the proxy listens may still be there.
  const [a, b] = [await eventually(open), await eventually(open)];
  const before = await sum(metric);
  for (let n = 0; n < 2; n++) {
    const late = await openClient(port);
    await late.send(GET);
    assert.equal(await late.ended(), '');
  }
  assert.equal((await sum(metric)) - before, 2);
  assert.deepEqual([await ask(a), await ask(b)], [2, 2]);
  a.close();
  const next = await eventually(open);
  for (const client of [b, next]) client.close();
}

const KEY = '"envoy.resource_limits.listener.main.connection_limit"';

for (const [how, top, metric] of [
  ['of a listener', keys(`${KEY}: 2`), OF_LISTENER],
  [
    'of a listener, its key nested',
    keys('envoy: {resource_limits: {listener: {main: {connection_limit: 2}}}}'),
    OF_LISTENER,
  ],
  ['of a listener, as a text', keys(`${KEY}: "2"`), OF_LISTENER],
  ['in all, by the overload manager', monitor(2), IN_ALL],
  ['in all, by the runtime', keys('"overload.global_downstream_max_connections": 2'), IN_ALL],
  ['of a listener where there is room in all', `${monitor(3)}\n${keys(`${KEY}: 2`)}`, OF_LISTENER],
  ['in all where the listener has room', `${monitor(2)}\n${keys(`${KEY}: 3`)}`, IN_ALL],
] as const) {
  besideEnvoy(`connections ${how}`, async (_, start) => {
    await twoArePlenty(await start({ ...OK, top }), metric);
  });
}

/** A listener for which the limit does not hold. */
for (const [how, pieces] of [
  ['ignore_global_conn_limit', { top: monitor(1), listener: 'ignore_global_conn_limit: true' }],
  ['bypass_overload_manager', { top: monitor(1), listener: 'bypass_overload_manager: true' }],
  [
    'the overload manager over the runtime',
    { top: `${monitor(9)}\n${keys('"overload.global_downstream_max_connections": 1')}` },
  ],
] as const satisfies readonly (readonly [string, Partial<LimitedPieces>])[]) {
  besideEnvoy(`more connections by ${how}`, async (_, start) => {
    const { port } = await start({ ...OK, ...pieces });
    for (let n = 0; n < 3; n++) assert.equal(await ask(await openClient(port)), 1);
  });
}

besideEnvoy('a limit of none', async (_, start) => {
  const { port } = await start({ ...OK, top: keys(`${KEY}: 0`) });
  const client = await openClient(port);
  assert.equal(await client.ended(), '');
});

test('a limit that changes with its listener holds for connections to come', async (t) => {
  const proxy = await startProxy(`${bootstrapText(OK)}\n${monitor(1)}`);
  t.after(() => proxy.close());
  const first = await openClient(proxy.port());
  assert.equal(await ask(first), 1);
  proxy.apply({ ...OK, listener: 'ignore_global_conn_limit: true\nstat_prefix: main' });
  assert.equal(await ask(await openClient(proxy.port())), 1);
  proxy.apply(OK);
  // The first one still has the only place, the second none: it was not counted.
  assert.equal(await (await openClient(proxy.port())).ended(), '');
  first.close();
  await eventually(async () => {
    if ((await ask(await openClient(proxy.port()))) !== 1) throw new Error('not let in');
  });
});

test('the lowest limit is in the way; open files bind a listener that is exempt as well', () => {
  const bound = { ignoresGlobalLimit: false, bypassesOverloadManager: false };
  const exempt = { ignoresGlobalLimit: true, bypassesOverloadManager: false };
  const limits = { inAll: { most: 1, byOverloadManager: false }, byListener: new Map([['few', 0]]) };
  const gates = new ConnectionGates({ ...limits, byDescriptors: { openFiles: 9, most: 2 } });
  const [few, main, health] = [gates.of('few', bound), gates.of('main', bound), gates.of('health', exempt)];
  assert.deepEqual([few.enter(), main.enter(), main.enter()], ['of-listener', null, 'in-all']);
  assert.deepEqual([health.enter(), health.enter()], [null, 'by-descriptors']);
  main.leave();
  assert.deepEqual([health.enter(), main.enter()], [null, 'by-descriptors']);
  assert.deepEqual([gates.toTell()?.most, gates.toTell()], [2, null]);
});

test('what is no limit is refused', async (t) => {
  const origin = await startOrigin();
  t.after(() => origin.close());
  const refused = async (top: string, said: RegExp) =>
    assert.rejects(startProxy(`${bootstrapText({ origins: { o1: origin.port } })}\n${top}`), said);
  await refused(keys(`${KEY}: -1`), /connection_limit is not a whole number/);
  await refused(keys(`${KEY}: 1.5`), /connection_limit is not a whole number/);
  await refused(keys('"overload.global_downstream_max_connections": many'), /is not a whole number/);
  await refused(monitor(0), /max_active_downstream_connections/);
  await refused(
    `${monitor(1)}\n  actions: [{name: envoy.overload_actions.stop_accepting_requests, triggers: [{name: a, threshold: {value: 1}}]}]`,
    /overload_manager.actions/,
  );
  await refused(
    'overload_manager: {resource_monitors: [{name: a}]}',
    /resource_monitors\[0\]: typed_config is required/,
  );
});
