// Certificates that a discovery sends: what cannot be used is refused by name, what was in use stays, and both are
// counted (robustness.md 2.5, S13). A sidecar as a process, and a discovery that says what the test says.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from 'node:tls';
import type { JsonObject } from '@bufbuild/protobuf';
import { CLUSTER, ENDPOINT, LISTENER, SECRET } from '../../../proto/resources.ts';
import { freePorts } from '../../../examples/tea-shop/free-ports.ts';
import { eventually } from '../../mesh/discovery.ts';
import { makeLeaf, makeRoot, type Pair } from '../../mesh/pki.ts';
import { ScriptedDiscovery } from '../../scenarios/faults/scripted-discovery.ts';
import { adsBootstrap } from '../../scenarios/faults/sidecar-here.ts';
import { runSidecar } from '../../sidecar/concurrency/process.ts';
import { startAdsServer } from '../../sidecar/xds/ads-server.ts';
import { assignmentJson, edsClusterJson, listenerJson, managerJson, TYPE } from '../../sidecar/xds/messages.ts';

function secret({ cert, key }: Pair): JsonObject {
  const tls_certificate = { certificate_chain: { inline_string: cert }, private_key: { inline_string: key } };
  return { name: 'web', tls_certificate };
}

function tlsListener(port: number): JsonObject {
  const json = listenerJson('main', port, managerJson());
  const [chain] = json['filter_chains'] as JsonObject[];
  const common_tls_context = { tls_certificate_sds_secret_configs: [{ name: 'web', sds_config: { ads: {} } }] };
  const type = `${TYPE}envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext`;
  const transport_socket = { name: 'tls', typed_config: { '@type': type, common_tls_context } };
  return { ...json, filter_chains: [{ ...chain, transport_socket }] };
}

/** The serial number of the certificate that a new connection is shown. */
function shownBy(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate()?.serialNumber ?? '');
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

test('S13: a bad certificate by SDS is refused, and the one before stays', async (t) => {
  const root = await makeRoot('mesh');
  const good = await makeLeaf(root, { dns: ['a.test'] });
  const server = await startAdsServer();
  t.after(() => server.close());
  const [port] = (await freePorts(1)) as [number];
  const starting = runSidecar(t, adsBootstrap(server.port));
  const discovery = await ScriptedDiscovery.client(server);
  await discovery.send(CLUSTER, edsClusterJson('a'));
  await discovery.send(ENDPOINT, assignmentJson('a', [['127.0.0.1', 1]]));
  await discovery.send(LISTENER, tlsListener(port));
  assert.equal((await discovery.send(SECRET, secret(good))).errorDetail, undefined);
  const sidecar = await starting;
  const before = await eventually(() => shownBy(port));

  const other = await makeLeaf(root, { dns: ['a.test'] });
  const bad: Readonly<Record<string, [Pair, RegExp]>> = {
    'one that has ended': [await makeLeaf(root, { dns: ['a.test'], from: -3, to: -1 }), /has expired/],
    'one with the key of another': [{ cert: good.cert, key: other.key }, /does not belong to the certificate/],
    none: [{ cert: '', key: good.key }, /certificate_chain/],
    'one with a chain of ten megabytes': [{ cert: good.cert.repeat(10_000), key: good.key }, /larger than/],
  };
  for (const [name, [pair, reason]] of Object.entries(bad)) {
    await t.test(name, async () => {
      const { errorDetail } = await discovery.send(SECRET, secret(pair));
      assert.match(errorDetail?.message ?? '', /web/);
      assert.match(errorDetail?.message ?? '', reason);
      assert.equal(await shownBy(port), before);
    });
  }
  assert.equal(await sidecar.pages.stat('sds.update_rejected'), Object.keys(bad).length);
  assert.equal((await discovery.send(SECRET, secret(other))).errorDetail, undefined);
  await eventually(async () => assert.notEqual(await shownBy(port), before));
});
