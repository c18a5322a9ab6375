// gRPC statistics beyond what Envoy is compared with: answers in one head, without a status, given up; gRPC-Web;
// who is counted on which route; and the room that callers' made-up methods take.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { MOST_GRPC_METHODS } from '../../../sidecar/telemetry/grpc-methods.ts';
import { type Metric, metricsOf } from '../../../sidecar/telemetry/metrics.ts';
import type { Histogram } from '../../../sidecar/telemetry/stats.ts';
import * as f from '../../conformance/h2/frames.ts';
import { HTTP2_UPSTREAM } from '../../conformance/h2/lanes.ts';
import type { Peer, PeerOrigin } from '../../conformance/h2/peer.ts';
import { connectPeer, startPeerOrigin } from '../../conformance/h2/peer.ts';
import { eventually } from '../../mesh/discovery.ts';
import { bootstrapText, startProxy, type TestProxy } from '../../mesh/proxy.ts';

const NAME = 'envoy.filters.http.grpc_stats';
const FILTERS = 'type.googleapis.com/envoy.extensions.filters.http';
const PER_ROUTE = 'type.googleapis.com/envoy.config.route.v3.FilterConfig';
const WEB = `{name: web, typed_config: {"@type": ${FILTERS}.grpc_web.v3.GrpcWeb}}`;
const MESSAGE = Buffer.from([0, 0, 0, 0, 1, 7]);
const GRPC = ['content-type', 'application/grpc'] as const;

function stats(more = 'stats_for_all_methods: true', rest = ''): string {
  return `{name: ${NAME}, typed_config: {"@type": ${FILTERS}.grpc_stats.v3.FilterConfig, ${more}}${rest}}`;
}

interface Lane {
  readonly proxy: TestProxy;
  readonly origin: PeerOrigin;
  readonly peer: Peer;
}

async function lane(t: TestContext, filters = stats(), routes = '- {match: {prefix: /}, route: {cluster: o1}}') {
  const origin = await startPeerOrigin();
  t.after(() => origin.close());
  const text = bootstrapText({ origins: { o1: origin.port }, cluster: { o1: HTTP2_UPSTREAM }, routes });
  const proxy = await startProxy(text.replace('http_filters: [', `http_filters: [${filters}, `));
  t.after(() => proxy.close());
  const peer = await connectPeer(proxy.port(), {});
  t.after(() => peer.close());
  return { proxy, origin, peer } satisfies Lane;
}

function used({ proxy }: Lane): Metric[] {
  return [...metricsOf(proxy.stats)].filter(
    ({ family, used: counted }) => family.startsWith('envoy_cluster_grpc_') && counted,
  );
}

function figures(of: Lane): Record<string, number> {
  return Object.fromEntries(
    used(of)
      .filter(({ kind }) => kind === 'counter')
      .map(({ name, value }) => [name.replace('cluster.o1.grpc.', ''), value as number]),
  );
}

/** One call of `/s.S/M`, answered with these frames; its end is counted when its answer is read. */
async function ask(of: Lane, answer: (id: number) => readonly Buffer[], type = 'application/grpc'): Promise<void> {
  of.origin.onRequest = (peer, id) => peer.send(...answer(id));
  of.peer.send(f.headers(1, f.request('POST', '/s.S/M', ['content-type', type]), false), f.data(1, MESSAGE));
  await of.peer.over(1);
}

const trailers = (id: number, status: string) => f.headers(id, [['grpc-status', status]]);
const good = (id: number) => [
  f.headers(id, f.response(200, GRPC), false),
  f.data(id, MESSAGE, false),
  trailers(id, '0'),
];
const MESSAGES = { 's.S.M.request_message_count': 1, 's.S.M.response_message_count': 1 };

describe('ends', () => {
  it('trailers only', async (t) => {
    const of = await lane(t);
    await ask(of, (id) => [f.headers(id, f.response(200, GRPC, ['grpc-status', '5']))]);
    assert.deepEqual(figures(of), {
      's.S.M.5': 1,
      's.S.M.failure': 1,
      's.S.M.request_message_count': 1,
      's.S.M.total': 1,
    });
  });

  it('G03 without a status: UNKNOWN, as its caller takes it', async (t) => {
    const of = await lane(t);
    await ask(of, (id) => [f.headers(id, f.response(200, GRPC), false), f.data(id, MESSAGE)]);
    assert.deepEqual(figures(of), { 's.S.M.2': 1, 's.S.M.failure': 1, ...MESSAGES, 's.S.M.total': 1 });
  });

  for (const status of ['17', '99', '-1', 'x', ''])
    it(`a status ${JSON.stringify(status)} that is none: UNKNOWN`, async (t) => {
      const of = await lane(t);
      await ask(of, (id) => [f.headers(id, f.response(200, GRPC), false), trailers(id, status)]);
      assert.equal(figures(of)['s.S.M.2'], 1);
    });

  it('an answer that is not gRPC: its body is no message, and it has no status', async (t) => {
    const of = await lane(t);
    await ask(of, (id) => [
      f.headers(id, f.response(404, ['content-type', 'text/plain']), false),
      f.data(id, '404 page'),
    ]);
    assert.deepEqual(figures(of), { 's.S.M.request_message_count': 1 });
  });

  it('an answer that breaks off has no status', async (t) => {
    const of = await lane(t);
    await ask(of, (id) => [
      f.headers(id, f.response(200, GRPC), false),
      f.data(id, MESSAGE, false),
      f.rst(id, f.ERROR.INTERNAL),
    ]);
    assert.deepEqual(figures(of), MESSAGES);
  });

  it('a call that is given up has no status', async (t) => {
    const of = await lane(t);
    of.peer.send(f.headers(1, f.request('POST', '/s.S/M', GRPC), false), f.data(1, MESSAGE, false));
    await of.origin.until(() => of.origin.peers[0] !== undefined, 'a connection');
    await eventually(() => assert.deepEqual(figures(of), { 's.S.M.request_message_count': 1 }));
    of.peer.send(f.rst(1, f.ERROR.CANCEL));
    await eventually(() => assert.equal(of.proxy.stats.cluster('o1').upstream_rq_active, 0));
    assert.deepEqual(figures(of), { 's.S.M.request_message_count': 1 });
  });

  it('what we answer ourselves is a failure too', async (t) => {
    const of = await lane(t, stats(), '- {match: {prefix: /}, route: {cluster: o1, timeout: 0.05s}}');
    await ask(of, () => []);
    assert.deepEqual(figures(of), {
      's.S.M.14': 1,
      's.S.M.failure': 1,
      's.S.M.request_message_count': 1,
      's.S.M.total': 1,
    });
  });
});

