// The judge: what is taken, what stays, what is told; and the disk that it starts from.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { JsonObject } from '@bufbuild/protobuf';
import type { ResourceType } from '../../../proto/resources.ts';
import { CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET } from '../../../proto/resources.ts';
import type { Cluster } from '../../../sidecar/model/cluster.ts';
import { isClusterReady, isListenerReady, missing } from '../../../sidecar/model/references.ts';
import { EMPTY_SNAPSHOT } from '../../../sidecar/model/snapshot.ts';
import { openLastGood } from '../../../sidecar/xds/last-good.ts';
import { HOLD_MS, SAVE_AFTER_MS, Saving } from '../../../sidecar/save-last-good.ts';
import { isWhole } from '../../../sidecar/model/whole.ts';
import { Resources } from '../../../sidecar/xds/resources.ts';
import type { ResourceUpdate } from '../../../sidecar/xds/source.ts';
import { manualClock } from '../../manual-clock.ts';
import { makeLeaf, makeRoot, type Pair } from '../../mesh/pki.ts';
import { tempDir } from '../../temp-dir.ts';
import {
  accept,
  assignmentJson,
  bytesOf,
  clusterJson,
  edsClusterJson,
  listenerJson,
  managerJson,
  routesJson,
  routeTo,
} from './messages.ts';

function newResources(fixed = EMPTY_SNAPSHOT, clock = manualClock()): Resources {
  return new Resources({
    fixed,
    allowUnsupported: false,
    clock,
    wildcard: { listeners: true, clusters: true },
    ownSecrets: new Set(['default']),
    warn: () => undefined,
  });
}

function update(type: ResourceType, list: readonly JsonObject[], version = '1'): ResourceUpdate {
  const changed = list.map((json) => ({
    name: String(json['name'] ?? json['cluster_name']),
    version,
    bytes: bytesOf(type, json),
  }));
  return { type, changed, removed: [], complete: type.fullState };
}

test('S13: a certificate that has ended is refused by name, and the one before stays in use', async () => {
  const hour = 3_600_000;
  const authority = await makeRoot('mesh');
  // Tests begin their clock some time ago.
  const clock = manualClock(Date.now());
  const resources = newResources(EMPTY_SNAPSHOT, clock);
  const secret = ({ cert, key }: Pair): JsonObject => ({
    name: 'gateway',
    tls_certificate: { certificate_chain: { inline_string: cert }, private_key: { inline_string: key } },
  });
  const good = await makeLeaf(authority, { dns: ['a.test'], to: 2 });
  assert.deepEqual(resources.judge(update(SECRET, [secret(good)])), []);
  const before = resources.snapshot.value.secrets.get('gateway');
  const ended = await makeLeaf(authority, { dns: ['a.test'], from: -3, to: -1 });
  const [refusal, ...others] = resources.judge(update(SECRET, [secret(ended)], '2'));
  assert.deepEqual([refusal?.name, refusal?.field, others], ['gateway', 'tls_certificate.certificate_chain', []]);
  assert.match(refusal?.reason ?? '', /has expired/);
  assert.equal(resources.snapshot.value.secrets.get('gateway'), before);
  assert.deepEqual(
    resources.refused.map(({ name }) => name),
    ['gateway'],
  );
  // What was taken stays what it was when its own time is over: the next one replaces it.
  clock.advance(3 * hour);
  assert.deepEqual(resources.judge(update(SECRET, [secret(good)], '3')), []);
});

test('byte-equal resources keep their object, and the snapshot with them', () => {
  const resources = newResources();
  resources.judge(update(CLUSTER, [clusterJson('a'), clusterJson('b')]));
  const before = resources.snapshot.value;
  assert.deepEqual(resources.judge(update(CLUSTER, [clusterJson('b'), clusterJson('a')], '2')), []);
  assert.equal(resources.snapshot.value, before);
  resources.judge(update(CLUSTER, [clusterJson('a'), clusterJson('b', { connect_timeout: '1s' })]));
  assert.equal(resources.snapshot.value.clusters.get('a'), before.clusters.get('a'));
  assert.notEqual(resources.snapshot.value.clusters.get('b'), before.clusters.get('b'));
});

