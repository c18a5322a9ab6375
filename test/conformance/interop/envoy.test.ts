// A stock Envoy takes everything from our discovery over ADS, rejects nothing, and routes; live changes
// arrive; and with a certificate of the mesh it speaks mutual TLS.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request } from 'undici';
import { bootstrapOf } from '../../../cli/verbs/bootstrap.ts';
import { call } from '../../mesh/call.ts';
import { certificateFor } from '../../mesh/certificates.ts';
import { eventually, runDiscovery, type TestDiscovery } from '../../mesh/discovery.ts';
import { envoyOrSkip, runEnvoy, withTls } from '../../mesh/envoy.ts';
import { type Echo, runEchoOrigin } from '../../mesh/echo-origin.ts';

function bootstrap(discovery: TestDiscovery, flags: Record<string, string | boolean>) {
  return bootstrapOf({
    'xds-address': discovery.xds,
    'admin-port': '0',
    'outbound-port': '0',
    'inbound-port': '0',
    'no-identity': true,
    ...flags,
  });
}

async function origins(address: string, host: string, times: number): Promise<string[]> {
  const names: string[] = [];
  for (let i = 0; i < times; i++) names.push((JSON.parse((await call(address, '/', { host })).body) as Echo).origin);
  return names;
}

const REJECTED = /(update_rejected|update_failure)$/;

test('a stock Envoy takes everything, rejects nothing, and routes', envoyOrSkip(), async (t) => {
  const [one, two] = [await runEchoOrigin(t, 'v1'), await runEchoOrigin(t, 'v2')];
  const mesh = (first: number, second: number) => `
mesh: {mtls: PERMISSIVE, accessLog: stdout}
services:
  web: {port: 80}
  catalog:
    port: 9000
    hosts: [tea.example]
    instances:
      - {address: 127.0.0.1, port: ${one}, version: v1}
      - {address: 127.0.0.1, port: ${two}, version: v2, zone: b, weight: 2}
    allow: [web]
    traffic: {loadBalancing: LEAST_REQUEST, connectTimeout: 2s, idleTimeout: 1m, panicThreshold: 10, limits: {connections: 100, requests: 100}}
routes:
  split:
    parentRefs: [{kind: Service, name: catalog}]
    rules:
      - matches: [{path: {type: RegularExpression, value: '/re/[a-z]+'}, method: GET}, {path: {type: Exact, value: /exact}, headers: [{name: x-user, type: Present}], queryParams: [{name: q, value: '1'}]}]
        filters: [{type: DirectResponse, directResponse: {statusCode: 418, body: teapot}}]
      - matches: [{path: {value: /old}}]
        filters: [{type: RequestRedirect, requestRedirect: {scheme: https, hostname: new.example, path: {type: ReplacePrefixMatch, replacePrefixMatch: /new}, statusCode: 301}}]
      - matches: [{path: {value: /api}}]
        filters:
          - {type: URLRewrite, urlRewrite: {hostname: inner.example, path: {type: ReplacePrefixMatch, replacePrefixMatch: /}}}
          - {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-share, value: '100%'}], remove: [x-gone]}}
          - {type: ResponseHeaderModifier, responseHeaderModifier: {add: [{name: x-added, value: 'yes'}]}}
        backendRefs: [{name: catalog}]
        timeouts: {request: 5s, backendRequest: 1s}
        retry: {attempts: 3, codes: [503], backoff: {base: 10ms, max: 100ms}, budget: {percent: 50}}
      - backendRefs:
          - {name: catalog, version: v1, weight: ${first}}
          - {name: catalog, version: v2, weight: ${second}}
`;
  const discovery = await runDiscovery(t, mesh(1, 0));
  const envoy = await runEnvoy(t, bootstrap(discovery, { service: 'web', 'app-port': String(one) }));
  const outbound = await envoy.listener('outbound');
  assert.deepEqual(await origins(outbound, 'catalog:9000', 3), ['v1', 'v1', 'v1']);
  assert.deepEqual(await origins(outbound, 'tea.example', 1), ['v1']);
  assert.equal((await call(outbound, '/re/abc', { host: 'catalog' })).status, 418);
  assert.equal((await call(outbound, '/exact?q=1', { host: 'catalog', 'x-user': 'a' })).body, 'teapot');
  assert.equal(
    (await call(outbound, '/old/a?b=1', { host: 'catalog.mesh' })).headers['location'],
    'https://new.example/new/a?b=1',
  );
  const api = await call(outbound, '/api/x?y=1', { host: 'catalog.default', 'x-gone': '1' });
  const echo = JSON.parse(api.body) as Echo;
  assert.deepEqual(
    [echo.path, echo.headers.host, echo.headers['x-share'], echo.headers['x-gone'], api.headers['x-added']],
    ['/x?y=1', 'inner.example', '100%', undefined, 'yes'],
  );
  assert.equal((await call(outbound, '/', { host: 'nobody' })).status, 404);
  assert.equal((await call(await envoy.listener('inbound'), '/in')).status, 200);

  discovery.mesh(mesh(0, 1));
  await eventually(async () => assert.deepEqual(await origins(outbound, 'catalog', 1), ['v2']));
  await eventually(async () =>
    assert.ok((await (await request(`http://${discovery.admin}/clients`)).body.text()).includes('"synced"')),
  );
  assert.equal(await envoy.sum(REJECTED), 0, envoy.stderr());
});

