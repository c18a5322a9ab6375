// The sources merged into one immutable Catalog in a Watch. What did not change keeps its identity.

import type { Clock } from '../../core/clock.ts';
import { debounce } from '../../core/debounce.ts';
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

/** Registrations that come together are told together; endpoints wait no longer than this. */
const ENDPOINT_LIMITS = { quietMs: 5, longestMs: 50 };

/** A Watch that follows both sources. Declarations were debounced where files are read. `stop` ends the following. */
export function watchCatalog(
  sources: CatalogSources,
  clock: Clock,
): { readonly catalog: ReadWatch<Catalog>; readonly stop: () => void } {
  const merge = () => mergeCatalog(sources.declared.value, sources.registered.value);
  const catalog = new Watch<Catalog>(share(EMPTY_CATALOG, merge()));
  const publish = () => catalog.set(share(catalog.value, merge()));
  const soon = debounce(clock, ENDPOINT_LIMITS, publish);
  const stops = [sources.declared.subscribe(publish), sources.registered.subscribe(soon.poke), soon.cancel];
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
    protocol: null,
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
