// gRPC through the sidecar, grpc-js on both ends where both are good, frames where one is not (rows G).

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it, type TestContext } from 'node:test';
import { Client, type ClientDuplexStream, credentials, Metadata, status } from '@grpc/grpc-js';
import { eventually } from '../../mesh/discovery.ts';
import { startOrigin } from '../../mesh/origin.ts';
import { type BootstrapPieces, bootstrapText } from '../../mesh/proxy.ts';
import { figure } from './figures.ts';
import * as f from './frames.ts';
import { echo, SAY, type Say, same, say, startEcho, TALK, through, throughProxy } from './grpc-calls.ts';
import { HTTP2_UPSTREAM, http2Upstream } from './lanes.ts';
import { clusterOf } from './pair.ts';
import type { Heard } from './peer.ts';
import { story } from './story.ts';

const ROUTE = '{match: {prefix: /}, route: {cluster: o1';
const silent: Say = () => {};

describe('calls', () => {
  it('unary, with metadata both ways', async (t) => {
    const port = await startEcho(t, (call, done) => {
      const trailers = new Metadata();
      trailers.set('x-trailer', String(call.metadata.get('x-mine')));
      trailers.set('some-bin', Buffer.from([0, 255, 1]));
      done(null, call.request, trailers);
    });
    const metadata = new Metadata();
    metadata.set('x-mine', 'yes');
    const said = await say(await through(t, port), Buffer.from('hello'), metadata);
    assert.deepEqual([said.code, String(said.body)], [0, 'hello']);
    assert.deepEqual(said.trailers.get('x-trailer'), ['yes']);
    assert.deepEqual(said.trailers.get('some-bin'), [Buffer.from([0, 255, 1])]);
  });

  it('a message of 5 MiB', async (t) => {
    const body = Buffer.alloc(5 * 1024 * 1024, 7);
    const said = await say(await through(t, await startEcho(t)), body);
    assert.ok(said.body?.equals(body), said.text);
  });

  it('both sides in turns, a thousand times, then the end of each', async (t) => {
    const { client } = await through(t, await startEcho(t));
    const call: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest(TALK, same, same);
    const over = once(call, 'status') as Promise<[{ code: number }]>;
    for (let i = 0; i < 1000; i++) {
      call.write(Buffer.from(`${i}`));
      const [piece] = (await once(call, 'data')) as [Buffer];
      assert.equal(piece.toString(), `${i}`);
    }
    call.end();
    assert.equal((await over)[0].code, status.OK);
  });

  it('G11 a side that stops reading stops the other', async (t) => {
    let taken = 0;
    let resume = () => {};
    const port = await startEcho(t, echo, (call) => {
      call.pause();
      call.on('data', () => taken++);
      call.on('end', () => call.end());
      resume = () => call.resume();
    });
    const { client, proxy } = await through(t, port);
    const call: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest(TALK, same, same);
    call.on('data', () => {});
    const piece = Buffer.alloc(64 * 1024);
    const COUNT = 200;
    let written = 0;
    const over = once(call, 'status');
    for (let i = 0; i < COUNT; i++) call.write(piece, () => written++);
    call.end();
    await eventually(async () =>
      assert.ok((await figure(proxy, 'cluster.o1.upstream_flow_control_backed_up_total')) > 0, 'the request waits'),
    );
    assert.ok(written < COUNT / 2, `${written} of ${COUNT} pieces`);
    resume();
    await over;
    assert.equal(taken, COUNT);
  });

  it('G07 a call that is cancelled is cancelled upstream', async (t) => {
    const cancelled = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const port = await startEcho(t, echo, (call) => {
      call.on('cancelled', () => cancelled.resolve());
      call.on('data', () => begun.resolve());
    });
    const { client, proxy } = await through(t, port);
    const call = client.makeBidiStreamRequest(TALK, same, same);
    call.on('error', () => {});
    call.on('data', () => {});
    call.write(Buffer.from('x'));
    await begun.promise;
    call.cancel();
    await cancelled.promise;
    await eventually(async () => assert.equal(await figure(proxy, 'cluster.o1.upstream_rq_active'), 0));
  });

  it('an error of the service, with a text that needs encoding', async (t) => {
    const text = '100% sure: käse \n';
    const said = await say(
      await through(t, await startEcho(t, (_, done) => done({ code: status.DATA_LOSS, details: text }))),
    );
    assert.deepEqual([said.code, said.text], [status.DATA_LOSS, text]);
  });
});