test('a stock Envoy as gateway routes by host and path', envoyOrSkip(), async (t) => {
  const port = await runEchoOrigin(t, 'web');
  const discovery = await runDiscovery(
    t,
    `
services:
  web: {port: 80, instances: ['127.0.0.1:${port}']}
  rpc: {port: 81, protocol: grpc}
gateways: {edge: {listeners: [{name: http, port: 8080, hostname: '*.example'}]}}
routes:
  shop: {parentRefs: [{name: edge}], hostnames: [shop.example], rules: [{matches: [{path: {value: /shop}}], backendRefs: [{name: web}]}]}
  rpc: {parentRefs: [{name: edge}], hostnames: [rpc.example], rules: [{backendRefs: [{name: rpc}]}]}
`,
  );
  const envoy = await runEnvoy(t, bootstrap(discovery, { gateway: 'edge', 'gateway-port': '0' }));
  const edge = (await envoy.listener('gateway|edge|http')).replace('0.0.0.0', '127.0.0.1');
  assert.equal((await call(edge, '/shop/1', { host: 'shop.example' })).status, 200);
  assert.equal((await call(edge, '/shopping', { host: 'shop.example' })).status, 404);
  assert.equal((await call(edge, '/shop', { host: 'other.example' })).status, 404);
  assert.equal(await envoy.sum(REJECTED), 0, envoy.stderr());
});

test(
  'an endpoint change reaches Envoy at once, and a cluster swap under load costs no request',
  envoyOrSkip(),
  async (t) => {
    const [one, two] = [await runEchoOrigin(t, 'one'), await runEchoOrigin(t, 'two')];
    const mesh = (target: string) =>
      `
services:
  one: {port: 1, instances: ['127.0.0.1:${one}']}
  two: {port: 2, instances: ['127.0.0.1:${two}']}
  front: {port: 3}
routes: {front: {parentRefs: [{kind: Service, name: front}], rules: [{backendRefs: [{name: ${target}}]}]}}
`.replace(target === 'one' ? /^ {2}two:.*\n/m : /^ {2}one:.*\n/m, '');
    const discovery = await runDiscovery(t, mesh('one'));
    const envoy = await runEnvoy(t, bootstrap(discovery, { service: 'web' }));
    const outbound = await envoy.listener('outbound');
    const statuses = new Map<number, number>();
    let running = true;
    const load = (async () => {
      while (running) {
        const { status } = await call(outbound, '/', { host: 'front' });
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    })();
    for (const target of ['two', 'one', 'two']) {
      discovery.mesh(mesh(target));
      await eventually(async () => assert.deepEqual(await origins(outbound, 'front', 1), [target]));
    }
    running = false;
    await load;
    assert.deepEqual([...statuses.keys()], [200]);
    await eventually(async () => assert.ok(!(await envoy.get('/clusters')).includes('outbound|1||one')));
    assert.equal(await envoy.sum(REJECTED), 0, envoy.stderr());
  },
);

test('with keys over SDS two Envoys speak mutual TLS, and only who may call is let in', envoyOrSkip(), async (t) => {
  const port = await runEchoOrigin(t, 'catalog');
  const mesh = (allowed: string, inbound: string) => `
mesh: {mtls: STRICT, allowKeysOverSds: true}
services:
  web: {port: 80}
  other: {port: 81}
  catalog: {port: 9000, instances: [{address: 127.0.0.1, port: ${inbound}, appPort: ${port}}], allow: [${allowed}]}
`;
  const discovery = await runDiscovery(t, mesh('other', '1'));
  const secured = async (service: string, flags: Record<string, string | boolean>) => {
    const plain = bootstrap(discovery, { service, ...flags, 'xds-address': discovery.secureXds });
    return runEnvoy(t, withTls(plain, await certificateFor(discovery, service)));
  };
  const catalog = await secured('catalog', { 'app-port': String(port) });
  const inbound = await catalog.listener('inbound');
  discovery.mesh(mesh('other', inbound.split(':')[1] as string));
  const web = await secured('web', {});
  const outbound = await web.listener('outbound');
  await eventually(async () => assert.equal((await call(outbound, '/', { host: 'catalog' })).status, 403));
  discovery.mesh(mesh('web', inbound.split(':')[1] as string));
  await eventually(async () => assert.equal((await call(outbound, '/', { host: 'catalog' })).status, 200));
  const echo = JSON.parse((await call(outbound, '/', { host: 'catalog' })).body) as Echo;
  assert.match(String(echo.headers['x-forwarded-client-cert']), /URI=spiffe:\/\/cluster\.local\/ns\/default\/sa\/web/);
  assert.equal(await web.sum(/^cluster\.outbound\|9000\|.*\.upstream_cx_http2_total$/), 1);
  await assert.rejects(call(inbound, '/'));
  assert.equal((await web.sum(REJECTED)) + (await catalog.sum(REJECTED)), 0, web.stderr() + catalog.stderr());
});
