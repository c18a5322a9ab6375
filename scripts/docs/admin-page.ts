// docs/admin.md: the admin pages of both programs, from their tables.

import { type AdminSources as DiscoverySources, discoveryPages } from '../../discovery/admin.ts';
import { adminPages, type AdminSources as SidecarSources } from '../../sidecar/admin.ts';
import { code, GENERATED, table } from './markdown.ts';

/** The tables are made without asking the sources; only answers ask them. */
const NOBODY = {};

export function adminPage(): string {
  const sidecar = adminPages(NOBODY as SidecarSources).filter(({ hidden }) => hidden !== true);
  const discovery = discoveryPages(NOBODY as DiscoverySources);
  return [
    `${GENERATED}# Admin pages\n`,
    'Both programs serve them on the loopback address only, and refuse requests whose `Host` or `Origin` is not this machine: a web page in your browser cannot reach them. What changes something takes POST only.\n',
    '## Sidecar\n',
    'Where the bootstrap says (`admin.address`; `fairlead bootstrap` writes 127.0.0.1:15000). Paths, parameters and shapes are those of Envoy.\n',
    table(
      ['', 'path', 'what', 'parameters'],
      sidecar.map(({ method, path, summary, parameters }) => [method, code(path), summary, parameterText(parameters)]),
    ),
    '## Discovery\n',
    '`--admin-address`, 127.0.0.1:15014 by default. Answers are JSON, but `/ready`, `/metrics` and `/help`.\n',
    table(
      ['', 'path', 'what'],
      discovery.map(({ method, path, summary }) => [method, code(path), summary]),
    ),
  ].join('\n');
}

function parameterText(parameters: Readonly<Record<string, string>> = {}): string {
  return Object.entries(parameters)
    .map(([name, meaning]) => `${code(name)}: ${meaning}`)
    .join('; ');
}