test('a refused change leaves the old one in force; leaving it out removes it', () => {
  const resources = newResources();
  resources.judge(update(CLUSTER, [clusterJson('a')]));
  const before = resources.snapshot.value.clusters.get('a');
  const refusals = resources.judge(update(CLUSTER, [clusterJson('a', { connect_timeout: '0s' })], '2'));
  assert.deepEqual(refusals, [{ name: 'a', field: 'connect_timeout', reason: 'must be greater than 0s' }]);
  assert.equal(resources.snapshot.value.clusters.get('a'), before);
  assert.equal(resources.held[0]?.version, '1');
  assert.equal(resources.refused[0]?.version, '2');
  resources.judge(update(CLUSTER, [], '3'));
  assert.equal(resources.snapshot.value.clusters.size, 0);
  assert.deepEqual(resources.refused, []);
});

test('static resources can be neither replaced nor removed', () => {
  const fixed = { ...EMPTY_SNAPSHOT, clusters: new Map([['a', accept<Cluster>(CLUSTER, clusterJson('a'))]]) };
  const resources = newResources(fixed);
  assert.equal(resources.judge(update(CLUSTER, [clusterJson('a'), clusterJson('b')])).length, 1);
  resources.judge(update(CLUSTER, []));
  assert.deepEqual([...resources.snapshot.value.clusters.keys()], ['a']);
});

test('names are wanted as long as they are mentioned', () => {
  const resources = newResources();
  const wanted = (type: ResourceType) => [...(resources.wanted.value.get(type) ?? [])];
  assert.equal(resources.wanted.value.get(CLUSTER), null);
  resources.judge(update(CLUSTER, [edsClusterJson('a')]));
  resources.judge(
    update(LISTENER, [
      listenerJson('l', 1, managerJson({ rds: { config_source: { ads: {} }, route_config_name: 'r' } })),
    ]),
  );
  assert.deepEqual([wanted(ENDPOINT), wanted(ROUTE), wanted(SECRET)], [['a'], ['r'], []]);
  const { value } = resources.snapshot;
  const [cluster, listener] = [value.clusters.get('a'), value.listeners.get('l')];
  assert.ok(cluster && listener);
  assert.equal(isClusterReady(cluster, value) || isListenerReady(listener, value), false);
  assert.deepEqual([...missing(value).endpoints, ...missing(value).routes], ['a', 'r']);
  resources.judge(update(ENDPOINT, [assignmentJson('a', [])]));
  resources.judge(update(ROUTE, [routesJson('r', [routeTo('a')])]));
  const full = resources.snapshot.value;
  assert.equal(isClusterReady(cluster, full) && isListenerReady(listener, full), true);
  resources.judge(update(LISTENER, []));
  assert.equal(resources.snapshot.value.routes.size, 0, 'routes that nothing mentions go');
  assert.deepEqual(wanted(ROUTE), []);
});

test('two listeners cannot have one address', () => {
  const resources = newResources();
  resources.judge(update(CLUSTER, [clusterJson('a')]));
  const refusals = resources.judge(
    update(LISTENER, [listenerJson('x', 80), listenerJson('y', 80), listenerJson('z', 0), listenerJson('w', 0)]),
  );
  assert.deepEqual(refusals, [
    { name: 'y', field: 'address', reason: '127.0.0.1:80 is the address of listener "x" already' },
  ]);
});

test('an inline route to a cluster that is not there is refused', () => {
  const resources = newResources();
  assert.match(resources.judge(update(LISTENER, [listenerJson('x', 80)]))[0]?.reason ?? '', /unknown cluster "a"/);
});

const KEY_SECRET: JsonObject = { name: 'key', generic_secret: { secret: { inline_string: 'hush' } } };

test('what is in force goes to disk and comes back, keys excepted', async (t) => {
  const dir = path.join(tempDir(t), 'state');
  const reports: string[] = [];
  const disk = openLastGood(dir, (message) => reports.push(message));
  assert.deepEqual(disk.load(), []);
  const resources = newResources();
  resources.judge(update(CLUSTER, [edsClusterJson('a'), clusterJson('b')]));
  resources.judge(update(ENDPOINT, [assignmentJson('a', [['127.0.0.1', 1]])]));
  await disk.save([...resources.updates, update(SECRET, [KEY_SECRET])]);
  const file = path.join(dir, 'last-good.json');
  assert.equal(fs.statSync(file).mode & 0o777, 0o600);
  assert.ok(!fs.readFileSync(file, 'utf8').includes(Buffer.from('hush').toString('base64').slice(0, 5)));

  const again = newResources();
  for (const one of openLastGood(dir, (message) => reports.push(message)).load())
    assert.deepEqual(again.judge(one), []);
  assert.deepEqual(again.snapshot.value, resources.snapshot.value);
  assert.deepEqual(reports, []);
});

