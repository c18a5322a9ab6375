// mesh.yaml as a source: read, checked, watched. A file with mistakes is reported once, whole, and the last
// good catalog stays in force. Folders are watched rather than files, so that editors which save by
// renaming do not end the watch.

import { type FSWatcher, readdirSync, readFileSync, statSync, watch } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import type { ConfigError } from '../../core/config-error.ts';
import { fileError } from '../../core/config-error.ts';
import { type ConfigDocument, type Environment, readConfig } from '../../core/config-file.ts';
import { debounce } from '../../core/debounce.ts';
import { type ReadWatch, Watch } from '../../core/watch.ts';
import { readMesh } from './mesh-documents.ts';
import { share } from './share.ts';
import { type Catalog, EMPTY_CATALOG } from './types.ts';

/** A burst of edits is read once: after this much quiet, or this long after its first. */
export const FILE_LIMITS = { quietMs: 100, longestMs: 1000 };
/** Where a file is looked for when none is named, after $FAIRLEAD_CONFIG. */
export const CONFIG_PLACES = ['mesh.yaml', '/etc/fairlead/mesh.yaml'] as const;
/** Names of which a folder's files count. */
const YAML_NAME = /^[^.].*\.ya?ml$/;

export interface FileState {
  /** The newest catalog without a mistake. */
  readonly catalog: Catalog;
  /** Mistakes of the newest reading; empty: `catalog` is the newest. */
  readonly errors: readonly ConfigError[];
}

export interface FileSource {
  readonly catalog: ReadWatch<Catalog>;
  readonly errors: ReadWatch<readonly ConfigError[]>;
  /** Reads again now. */
  reload(): void;
  stop(): void;
}

/** Every file that a list of paths means: files themselves, and the YAML files of folders, in order of name. */
export function meshFiles(paths: readonly string[]): readonly string[] {
  return paths.flatMap((path) => (isFolder(path) ? folderFiles(path) : [path, ...folderFiles(besides(path))]));
}

/** `mesh.yaml` takes `mesh.d/*.yaml` along. */
function besides(file: string): string {
  return join(dirname(file), `${basename(file).replace(/\.ya?ml$/, '')}.d`);
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function folderFiles(folder: string): string[] {
  if (!isFolder(folder)) return [];
  return readdirSync(folder)
    .filter((name) => YAML_NAME.test(name))
    .sort()
    .map((name) => join(folder, name));
}

/** The mesh that files describe; `errors` holds every mistake in all of them. */
export function readMeshFiles(paths: readonly string[], environment: Environment): FileState {
  const documents: ConfigDocument[] = [];
  const errors: ConfigError[] = [];
  for (const file of meshFiles(paths)) {
    const read = readOne(file, environment);
    for (const document of read.documents) documents.push(document);
    errors.push(...read.errors);
  }
  const mesh = readMesh(documents);
  return { catalog: mesh.part, errors: [...errors, ...mesh.errors] };
}

function readOne(
  file: string,
  environment: Environment,
): { documents: readonly ConfigDocument[]; errors: readonly ConfigError[] } {
  try {
    return readConfig(readFileSync(file, 'utf8'), file, environment);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code ?? String(error)})`;
    return { documents: [], errors: [fileError(file, 'FL0100', reason)] };
  }
}

export interface FileSourceOptions {
  readonly paths: readonly string[];
  readonly environment: Environment;
  readonly clock: Clock;
}

export function watchMeshFiles({ paths, environment, clock }: FileSourceOptions): FileSource {
  const catalog = new Watch<Catalog>(EMPTY_CATALOG);
  const errors = new Watch<readonly ConfigError[]>([]);
  const read = () => {
    const state = readMeshFiles(paths, environment);
    errors.set(share(errors.value, state.errors));
    if (state.errors.length === 0) catalog.set(share(catalog.value, state.catalog));
  };
  const folders = new FolderWatch(paths, () => pending.poke());
  const pending = debounce(clock, FILE_LIMITS, () => {
    folders.renew();
    read();
  });
  folders.renew();
  read();
  return {
    catalog,
    errors,
    reload: read,
    stop: () => {
      pending.cancel();
      folders.stop();
    },
  };
}

/** Watches the folders in which the files lie; `renew` follows folders that came or went. */
class FolderWatch {
  readonly #paths: readonly string[];
  readonly #changed: () => void;
  readonly #watchers = new Map<string, FSWatcher>();

  constructor(paths: readonly string[], changed: () => void) {
    this.#paths = paths;
    this.#changed = changed;
  }

  renew(): void {
    const wanted = new Set(this.#paths.flatMap((path) => this.#foldersOf(resolve(path))));
    for (const [folder, watcher] of this.#watchers) {
      if (wanted.has(folder)) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    for (const folder of wanted) if (!this.#watchers.has(folder)) this.#add(folder);
  }

  stop(): void {
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #foldersOf(path: string): string[] {
    if (isFolder(path)) return [path];
    const extra = besides(path);
    return [dirname(path), ...(isFolder(extra) ? [extra] : [])].filter(isFolder);
  }

  #add(folder: string): void {
    const watcher = watch(folder, { persistent: false }, (_event, name) => {
      if (name === null || YAML_NAME.test(name) || name.endsWith('.d')) this.#changed();
      // A mounted ConfigMap changes by swapping the link `..data`.
      else if (name.startsWith('..')) this.#changed();
    });
    // The folder was removed: the next renewal finds out whether it is back.
    watcher.on('error', () => {
      watcher.close();
      this.#watchers.delete(folder);
      this.#changed();
    });
    this.#watchers.set(folder, watcher);
  }
}
