// From a request to its route, through tables as discovery sends them, and larger ones.

import { Exchange } from '../../../sidecar/exchange.ts';
import { matchHost, matchRoute } from '../../../sidecar/proxy/match.ts';
import { compileRouteTable, type RouteTable } from '../../../sidecar/proxy/route-table.ts';
import { readBootstrap } from '../../../sidecar/xds/bootstrap/read.ts';
import { factsWith } from '../../sidecar/telemetry/facts.ts';
import type { MicroBench } from '../micro.ts';
import { parsedRequest } from './codec.ts';

const TYPE = 'type.googleapis.com/envoy.extensions.filters';

/** A table as the sidecar has it, made from a bootstrap: one host per service. */
function routeTable(hosts: number, routes: number, match: (r: number) => Record<string, string>): RouteTable {
  const virtualHosts = Array.from({ length: hosts }, (_, i) => {
    const name = i === hosts - 1 ? 'catalog' : `service-${i}`;
    return {
      name,
      domains: [name, `${name}.default.svc.cluster.local:9000`],
      routes: Array.from({ length: routes }, (_, r) => ({
        match: match(r),
        direct_response: { status: 200 },
      })),
    };
  });
  const hcm = {
    '@type': `${TYPE}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'bench',
    route_config: { name: 'routes', virtual_hosts: virtualHosts },
    http_filters: [{ name: 'router', typed_config: { '@type': `${TYPE}.http.router.v3.Router` } }],
  };
  const listener = {
    name: 'main',
    address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
    filter_chains: [{ filters: [{ name: 'hcm', typed_config: hcm }] }],
  };
  return compileRouteTable(routeConfigOf({ static_resources: { listeners: [listener] } }), [], () => null);
}

function routeConfigOf(bootstrap: unknown) {
  const options = {
    allowUnsupported: false,
    allowUnknown: false,
    node: {},
    readFile: () => Buffer.alloc(0),
    environment: {},
  };
  const read = readBootstrap([{ file: 'bench.json', text: JSON.stringify(bootstrap) }], options);
  if (!read.ok) throw new Error(read.errors.map(({ message }) => message).join('\n'));
  const listener = read.value.snapshot.listeners.get('main');
  const chain = listener?.chains[0];
  if (chain?.kind !== 'http' || chain.http.routes.kind !== 'inline') throw new Error('the bootstrap holds no routes');
  return chain.http.routes.config;
}

function exchange(): Exchange {
  const x = new Exchange(factsWith().connection, 0, 0);
  x.request = parsedRequest();
  x.hasRequest = true;
  return x;
}

/** Half of them paths, half prefixes, as an API's are; the paths asked for lie anywhere among them. */
function ownPath(r: number): string {
  return `/api/v${r % 3}/things-${Math.floor(r / 20)}/${r}`;
}

function ownMatch(r: number): Record<string, string> {
  return r % 2 === 0 ? { path: ownPath(r) } : { prefix: `${ownPath(r)}/` };
}

/** Asks for one route after another. */
function matchingOwn(name: string, hosts: number, routes: number): MicroBench {
  return {
    name,
    make: () => {
      const table = routeTable(hosts, routes, ownMatch);
      const asked = Array.from({ length: 64 }, (_, i) => {
        const r = Math.floor((i * (routes - 1)) / 63);
        const x = exchange();
        x.request.path = r % 2 === 0 ? ownPath(r) : `${ownPath(r)}/part`;
        return x;
      });
      let next = 0;
      return () => {
        const x = asked[next++ & 63] as Exchange;
        const host = matchHost(table, x.request.authority);
        const found = host === null ? null : matchRoute(host, x, Math.random);
        if (found === null) throw new Error(`no route for ${x.request.path}`);
        return found;
      };
    },
  };
}

function matching(name: string, hosts: number, routes: number): MicroBench {
  return {
    name,
    make: () => {
      const table = routeTable(hosts, routes, (r) => ({ prefix: r === routes - 1 ? '/' : `/never/${r}/` }));
      const x = exchange();
      return () => {
        const host = matchHost(table, x.request.authority);
        return host === null ? null : matchRoute(host, x, Math.random);
      };
    },
  };
}

export const ROUTING: readonly MicroBench[] = [
  matching('match route: 1 host, 1 route', 1, 1),
  matching('match route: 100 hosts, 10 routes each', 100, 10),
  matching('match route: 10 hosts, 100 routes each', 10, 100),
  matching('match route: 10 hosts, 1,000 routes each', 10, 1000),
  matchingOwn('match route: 1 host, 10,000 paths and prefixes', 1, 10_000),
];