test('a broken file is reported and passed over; saves in a row leave the last', async (t) => {
  const dir = tempDir(t);
  const reports: string[] = [];
  const disk = openLastGood(dir, (message) => reports.push(message));
  await Promise.all([1, 2, 3].map((n) => disk.save([update(CLUSTER, [clusterJson(`c${n}`)])])));
  assert.equal(disk.load().find(({ type }) => type === CLUSTER)?.changed[0]?.name, 'c3');
  const file = path.join(dir, 'last-good.json');
  const text = fs.readFileSync(file, 'utf8');
  fs.writeFileSync(file, text.slice(0, -20));
  assert.deepEqual(disk.load(), []);
  fs.writeFileSync(file, text.replace('c3', 'c4'));
  assert.deepEqual(disk.load(), []);
  assert.equal(reports.length, 2);
  assert.match(reports[1] ?? '', /digest/);
});

const RDS = managerJson({ rds: { config_source: { ads: {} }, route_config_name: 'r' } });

test('only a whole state replaces the one on disk, unless it stays as it is', async (t) => {
  const disk = openLastGood(tempDir(t), (message) => assert.fail(message));
  let last = Promise.resolve();
  const save: typeof disk.save = (updates) => (last = disk.save(updates));
  const [clock, resources] = [manualClock(), newResources()];
  const saving = new Saving({ load: disk.load, save }, resources, clock);
  resources.snapshot.subscribe(() => saving.soon());
  const names = () => disk.load().flatMap(({ changed }) => changed.map(({ name }) => name));
  const written = async (ms: number) => {
    clock.advance(ms);
    await last;
    return names();
  };
  resources.judge(update(CLUSTER, [clusterJson('a')]));
  resources.judge(update(LISTENER, [listenerJson('main', 80, RDS)]));
  assert.deepEqual(await written(SAVE_AFTER_MS), [], 'routes are missing');
  resources.judge(update(ROUTE, [routesJson('r', [routeTo('a')])]));
  assert.deepEqual(await written(SAVE_AFTER_MS), ['a', 'main', 'r']);
  // The cluster goes before its route.
  resources.judge(update(CLUSTER, [clusterJson('b')]));
  assert.deepEqual(await written(SAVE_AFTER_MS), ['a', 'main', 'r']);
  resources.judge(update(ROUTE, [routesJson('r', [routeTo('b')])]));
  assert.deepEqual(await written(SAVE_AFTER_MS), ['b', 'main', 'r']);
  assert.equal(clock.pending, 0);
  // A route that leads nowhere, and is meant so.
  resources.judge(update(ROUTE, [routesJson('r', [routeTo('nowhere')])]));
  resources.judge(update(CLUSTER, [clusterJson('c')]));
  assert.deepEqual(await written(HOLD_MS), ['b', 'main', 'r']);
  assert.deepEqual(await written(2 * SAVE_AFTER_MS), ['c', 'main', 'r']);
  resources.judge(update(CLUSTER, [clusterJson('d')]));
  assert.deepEqual(await written(SAVE_AFTER_MS), ['d', 'main', 'r']);
});

const HALF = (name: string) => ({ name, weight: 1 });
const WEIGHTED: JsonObject = {
  match: { prefix: '/' },
  route: { weighted_clusters: { clusters: [HALF('a'), HALF('x')] } },
};

for (const [what, route] of [
  ['weighted', WEIGHTED],
  ['mirrored', routeTo('a', { request_mirror_policies: [{ cluster: 'x' }] })],
] as const) {
  test(`a state is not whole without a cluster that is ${what}`, () => {
    const resources = newResources();
    resources.judge(update(CLUSTER, [clusterJson('a')]));
    resources.judge(update(LISTENER, [listenerJson('main', 80, RDS)]));
    resources.judge(update(ROUTE, [routesJson('r', [route])]));
    assert.equal(isWhole(resources.snapshot.value), false);
    resources.judge(update(CLUSTER, [clusterJson('a'), clusterJson('x')]));
    assert.equal(isWhole(resources.snapshot.value), true);
  });
}
