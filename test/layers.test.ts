// The import table of ARCHITECTURE.md, enforced: who may import whom, nobody in a circle. Prints the
// arrows that there are.

import assert from 'node:assert/strict';
import { readFileSync, globSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';

const ROOT = join(import.meta.dirname, '..');
const HOUSES = ['core', 'proto', 'client', 'cli', 'discovery', 'sidecar', 'examples'];

/** What every room of the sidecar may import. */
const LEAVES = ['core', 'sidecar/model', 'sidecar/errors', 'sidecar/telemetry'];
const SIDECAR_ROOMS = [
  'model',
  'errors',
  'telemetry',
  'exchange',
  'lb',
  'net',
  'http',
  'filters',
  'upstream',
  'proxy',
  'xds',
  'identity',
  'runtime',
  'admin',
  'threads',
].map((room) => `sidecar/${room}`);

function leavesAnd(...rooms: string[]): string[] {
  return [...LEAVES, ...rooms.map((room) => `sidecar/${room}`)];
}

/** Room -> the rooms it may import besides itself. A program's root files are the room `main`. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  core: [],
  proto: ['core'],
  // For services that register themselves; reads the proto text at run time.
  client: ['core'],
  // The demo is an example that the command line can start.
  cli: ['core', 'client', 'discovery/main', 'sidecar/main', 'examples'],
  examples: ['core', 'cli', 'discovery/ca'],
  'discovery/catalog': ['core'],
  'discovery/translate': ['core', 'proto', 'discovery/catalog'],
  'discovery/xds': ['core', 'proto'],
  'discovery/ca': ['core', 'proto'],
  'discovery/main': ['core', 'discovery/catalog', 'discovery/translate', 'discovery/xds', 'discovery/ca'],
  'sidecar/model': ['core'],
  'sidecar/errors': ['core'],
  'sidecar/telemetry': ['core', 'sidecar/model', 'sidecar/errors'],
  'sidecar/lb': leavesAnd(),
  'sidecar/net': leavesAnd(),
  'sidecar/http': leavesAnd(),
  'sidecar/exchange': leavesAnd('http'),
  'sidecar/filters': leavesAnd('exchange'),
  'sidecar/upstream': leavesAnd('lb', 'net', 'http'),
  'sidecar/proxy': leavesAnd('upstream', 'filters', 'exchange', 'http'),
  'sidecar/xds': [...leavesAnd(), 'proto'],
  'sidecar/identity': [...leavesAnd('xds'), 'proto'],
  'sidecar/runtime': leavesAnd('proxy', 'upstream', 'filters', 'exchange', 'net', 'http'),
  'sidecar/admin': leavesAnd(),
  // What primary and workers say to each other, and who looks after the workers.
  'sidecar/threads': leavesAnd('xds', 'upstream', 'admin'),
  'sidecar/main': ['core', ...SIDECAR_ROOMS],
};

/** Packages that only the rooms which see protobuf may import. */
const PROTOBUF_PACKAGES = /^@bufbuild\/protobuf/;

interface Import {
  readonly from: string;
  /** A file of ours relative to the root, or a package. */
  readonly to: string;
  readonly ours: boolean;
  readonly typeOnly: boolean;
}

/** `core`, `proto`, `cli`, or the second level of a program; files at a program's root are in `main`. */
function roomOf(file: string): string {
  const [house = '', second = '', ...deeper] = file.split('/');
  if (house !== 'discovery' && house !== 'sidecar') return house;
  if (deeper.length > 0) return `${house}/${second}`;
  const single = `${house}/${second.replace(/\.ts$/, '')}`;
  return ALLOWED[single] === undefined ? `${house}/main` : single;
}

const STATEMENT = /^(?:import|export)\s+(type\s+)?([^;'"=()]*?)\sfrom\s+'([^']+)'/gm;
const BARE = /^import\s+'([^']+)'/gm;
const DYNAMIC = /\bimport\('([^']+)'\)/g;

function importsOf(file: string): Import[] {
  const text = readFileSync(join(ROOT, file), 'utf8').replace(/^\s*(?:\/\/|\*|\/\*).*$/gm, '');
  const found = [...text.matchAll(STATEMENT)].map(([, type, names = '', to = '']) => ({
    to,
    typeOnly: type !== undefined || onlyTypes(names),
  }));
  const bare = [...text.matchAll(BARE)].map(([, to = '']) => ({ to, typeOnly: false }));
  const dynamic = [...text.matchAll(DYNAMIC)].map(([, to = '']) => ({ to, typeOnly: true }));
  return [...found, ...bare, ...dynamic].map(({ to, typeOnly }) => {
    const ours = to.startsWith('.');
    return { from: file, to: ours ? relative(ROOT, join(ROOT, dirname(file), to)) : to, ours, typeOnly };
  });
}

/** `{ type A, type B }` leaves nothing at run time. */
function onlyTypes(names: string): boolean {
  const inside = /^\{([^}]*)\}$/.exec(names.trim())?.[1];
  if (inside === undefined) return false;
  const parts = inside
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean);
  return parts.length > 0 && parts.every((part) => part.startsWith('type '));
}

