// Where the stream to discovery goes: the endpoints of a static cluster as a target of gRPC.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { targetOf } from '../../../sidecar/xds/ads-channel.ts';
import { snapshotOf } from '../../mesh/proxy.ts';
import { tcpCluster } from '../../mesh/tcp.ts';
import { pipeCluster } from '../../mesh/unix.ts';

function target(cluster: string): string {
  const [only] = snapshotOf(`static_resources: {clusters: [${cluster}]}`).clusters.values();
  assert.ok(only !== undefined);
  return targetOf(only);
}

test('addresses of IP, names and Unix sockets', () => {
  assert.equal(target(tcpCluster('xds', [1, 2])), 'ipv4:127.0.0.1:1,127.0.0.1:2');
  assert.equal(target(tcpCluster('xds', [1]).replace('STATIC', 'STRICT_DNS')), 'dns:127.0.0.1:1');
  assert.equal(target(pipeCluster('xds', '/run/xds.sock')), 'unix:/run/xds.sock');
  assert.equal(target(pipeCluster('xds', 'xds.sock')), 'unix:./xds.sock');
  assert.throws(() => target(pipeCluster('xds', '@xds')), /abstract Unix socket, which gRPC does not dial/);
});
