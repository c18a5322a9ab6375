// What only services of requests can have: routes, and rules that name paths or methods. A service of plain
// connections (`protocol: tcp`) has neither, and who gives it one meant something else.

import { type ConfigDocument, type ConfigPath, valueAt } from '../../core/config-file.ts';
import type { ErrorList } from '../../core/error-list.ts';
import { find } from './references.ts';

/** Where a route names a service, and policies what they are for. */
const ROUTED = [
  ['spec', 'rules', '*', 'backendRefs', '*', 'name'],
  ['routes', '*', 'rules', '*', 'backendRefs', '*', 'name'],
  ['spec', 'parentRefs', '*', 'name'],
  ['routes', '*', 'parentRefs', '*', 'name'],
];
const OPERATIONS = ['spec', 'rules', '*', 'to', '*'];

export function checkProtocols(documents: readonly ConfigDocument[], errors: ErrorList): void {
  const connections = servicesOfConnections(documents);
  if (connections.size === 0) return;
  for (const document of documents) {
    checkRoutes(document, connections, errors);
    checkHosts(document, errors);
    if (valueAt(document.value, ['kind']) === 'AuthorizationPolicy') checkRules(document, connections, errors);
  }
}

function servicesOfConnections(documents: readonly ConfigDocument[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { value } of documents) {
    if (valueAt(value, ['kind']) === 'Service' && valueAt(value, ['spec', 'protocol']) === 'tcp')
      names.add(String(valueAt(value, ['metadata', 'name'])));
    for (const [, name] of find(value, ['services', '*']))
      if (valueAt(value, ['services', String(name), 'protocol']) === 'tcp') names.add(String(name));
  }
  return names;
}

function checkRoutes(document: ConfigDocument, connections: ReadonlySet<string>, errors: ErrorList): void {
  for (const path of ROUTED.flatMap((pattern) => find(document.value, pattern))) {
    const name = valueAt(document.value, path);
    if (typeof name !== 'string' || !connections.has(name)) continue;
    errors.add(() =>
      document.error(
        path,
        'FL0112',
        `a route carries requests, and "${name}" takes connections (protocol: tcp); reach it by an entry in upstreams`,
      ),
    );
  }
}

/** A connection names no host. */
function checkHosts(document: ConfigDocument, errors: ErrorList): void {
  const bases: ConfigPath[] = valueAt(document.value, ['kind']) === 'Service' ? [['spec']] : [];
  for (const base of [...bases, ...find(document.value, ['services', '*'])]) {
    const hosts: ConfigPath = [...base, 'hosts'];
    if (valueAt(document.value, [...base, 'protocol']) !== 'tcp' || valueAt(document.value, hosts) === undefined)
      continue;
    errors.add(() =>
      document.error(hosts, 'FL0112', 'a connection names no host: a service of tcp is reached by upstreams', {
        at: 'key',
      }),
    );
  }
}

/** Of a policy that names the service. One for all services holds for connections as docs/mesh-yaml.md says. */
function checkRules(document: ConfigDocument, connections: ReadonlySet<string>, errors: ErrorList): void {
  const named = find(document.value, ['spec', 'targetRefs', '*', 'name'])
    .map((path) => valueAt(document.value, path))
    .find((name) => typeof name === 'string' && connections.has(name));
  if (named === undefined) return;
  for (const base of find(document.value, OPERATIONS))
    for (const field of ['paths', 'methods']) {
      const path = [...base, field];
      if (valueAt(document.value, path) === undefined) continue;
      errors.add(() =>
        document.error(path, 'FL0112', `"${String(named)}" takes connections (protocol: tcp), which have no ${field}`, {
          at: 'key',
        }),
      );
    }
}
