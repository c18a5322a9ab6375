// Names in one document that must be the name of another. They are gathered from the raw values, so that a
// mistake elsewhere in a document does not hide a wrong name in it, nor make its own name unknown.

import type { ConfigDocument, ConfigPath } from '../../core/config-file.ts';
import { valueAt } from '../../core/config-file.ts';
import type { ErrorList } from '../../core/error-list.ts';
import { nearest } from '../../core/spelling.ts';

type Target = 'service' | 'gateway' | 'caller' | 'parent';

/** Where references stand; `*` is every entry of a list or mapping. */
const PLACES: readonly { readonly path: readonly string[]; readonly target: Target }[] = [
  { path: ['spec', 'upstreams', '*', 'service'], target: 'service' },
  { path: ['spec', 'targetRefs', '*', 'name'], target: 'service' },
  { path: ['spec', 'parentRefs', '*', 'name'], target: 'parent' },
  { path: ['spec', 'rules', '*', 'backendRefs', '*', 'name'], target: 'service' },
  { path: ['spec', 'rules', '*', 'from', '*', 'service'], target: 'caller' },
  { path: ['services', '*', 'upstreams', '*', 'service'], target: 'service' },
  { path: ['services', '*', 'allow', '*'], target: 'caller' },
  { path: ['routes', '*', 'parentRefs', '*', 'name'], target: 'parent' },
  { path: ['routes', '*', 'rules', '*', 'backendRefs', '*', 'name'], target: 'service' },
];

export function checkReferences(documents: readonly ConfigDocument[], errors: ErrorList): void {
  const service = givenNames(documents, 'Service', 'services');
  const gateway = givenNames(documents, 'Gateway', 'gateways');
  const names = { service, gateway, caller: new Set([...service, ...gateway]) };
  for (const document of documents)
    for (const { path, target } of PLACES)
      for (const at of find(document.value, path)) checkOne(document, at, target, names, errors);
  checkPorts(documents, errors);
  checkGatewayNames(documents, names, errors);
}

const BACKEND_PORTS = [
  ['spec', 'rules', '*', 'backendRefs', '*', 'port'],
  ['routes', '*', 'rules', '*', 'backendRefs', '*', 'port'],
];

/** A backend's port, where it is given, is that of the service. */
function checkPorts(documents: readonly ConfigDocument[], errors: ErrorList): void {
  const ports = givenPorts(documents);
  for (const document of documents)
    for (const path of BACKEND_PORTS.flatMap((pattern) => find(document.value, pattern))) {
      const name = String(valueAt(document.value, [...path.slice(0, -1), 'name']));
      const port = ports.get(name);
      if (port === undefined || port === valueAt(document.value, path)) continue;
      errors.add(() => document.error(path, 'FL0109', `the service "${name}" has the port ${port}`));
    }
}

function givenPorts(documents: readonly ConfigDocument[]): ReadonlyMap<string, unknown> {
  const ports = new Map<string, unknown>();
  for (const { value } of documents) {
    if (valueAt(value, ['kind']) === 'Service')
      ports.set(String(valueAt(value, ['metadata', 'name'])), valueAt(value, ['spec', 'port']));
    for (const [, name] of find(value, ['services', '*']))
      ports.set(String(name), valueAt(value, ['services', String(name), 'port']));
  }
  return ports;
}

/** A proxy becomes a gateway by its name, which therefore cannot be that of a service. */
function checkGatewayNames(documents: readonly ConfigDocument[], names: Names, errors: ErrorList): void {
  for (const document of documents) {
    const own: ConfigPath[] = valueAt(document.value, ['kind']) === 'Gateway' ? [['metadata', 'name']] : [];
    for (const path of [...own, ...find(document.value, ['gateways', '*'])]) {
      const name = String(path[0] === 'gateways' ? path[1] : valueAt(document.value, path));
      if (names.service.has(name))
        errors.add(() => document.error(path, 'FL0111', `"${name}" is a service already`, { at: 'key' }));
    }
  }
}

interface Names {
  readonly service: ReadonlySet<string>;
  readonly gateway: ReadonlySet<string>;
  /** Whoever may call: both. */
  readonly caller: ReadonlySet<string>;
}

function givenNames(documents: readonly ConfigDocument[], kind: string, section: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { value } of documents) {
    const name = valueAt(value, ['metadata', 'name']);
    if (valueAt(value, ['kind']) === kind && typeof name === 'string') names.add(name);
    for (const [path] of find(value, [section, '*']).map((found) => found.slice(1))) names.add(String(path));
  }
  return names;
}

function checkOne(document: ConfigDocument, path: ConfigPath, target: Target, names: Names, errors: ErrorList): void {
  const name = valueAt(document.value, path);
  if (typeof name !== 'string' || (target === 'caller' && name.startsWith('spiffe://'))) return;
  const { what, known } = candidates(document, path, target, names);
  if (known.has(name)) return;
  errors.add(() =>
    document.error(path, 'FL0109', `there is no ${what} "${name}"`, { suggestion: nearest(name, known) }),
  );
}

function candidates(
  document: ConfigDocument,
  path: ConfigPath,
  target: Target,
  names: Names,
): { what: string; known: ReadonlySet<string> } {
  if (target === 'caller') return { what: 'service or gateway', known: names.caller };
  const isService = target === 'service' || valueAt(document.value, [...path.slice(0, -1), 'kind']) === 'Service';
  return isService ? { what: 'service', known: names.service } : { what: 'gateway', known: names.gateway };
}

/** Every concrete path that matches the pattern in `value`. */
export function find(value: unknown, pattern: readonly string[], base: ConfigPath = []): ConfigPath[] {
  const [head, ...rest] = pattern;
  if (head === undefined) return [base];
  if (typeof value !== 'object' || value === null) return [];
  if (head !== '*') return head in value ? find((value as Record<string, unknown>)[head], rest, [...base, head]) : [];
  const entries: [string | number, unknown][] = Array.isArray(value)
    ? value.map((entry, i) => [i, entry])
    : Object.entries(value);
  return entries.flatMap(([key, entry]) => find(entry, rest, [...base, key]));
}
