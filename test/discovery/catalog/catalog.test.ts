import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readConfig } from '../../../core/config-file.ts';
import { Watch } from '../../../core/watch.ts';
import { mergeCatalog, watchCatalog } from '../../../discovery/catalog/catalog.ts';
import { readMesh } from '../../../discovery/catalog/mesh-documents.ts';
import { share } from '../../../discovery/catalog/share.ts';
import type { Catalog, Instance } from '../../../discovery/catalog/types.ts';
import { manualClock } from '../../manual-clock.ts';

function catalogOf(text: string): Catalog {
  return readMesh(readConfig(text, 'm.yaml', {}).documents).part;
}

function instance(name: string, service: string, more: Partial<Instance> = {}): Instance {
  return {
    name,
    service,
    namespace: 'default',
    address: '127.0.0.1',
    port: 1,
    appPort: null,
    weight: 1,
    region: '',
    zone: '',
    labels: {},
    status: 'healthy',
    ...more,
  };
}

const DECLARED = 'services: {a: {port: 80, instances: [{name: a-1, address: 127.0.0.1, port: 1}]}, b: {port: 81}}';

test('registered instances join those of the file, and replace those of one name', () => {
  const merged = mergeCatalog(catalogOf(DECLARED), [instance('a-0', 'a'), instance('a-1', 'a', { port: 2 })]);
  assert.deepEqual(
    merged.instances.get('a')?.map(({ name, port }) => `${name}:${port}`),
    ['a-0:1', 'a-1:2'],
  );
});

test('a service that nobody declared exists as long as it has instances', () => {
  const merged = mergeCatalog(catalogOf(DECLARED), [instance('c-1', 'c', { port: 15006, appPort: 7 })]);
  assert.equal(merged.services.get('c')?.port, 7);
  assert.equal(mergeCatalog(catalogOf(DECLARED), []).services.has('c'), false);
});

test('what did not change is the same object', () => {
  const clock = manualClock();
  const declared = new Watch(catalogOf(DECLARED));
  const registered = new Watch<readonly Instance[]>([]);
  const { catalog, stop } = watchCatalog({ declared, registered }, clock);
  const before = catalog.value;
  registered.set([instance('a-2', 'a')]);
  clock.advance(5);
  assert.notEqual(catalog.value, before);
  assert.equal(catalog.value.services, before.services);
  assert.equal(catalog.value.instances.get('b'), before.instances.get('b'));
  declared.set(catalogOf(DECLARED));
  registered.set([]);
  clock.advance(5);
  assert.deepEqual(catalog.value, before);
  stop();
});

test('sharing keeps the meaning, and the identity of equal parts', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      assert.deepEqual(share(a, b), b);
      const copy = structuredClone(b);
      if (typeof b === 'object' && b !== null) assert.equal(share(b, copy), b);
    }),
  );
});