describe('G01 what we answer ourselves', () => {
  const DENIED = '{permissions: [{any: true}], principals: [{any: true}]}';
  const RBAC = `{name: rbac, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC, rules: {action: DENY, policies: {all: ${DENIED}}}}}`;
  const rows: readonly (readonly [string, number, RegExp, Partial<BootstrapPieces>])[] = [
    [
      'a timeout of the route',
      status.UNAVAILABLE,
      /^upstream request timeout$/,
      { routes: `- ${ROUTE}, timeout: 0.1s}}` },
    ],
    ['no route', status.UNIMPLEMENTED, /^$/, { routes: '- {match: {path: /other}, route: {cluster: o1}}' }],
    [
      'no such cluster',
      status.UNAVAILABLE,
      /^$/,
      { routes: '- {match: {prefix: /}, route: {cluster_header: x-none}}' },
    ],
    [
      'a direct answer',
      status.UNAUTHENTICATED,
      /^who, 100% müde$/,
      { routes: '- {match: {prefix: /}, direct_response: {status: 401, body: {inline_string: "who, 100% müde"}}}' },
    ],
    [
      'more requests than the circuit breaker lets through',
      status.UNAVAILABLE,
      /overflow$/,
      {
        cluster: {
          o1: http2Upstream('{}', 'connect_timeout: 1s\ncircuit_breakers: {thresholds: [{max_requests: 0}]}'),
        },
      },
    ],
  ];
  for (const [name, code, text, pieces] of rows)
    it(name, async (t) => {
      const said = await say(await through(t, await startEcho(t, silent), pieces));
      assert.equal(said.code, code, said.text);
      assert.match(said.text, text);
    });

  it('a refusal by policy', async (t) => {
    const pieces = { origins: { o1: await startEcho(t) }, cluster: { o1: HTTP2_UPSTREAM } };
    const text = bootstrapText(pieces).replace('http_filters: [', `http_filters: [${RBAC}, `);
    const said = await say(await throughProxy(t, text));
    assert.deepEqual([said.code, said.text], [status.PERMISSION_DENIED, 'RBAC: access denied']);
  });

  it('an upstream that cannot be reached', async (t) => {
    const said = await say(await through(t, 1));
    assert.equal(said.code, status.UNAVAILABLE);
    assert.match(said.text, /reset reason: remote connection failure/);
  });

  it('in form: one field block, status 200, no body', async (t) => {
    const s = await story(t, {
      routes: '- {match: {prefix: /}, direct_response: {status: 503, body: {inline_string: "a%\\né"}}}',
    });
    const peer = await s.connected();
    peer.send(f.headers(1, f.request('POST', SAY, ['content-type', 'application/grpc']), false));
    const heard = await peer.over(1);
    assert.deepEqual([heard.heads.length, heard.status, heard.length, heard.ended], [1, 200, 0, true]);
    assert.equal(heard.field('grpc-status'), '14');
    assert.equal(heard.field('content-type'), 'application/grpc');
    assert.equal(heard.field('grpc-message'), 'a%25%0A%C3%A9');
  });
});

describe('answers that are not gRPC', () => {
  const GRPC = [['content-type', 'application/grpc']] as const;
  const MESSAGE = Buffer.from([0, 0, 0, 0, 1, 7]);
  const calls = async (t: TestContext, answer: (id: number) => readonly Buffer[]) => {
    const s = await story(t);
    s.origin.onRequest = (peer, id) => peer.send(...answer(id));
    const client = new Client(`127.0.0.1:${s.proxy.port()}`, credentials.createInsecure(), {
      'grpc.enable_retries': 0,
    });
    t.after(() => client.close());
    return say({ proxy: s.proxy, client });
  };

  it('G02 404 text/plain passes: the client knows what it means', async (t) => {
    const said = await calls(t, (id) => [
      f.headers(id, f.response(404, ['content-type', 'text/plain']), false),
      f.data(id, '404 page'),
    ]);
    assert.equal(said.code, status.UNIMPLEMENTED);
  });

  it('503 too', async (t) => {
    const said = await calls(t, (id) => [f.headers(id, f.response(503))]);
    assert.equal(said.code, status.UNAVAILABLE);
  });

  it('G03 an end without grpc-status stays one', async (t) => {
    const answer = (id: number) => [f.headers(id, f.response(200, ...GRPC), false), f.data(id, MESSAGE)];
    // The client makes an error of it.
    assert.notEqual((await calls(t, answer)).code, status.OK);
    const s = await story(t);
    s.origin.onRequest = (peer, id) => peer.send(...answer(id));
    const peer = await s.connected();
    peer.send(f.headers(1, f.request('POST', SAY, ...GRPC)));
    const heard = await peer.over(1);
    assert.deepEqual([heard.heads.length, heard.field('grpc-status'), heard.ended], [1, null, true]);
  });

  it('an answer that breaks off is no success', async (t) => {
    const said = await calls(t, (id) => [
      f.headers(id, f.response(200, ...GRPC), false),
      f.data(id, MESSAGE, false),
      f.rst(id, f.ERROR.INTERNAL),
    ]);
    assert.notEqual(said.code, status.OK);
  });

  it('trailers only', async (t) => {
    const said = await calls(t, (id) => [
      f.headers(id, f.response(200, ...GRPC, ['grpc-status', '9'], ['grpc-message', 'no%20way'])),
    ]);
    assert.deepEqual([said.code, said.text], [status.FAILED_PRECONDITION, 'no way']);
  });
});

