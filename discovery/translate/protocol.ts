// What a service's port takes. Where nobody declared it the sidecar looks at each connection; unless something of the
// mesh speaks of the service's requests (a route, a rule with paths or methods): then it takes requests, since a
// connection that is not looked into could go round what was said of them.

import type { AuthorizationPolicy, Catalog, Protocol, Route, Service } from '../catalog/types.ts';

/** `detected`: HTTP or anything else, as each connection begins. */
export type Taken = Protocol | 'detected';

export function protocolOf({ routes, policies }: Pick<Catalog, 'routes' | 'policies'>, service: Service): Taken {
  if (service.protocol !== null) return service.protocol;
  const { name } = service;
  const spoken = spokenOf(policies);
  return routed(routes).has(name) || spoken.ofAll || spoken.names.has(name) ? 'http' : 'detected';
}

/** Lists of a catalog never change: each is read once. */
const ROUTED = new WeakMap<readonly Route[], ReadonlySet<string>>();
const SPOKEN = new WeakMap<readonly AuthorizationPolicy[], Spoken>();

/** Services that routes are for, or lead to. */
function routed(routes: readonly Route[]): ReadonlySet<string> {
  const known = ROUTED.get(routes);
  if (known !== undefined) return known;
  const names = new Set(routes.flatMap((route) => [...route.services, ...backendsOf(route)]));
  ROUTED.set(routes, names);
  return names;
}

function backendsOf({ rules }: Route): string[] {
  return rules.flatMap(({ backends }) => backends.map(({ service }) => service));
}

interface Spoken {
  readonly ofAll: boolean;
  readonly names: ReadonlySet<string>;
}

/** Services of whose requests policies speak. */
function spokenOf(policies: readonly AuthorizationPolicy[]): Spoken {
  const known = SPOKEN.get(policies);
  if (known !== undefined) return known;
  const speaking = policies.filter(speaksOfRequests);
  const spoken = {
    ofAll: speaking.some(({ services }) => services === null),
    names: new Set(speaking.flatMap(({ services }) => services ?? [])),
  };
  SPOKEN.set(policies, spoken);
  return spoken;
}

function speaksOfRequests({ rules }: AuthorizationPolicy): boolean {
  return rules.some(({ to }) => to.some(({ paths, methods }) => paths.length > 0 || methods.length > 0));
}
