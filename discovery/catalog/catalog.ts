// The sources merged into one immutable Catalog in a Watch. What did not change keeps its identity.

import { type ReadWatch, Watch } from '../../core/watch.ts';
import { share } from './share.ts';
import {
  type Catalog,
  DEFAULT_NAMESPACE,
  EMPTY_CATALOG,
  type Instance,
  NO_TRAFFIC_POLICY,
  type Service,
} from './types.ts';

/** Declarations of operators, and instances that came by themselves. */
export interface CatalogSources {
  readonly declared: ReadWatch<Catalog>;
  readonly registered: ReadWatch<readonly Instance[]>;
}

/** A Watch that follows both sources. `stop` ends the following. */
export function watchCatalog(sources: CatalogSources): {
  readonly catalog: ReadWatch<Catalog>;
  readonly stop: () => void;
} {
  const catalog = new Watch<Catalog>(EMPTY_CATALOG);
  const publish = () =>
    catalog.set(share(catalog.value, mergeCatalog(sources.declared.value, sources.registered.value)));
  const stops = [sources.declared.subscribe(publish), sources.registered.subscribe(publish)];
  publish();
  return {
    catalog,
    stop: () => {
      for (const stop of stops) stop();
    },
  };
}

/** Registered instances join those of the file; of two with one name the registered one counts. */
export function mergeCatalog(declared: Catalog, registered: readonly Instance[]): Catalog {
  const services = new Map(declared.services);
  const byService = new Map<string, Map<string, Instance>>();
  for (const [service, instances] of declared.instances)
    byService.set(service, new Map(instances.map((one) => [one.name, one])));
  for (const instance of registered) {
    if (!services.has(instance.service)) services.set(instance.service, impliedService(instance));
    const namespace = services.get(instance.service)?.namespace ?? instance.namespace;
    const of = byService.get(instance.service) ?? new Map<string, Instance>();
    byService.set(instance.service, of.set(instance.name, { ...instance, namespace }));
  }
  const instances = new Map(
    [...byService].map(([service, named]) => [service, [...named.values()].sort(byName)] as const),
  );
  return { ...declared, services, instances };
}

/** A service that nobody declared exists for as long as it has instances. */
function impliedService(instance: Instance): Service {
  return {
    name: instance.service,
    namespace: instance.namespace || DEFAULT_NAMESPACE,
    port: instance.appPort ?? instance.port,
    protocol: 'http',
    hosts: [],
    mtls: null,
    upstreams: [],
    traffic: NO_TRAFFIC_POLICY,
    retry: null,
  };
}

function byName(a: Instance, b: Instance): number {
  if (a.name === b.name) return 0;
  return a.name < b.name ? -1 : 1;
}

/** Whether two catalogs differ in more than instances: only then is there something to debounce. */
export function differsBeyondInstances(before: Catalog, after: Catalog): boolean {
  return (
    before.services !== after.services ||
    before.routes !== after.routes ||
    before.gateways !== after.gateways ||
    before.policies !== after.policies ||
    before.mesh !== after.mesh
  );
}