describe('heads', () => {
  const asked = async (
    t: TestContext,
    fields: f.Fields,
    routes = `- ${ROUTE}}}`,
  ): Promise<{ seen: Heard | undefined; heard: Heard }> => {
    const s = await story(t, { routes });
    let seen: Heard | undefined;
    s.origin.onRequest = (peer, id, heard) => {
      seen = heard;
      if (heard.field('x-answer') !== 'none') peer.send(f.headers(id, f.response(200, ['grpc-status', '0'])));
    };
    const peer = await s.connected();
    peer.send(
      f.headers(1, f.request('POST', SAY, ['content-type', 'application/grpc'], ...fields), false),
      f.data(1, 'x'),
    );
    const heard = await peer.over(1);
    return { seen, heard };
  };
  const LIMITED = `- ${ROUTE}, timeout: 0s, max_stream_duration: {grpc_timeout_header_max: 0.2s}}}`;

  it('G09 te: trailers goes on', async (t) => {
    const { seen } = await asked(t, [['te', 'trailers']]);
    assert.equal(seen?.field('te'), 'trailers');
  });

  it('G09 where it is missing it is said for the caller, of gRPC alone', async (t) => {
    assert.equal((await asked(t, [])).seen?.field('te'), 'trailers');
    const s = await story(t);
    const peer = await s.connected();
    peer.send(f.headers(1, f.request('POST', SAY, ['content-type', 'text/plain'])));
    assert.equal((await peer.over(1)).text, 'ok');
    assert.equal(s.origin.peers[0]?.stream(1).field('te'), null);
  });

  it('G10 metadata cannot say again where a call goes', async (t) => {
    const s = await story(t);
    const peer = await s.connected();
    const grpc = ['content-type', 'application/grpc'] as const;
    peer.send(f.headers(1, f.request('POST', SAY, grpc, [':path', '/test.Other/Say'])));
    assert.equal((await peer.over(1)).reset, f.ERROR.PROTOCOL);
    assert.equal(s.origin.peers.length, 0);
  });

  it('G10 metadata goes on as it came, text that is no base64 too', async (t) => {
    const { seen } = await asked(t, [
      ['x-bin', '!!'],
      ['grpc-encoding', 'identity'],
      ['grpc-accept-encoding', 'gzip'],
    ]);
    assert.deepEqual(
      ['x-bin', 'grpc-encoding', 'grpc-accept-encoding'].map((name) => seen?.field(name)),
      ['!!', 'identity', 'gzip'],
    );
  });

  it('G10 a thousand entries are refused', async (t) => {
    const { seen, heard } = await asked(
      t,
      Array.from({ length: 1000 }, (_, i) => [`x-${i}`, '1'] as const),
    );
    assert.deepEqual([seen, heard.status], [undefined, 431]);
  });

  for (const timeout of ['50m', '99999999H', '1S'])
    it(`G06 grpc-timeout ${timeout} ends the call, at the longest that the route allows`, async (t) => {
      const { seen, heard } = await asked(
        t,
        [
          ['grpc-timeout', timeout],
          ['x-answer', 'none'],
        ],
        LIMITED,
      );
      assert.ok(seen !== undefined);
      assert.deepEqual([heard.status, heard.field('grpc-status')], [200, '4']);
      assert.equal(seen.reset, f.ERROR.CANCEL);
    });

  it('G06 grpc-timeout 99999999H where there is no longest: the call has its time', async (t) => {
    const unlimited = `- ${ROUTE}, timeout: 0s, max_stream_duration: {grpc_timeout_header_max: 0s}}}`;
    const { seen, heard } = await asked(t, [['grpc-timeout', '99999999H']], unlimited);
    assert.equal(seen?.field('grpc-timeout'), '99999999H');
    assert.equal(heard.field('grpc-status'), '0');
  });

  it('G06 without grpc-timeout the route says how long it may last', async (t) => {
    const limited = `- ${ROUTE}, timeout: 0s, max_stream_duration: {max_stream_duration: 0.1s, grpc_timeout_header_max: 5s}}}`;
    const { seen, heard } = await asked(t, [['x-answer', 'none']], limited);
    assert.deepEqual([heard.status, heard.field('grpc-status')], [200, '4']);
    assert.equal(seen?.reset, f.ERROR.CANCEL);
  });

  for (const [where, routes] of [
    ['heard', LIMITED],
    ['not heard', `- ${ROUTE}}}`],
  ] as const)
    for (const timeout of ['-1S', '1x', '1', 'S', '', '1.5S', '1 S', '123456789S'])
      it(`G06 grpc-timeout ${JSON.stringify(timeout)} is none: answered here, where it is ${where}`, async (t) => {
        const { seen, heard } = await asked(t, [['grpc-timeout', timeout]], routes);
        assert.equal(seen, undefined);
        assert.deepEqual([heard.heads.length, heard.status, heard.length, heard.ended], [1, 200, 0, true]);
        assert.deepEqual([heard.field('content-type'), heard.field('grpc-status')], ['application/grpc', '3']);
        assert.match(heard.field('grpc-message') ?? '', /^malformed grpc-timeout: /);
      });

  it('G06 the connection lives on', async (t) => {
    const s = await story(t);
    const peer = await s.connected();
    const bad = ['grpc-timeout', '1x'] as const;
    peer.send(f.headers(1, f.request('POST', SAY, ['content-type', 'application/grpc+proto'], bad)));
    assert.equal((await peer.over(1)).field('grpc-status'), '3');
    peer.send(f.headers(3, f.request('POST', SAY, ['content-type', 'application/grpc'])));
    assert.equal((await peer.over(3)).text, 'ok');
    assert.equal(s.origin.peers.length, 1);
  });

  it('G06 in a request that is not gRPC it is a field like any other', async (t) => {
    const s = await story(t, { routes: LIMITED });
    const peer = await s.connected();
    const types = ['text/plain', 'application/grpcish', 'application/json'];
    for (const [i, type] of types.entries())
      peer.send(f.headers(2 * i + 1, f.request('POST', SAY, ['content-type', type], ['grpc-timeout', '1x'])));
    for (const i of types.keys()) assert.equal((await peer.over(2 * i + 1)).text, 'ok');
    const [upstream] = s.origin.peers;
    assert.deepEqual(
      [...(upstream?.streams.values() ?? [])].map((heard) => heard.field('grpc-timeout')),
      ['1x', '1x', '1x'],
    );
  });
});

describe('to an upstream of HTTP/1.1', () => {
  const asked = async (t: TestContext, options: string) => {
    const reply = [
      'HTTP/1.1 200 OK',
      'content-type: application/grpc',
      'transfer-encoding: chunked',
      '',
      '6',
      '\0\0\0\0\x01\x07',
      '0',
      'grpc-status: 0',
      '',
      '',
    ].join('\r\n');
    const origin = await startOrigin(() => reply);
    t.after(() => origin.close());
    return { origin, said: await say(await through(t, origin.port, { cluster: { o1: options } })) };
  };

  it('G08 trailers come through where they are enabled', async (t) => {
    const { origin, said } = await asked(t, clusterOf(1));
    assert.deepEqual([said.code, said.body], [0, Buffer.from([7])]);
    assert.match(origin.seen[0]?.head ?? '', /^POST \/test.Echo\/Say HTTP\/1.1\r\n/);
  });

  it('G08 where they are dropped a call is no success', async (t) => {
    const { said } = await asked(t, 'connect_timeout: 1s');
    assert.notEqual(said.code, status.OK);
  });
});
