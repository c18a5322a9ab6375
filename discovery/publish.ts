// When a change of the catalog is told: endpoints at once, everything else after a moment of quiet, so that
// a burst of edits is one change. The first catalog is told without delay.

import type { Clock } from '../core/clock.ts';
import { type ReadWatch, Watch } from '../core/watch.ts';
import { differsBeyondInstances } from './catalog/catalog.ts';
import type { Catalog } from './catalog/types.ts';
import { debounce } from './xds/debounce.ts';

export interface Publisher {
  readonly published: ReadWatch<Catalog>;
  readonly stop: () => void;
}

export function publishCatalog(catalog: ReadWatch<Catalog>, clock: Clock): Publisher {
  const published = new Watch<Catalog>(catalog.value);
  const later = debounce(clock, () => published.set(catalog.value));
  const unsubscribe = catalog.subscribe((next) => {
    if (differsBeyondInstances(published.value, next)) later.poke();
    // Endpoints overtake a change of configuration that still waits for quiet.
    if (published.value.instances !== next.instances) published.set(withInstances(published.value, next));
  });
  return {
    published,
    stop: () => {
      unsubscribe();
      later.cancel();
    },
  };
}

function withInstances(published: Catalog, next: Catalog): Catalog {
  return differsBeyondInstances(published, next) ? { ...published, instances: next.instances } : next;
}
