import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../../core/clock.ts';
import type { ReadWatch } from '../../../core/watch.ts';
import { meshFiles, readMeshFiles, watchMeshFiles } from '../../../discovery/catalog/file-source.ts';
import { tempDir } from '../../temp-dir.ts';

/** Resolves when the watch holds what is wanted; fails after 5 s. */
function until<T>(watch: ReadWatch<T>, wanted: (value: T) => boolean): Promise<T> {
  if (wanted(watch.value)) return Promise.resolve(watch.value);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('nothing changed within 5 s')), 5000);
    const stop = watch.subscribe((value) => {
      if (!wanted(value)) return;
      clearTimeout(timer);
      stop();
      resolve(value);
    });
  });
}

test('mesh.yaml takes mesh.d along, and a folder means its YAML files', (t) => {
  const folder = tempDir(t);
  mkdirSync(join(folder, 'mesh.d'));
  for (const name of ['mesh.yaml', 'mesh.d/b.yaml', 'mesh.d/a.yml', 'mesh.d/.hidden.yaml', 'mesh.d/notes.txt'])
    writeFileSync(join(folder, name), '');
  const extra = [join(folder, 'mesh.d/a.yml'), join(folder, 'mesh.d/b.yaml')];
  assert.deepEqual(meshFiles([join(folder, 'mesh.yaml')]), [join(folder, 'mesh.yaml'), ...extra]);
  assert.deepEqual(meshFiles([join(folder, 'mesh.d')]), extra);
});

test('a file that is not there is one mistake', (t) => {
  const { errors } = readMeshFiles([join(tempDir(t), 'none.yaml')], {});
  assert.equal(errors[0]?.code, 'FL0100');
});

test('changes are seen, however an editor writes them; a bad file leaves the last good one in force', async (t) => {
  const folder = tempDir(t);
  const file = join(folder, 'mesh.yaml');
  writeFileSync(file, 'services: {a: {port: 1}}');
  const source = watchMeshFiles({ paths: [file], environment: {}, clock: systemClock });
  t.after(() => source.stop());
  assert.equal(source.catalog.value.services.get('a')?.port, 1);

  writeFileSync(join(folder, 'new'), 'services: {a: {port: 2}}');
  renameSync(join(folder, 'new'), file);
  await until(source.catalog, (catalog) => catalog.services.get('a')?.port === 2);

  writeFileSync(file, 'services: {a: {prt: 3}}');
  const errors = await until(source.errors, (found) => found.length > 0);
  assert.equal(errors.length, 2);
  assert.equal(source.catalog.value.services.get('a')?.port, 2);

  rmSync(file);
  await until(source.errors, (found) => found[0]?.code === 'FL0100');
  writeFileSync(file, 'services: {a: {port: 4}}');
  await until(source.catalog, (catalog) => catalog.services.get('a')?.port === 4);
  assert.deepEqual(source.errors.value, []);

  mkdirSync(join(folder, 'mesh.d'));
  writeFileSync(join(folder, 'mesh.d', 'more.yaml'), 'services: {b: {port: 5}}');
  await until(source.catalog, (catalog) => catalog.services.has('b'));
});