describe('who is counted', () => {
  it('a message in DATA of one byte each', async (t) => {
    const of = await lane(t);
    of.origin.onRequest = (peer, id) => peer.send(...good(id));
    const pieces = [...MESSAGE, ...MESSAGE].map((byte, i) =>
      f.data(1, Buffer.from([byte]), i === 2 * MESSAGE.length - 1),
    );
    of.peer.send(f.headers(1, f.request('POST', '/s.S/M', GRPC), false), ...pieces);
    await of.peer.over(1);
    assert.equal(figures(of)['s.S.M.request_message_count'], 2);
  });

  it('other requests are not', async (t) => {
    const of = await lane(t);
    await ask(of, good, 'application/json');
    assert.deepEqual(figures(of), {});
  });

  it('gRPC-Web behind its filter is; before it it is none of gRPC', async (t) => {
    const type = 'application/grpc-web+proto';
    const behind = await lane(t, `${WEB}, ${stats()}`);
    await ask(behind, good, type);
    assert.deepEqual(figures(behind), { 's.S.M.0': 1, ...MESSAGES, 's.S.M.success': 1, 's.S.M.total': 1 });
    const before = await lane(t, `${stats()}, ${WEB}`);
    await ask(before, good, type);
    assert.deepEqual(figures(before), {});
  });

  it('twice in a chain counts once', async (t) => {
    const of = await lane(t, `${stats()}, ${stats().replace(NAME, 'again')}`);
    await ask(of, good);
    assert.deepEqual(figures(of), { 's.S.M.0': 1, ...MESSAGES, 's.S.M.success': 1, 's.S.M.total': 1 });
  });

  const onRoute = (config: string) =>
    `- {match: {path: /s.S/M}, route: {cluster: o1}, typed_per_filter_config: {${NAME}: {"@type": ${PER_ROUTE}, ${config}}}}`;

  it('only on routes that switch it on, where it is off', async (t) => {
    const off = stats('stats_for_all_methods: true', ', disabled: true');
    const other = '\n- {match: {prefix: /}, route: {cluster: o1}}';
    const of = await lane(t, off, onRoute('config: {}') + other);
    await ask(of, good);
    assert.equal(figures(of)['s.S.M.total'], 1);
    of.peer.send(f.headers(3, f.request('POST', '/s.S/N', GRPC)));
    await of.peer.over(3);
    assert.equal(figures(of)['s.S.N.total'], undefined);
  });

  it('not on routes that switch it off', async (t) => {
    const of = await lane(t, stats(), onRoute('disabled: true'));
    await ask(of, good);
    assert.deepEqual(figures(of), {});
  });
});

describe('figures', () => {
  it('times of the upstream where they are wanted', async (t) => {
    const of = await lane(t, stats('stats_for_all_methods: true, enable_upstream_stats: true'));
    await ask(of, good);
    const times = used(of).filter(({ kind }) => kind === 'histogram');
    assert.deepEqual(
      times.map(({ name, value }) => [name, (value as Histogram).count]),
      [['cluster.o1.grpc.s.S.M.upstream_rq_time', 1]],
    );
  });

  it('methods beyond the bound are counted together', async (t) => {
    const of = await lane(t);
    of.origin.onRequest = (peer, id) => peer.send(...good(id));
    const ids = Array.from({ length: MOST_GRPC_METHODS + 20 }, (_, i) => 2 * i + 1);
    for (const id of ids) {
      of.peer.send(f.headers(id, f.request('POST', `/s.S/M${id}`, GRPC)));
      await of.peer.over(id);
    }
    const shown = figures(of);
    const own = Object.keys(shown).filter((name) => name.endsWith('.total'));
    assert.deepEqual([own.length, shown['total']], [MOST_GRPC_METHODS, 20]);
  });

  it('a cluster that went and came again is counted anew', async (t) => {
    const of = await lane(t);
    await ask(of, good);
    of.proxy.stats.removeCluster('o1');
    assert.deepEqual(figures(of), {});
    of.peer.send(f.headers(3, f.request('POST', '/s.S/M', GRPC)));
    await of.peer.over(3);
    assert.equal(figures(of)['s.S.M.total'], 1);
  });
});
