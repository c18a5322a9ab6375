// gRPC's interop cases with grpc-js on both ends and two sidecars between, each a process, mutual TLS from the one
// to the other: once as they are, once with the caller's sidecar replaced before every case, under one channel.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { meshMember, type MeshPair, runMeshPair, shopStat } from '../../mesh/mesh-pair.ts';
import { INTEROP_CASES } from './grpc-interop-cases.ts';
import { type InteropClients, type InteropOrigin, interopClients, runInteropOrigin } from './grpc-interop-service.ts';

interface Interop {
  readonly pair: MeshPair;
  readonly origin: InteropOrigin;
  readonly clients: InteropClients;
}

async function runInterop(t: TestContext): Promise<Interop> {
  const origin = await runInteropOrigin(t);
  const pair = await runMeshPair(t, origin.port, { shop: 'protocol: grpc, mtls: STRICT, allow: [web]' });
  return { pair, origin, clients: interopClients(t, pair.web.outbound, 'shop') };
}

test('interop cases through two sidecars', { timeout: 120_000 }, async (t) => {
  const { pair, origin, clients } = await runInterop(t);
  for (const [name, run] of Object.entries(INTEROP_CASES)) await t.test(name, () => run(clients, origin));
  assert.equal(await shopStat(pair, 'upstream_cx_http2_total'), 1);
  assert.match(await pair.shop.pages.get('/stats'), /^listener\..*\.ssl\.handshake: 1$/m);
});

test('interop cases, the sidecar of the caller replaced before each', { timeout: 300_000 }, async (t) => {
  const { pair, origin, clients } = await runInterop(t);
  let { web } = pair;
  for (const [name, run] of Object.entries(INTEROP_CASES))
    await t.test(name, async () => {
      assert.equal(await web.end(), 0);
      web = await meshMember(t, pair.discovery, { ...web.plan });
      await run(clients, origin);
    });
  assert.equal(await shopStat({ web }, 'upstream_cx_http2_total'), 1);
});
