// What this sidecar tells the registry of itself: its node's metadata, and the port that its inbound
// listener really has.

import type { NodeInfo } from '../xds/bootstrap/bootstrap.ts';
import type { InstanceDescription } from './register.ts';

/** The part of the running proxy that is looked at. */
export interface BoundListeners {
  readonly listeners: ReadonlyMap<
    string,
    {
      readonly description: { readonly direction: string };
      readonly addresses: readonly { readonly host: string; readonly port: number }[];
    }
  >;
}

/** null while there is no inbound listener, or the node says nothing of a service. */
export function instanceOf(node: NodeInfo, runtime: BoundListeners): InstanceDescription | null {
  const own = node.metadata['fairlead'];
  if (typeof own !== 'object' || own === null || Array.isArray(own)) return null;
  const text = (key: string) => (typeof own[key] === 'string' ? own[key] : '');
  const number = (key: string, absent: number) => (typeof own[key] === 'number' ? own[key] : absent);
  const bound = [...runtime.listeners.values()].find(({ description }) => description.direction === 'inbound')
    ?.addresses[0];
  if (bound === undefined || text('service') === '') return null;
  const labels = own['labels'];
  return {
    // The same at each start, so that a restart replaces its own entry.
    name: text('instance') || `${text('service')}-${bound.port}`,
    service: text('service'),
    namespace: text('namespace') || 'default',
    address: text('address') || bound.host,
    port: bound.port,
    appPort: number('app_port', 0),
    zone: node.zone,
    weight: number('weight', 1),
    labels: typeof labels === 'object' && labels !== null && !Array.isArray(labels) ? onlyText(labels) : {},
  };
}

function onlyText(labels: object): Record<string, string> {
  return Object.fromEntries(
    Object.entries(labels).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
