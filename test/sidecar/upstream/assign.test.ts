// A new assignment: who stays is the same host, who left takes nothing new, and everyone named is chosen.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Cluster as ClusterDescription } from '../../../sidecar/model/cluster.ts';
import type { ClusterLoadAssignment, Endpoint } from '../../../sidecar/model/endpoint.ts';
import type { Cluster } from '../../../sidecar/upstream/cluster.ts';
import type { Host } from '../../../sidecar/upstream/host.ts';
import { bootstrapText, startProxy, type TestProxy } from '../../mesh/proxy.ts';

let proxy: TestProxy;
let cluster: Cluster;

before(async () => {
  proxy = await startProxy(bootstrapText({ origins: { o1: 9 } }));
  cluster = proxy.runtime.clusters.get('o1') as Cluster;
});

after(() => proxy.close());

function assignment(...zones: readonly (readonly Endpoint[])[]): ClusterLoadAssignment {
  const { discovery } = cluster.description as ClusterDescription & {
    discovery: { readonly assignment: ClusterLoadAssignment };
  };
  const [locality] = discovery.assignment.localities;
  assert.ok(locality);
  return {
    ...discovery.assignment,
    localities: zones.map((endpoints, i) => ({ ...locality, zone: `z${i}`, priority: i, endpoints })),
  };
}

function endpoint(port: number, more: Partial<Endpoint> = {}): Endpoint {
  return { host: '127.0.0.1', port, hostname: '', weight: 1, health: 'healthy', metadata: {}, ...more };
}

function chosen(picks = 200): Set<Host> {
  return new Set(Array.from({ length: picks }, () => cluster.choose(null, 1)).filter((host) => host !== null));
}

test('those that stay are the same hosts, with what is new of them', () => {
  cluster.assign(assignment([endpoint(1), endpoint(2)]));
  const [one, two] = [...cluster.hosts.values()] as [Host, Host];
  cluster.assign(assignment([endpoint(2, { weight: 7 }), endpoint(3)]));
  assert.equal(cluster.hosts.get('127.0.0.1:2'), two);
  assert.deepEqual([two.weight, one.removed, two.removed], [7, true, false]);
  assert.deepEqual(chosen(), new Set(cluster.hosts.values()));
});

test('an address that stands twice is one host, and it is that host which is chosen', () => {
  cluster.assign(assignment([endpoint(20)], [endpoint(21), endpoint(20)]));
  assert.equal(cluster.hosts.size, 2);
  assert.deepEqual(chosen(), new Set([cluster.hosts.get('127.0.0.1:20')]));
  assert.equal(cluster.hosts.get('127.0.0.1:20')?.priority, 1);
});

test('a priority that has nobody is no obstacle, and nobody at all is nobody', () => {
  cluster.assign(assignment([], [endpoint(30)]));
  assert.deepEqual(chosen(), new Set([cluster.hosts.get('127.0.0.1:30')]));
  cluster.assign(assignment());
  assert.equal(chosen().size, 0);
});