const files = HOUSES.flatMap((house) => globSync(`${house}/**/*.ts`, { cwd: ROOT })).filter(
  (file) => !file.startsWith('proto/gen/'),
);
const imports = files.flatMap(importsOf);

test('every file is in a room of the table', () => {
  const strangers = files.filter((file) => ALLOWED[roomOf(file)] === undefined);
  assert.deepEqual(strangers, []);
});

test('no arrow points where the table does not', (t) => {
  const arrows = new Map<string, Map<string, number>>();
  const forbidden: string[] = [];
  for (const { from, to, ours } of imports) {
    if (!ours || !to.endsWith('.ts')) continue;
    const [source, target] = [roomOf(from), roomOf(to)];
    if (source === target) continue;
    const row = arrows.get(source) ?? new Map<string, number>();
    arrows.set(source, row.set(target, (row.get(target) ?? 0) + 1));
    if (!(ALLOWED[source] ?? []).includes(target)) forbidden.push(`${from} imports ${to}`);
  }
  for (const [source, row] of [...arrows].sort()) {
    t.diagnostic(
      `${source} -> ${[...row]
        .sort()
        .map(([target, count]) => `${target} (${count})`)
        .join(', ')}`,
    );
  }
  assert.deepEqual(forbidden, []);
});

test('only those who may see protobuf import its runtime', () => {
  const mayNot = imports.filter(({ from, to }) => {
    const room = roomOf(from);
    return PROTOBUF_PACKAGES.test(to) && room !== 'proto' && !(ALLOWED[room] ?? []).includes('proto');
  });
  assert.deepEqual(
    mayNot.map(({ from, to }) => `${from} imports ${to}`),
    [],
  );
});

test('imports of ours name a file that is there', () => {
  const known = new Set(files);
  const missing = imports.filter(
    ({ to, ours }) => ours && to.endsWith('.ts') && !known.has(to) && !to.startsWith('proto/gen/'),
  );
  assert.deepEqual(
    missing.map(({ from, to }) => `${from} imports ${to}`),
    [],
  );
});

test('nobody imports in a circle', () => {
  const graph = Map.groupBy(
    imports.filter(({ ours, typeOnly }) => ours && !typeOnly),
    ({ from }) => from,
  );
  const state = new Map<string, 'open' | 'done'>();
  const circles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (state.get(file) === 'done') return;
    if (state.get(file) === 'open') {
      circles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
      return;
    }
    state.set(file, 'open');
    for (const { to } of graph.get(file) ?? []) visit(to, [...path, file]);
    state.set(file, 'done');
  };
  for (const file of files) visit(file, []);
  assert.deepEqual(circles, []);
});
