// What an upstream was spoken to in is what log lines and headers say.

import assert from 'node:assert/strict';
import { createServer as createHttp1 } from 'node:http';
import { createServer as createHttp2 } from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import { test, type TestContext } from 'node:test';
import { call } from '../../mesh/call.ts';
import { startProxy } from '../../mesh/proxy.ts';

const HTTP2 = `connect_timeout: 1s
typed_extension_protocol_options:
  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
    "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
    explicit_http_config: {http2_protocol_options: {}}`;
const TOLD = 'response_headers_to_add: [{header: {key: x-spoken, value: "%UPSTREAM_PROTOCOL%"}}]';

async function listening(t: TestContext, server: Server): Promise<number> {
  t.after(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

test('HTTP/1.1 and HTTP/2 are told apart', async (t) => {
  const one = await listening(
    t,
    createHttp1((_, answer) => answer.end('one')),
  );
  const two = await listening(
    t,
    createHttp2((_, answer) => answer.end('two')),
  );
  const proxy = await startProxy({
    origins: { one, two },
    cluster: { two: HTTP2 },
    routes: `- {match: {prefix: /two}, route: {cluster: two}, ${TOLD}}\n- {match: {prefix: /}, route: {cluster: one}, ${TOLD}}`,
  });
  t.after(() => proxy.close());
  const spoken = async (path: string) => {
    const { headers, body } = await call(`127.0.0.1:${proxy.port()}`, path);
    return [headers['x-spoken'], body];
  };
  assert.deepEqual(await spoken('/'), ['HTTP/1.1', 'one']);
  assert.deepEqual(await spoken('/two'), ['HTTP/2', 'two']);
});
