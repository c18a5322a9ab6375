// What grows, and how a request for each size of it looks.

import type { Grown } from '../peers/envoy-bootstrap.ts';
import { routePrefix } from '../peers/envoy-bootstrap.ts';
import { BODY_PREFIX } from '../peers/nginx-config.ts';

export type SeriesName = 'connections' | 'bodies' | 'routes' | 'clusters' | 'endpoints';

export interface Series {
  readonly title: string;
  readonly label: string;
  readonly sizes: readonly number[];
  readonly peers: readonly string[];
  readonly ask: (size: number) => Question;
  /** What the proxy is configured with; sizes of equal configuration share their processes. */
  readonly grow: (size: number) => Omit<Grown, 'endpoints'> & { readonly endpoints: number };
}

export interface Question {
  readonly path: string;
  readonly connections: number;
  /** Of the answer, where the answers of a measurement may not all be whole; null: requests are counted. */
  readonly bytes: number | null;
  /** A measurement takes so many times the usual time. */
  readonly patience: number;
}

const ALL = ['fairlead', 'envoy', 'nginx'];
const USUAL = 64;
const ONE = { routes: 1, clusters: 1, endpoints: 0 };
const KIB = 1024;
const MIB = KIB * KIB;
export const GIB = KIB * MIB;

function small(path: string, connections = USUAL): Question {
  return { path, connections, bytes: null, patience: 1 };
}

/** Of few large answers at once some end within the time; fewer connections for larger ones. */
function body(bytes: number): Question {
  const path = `${BODY_PREFIX}${bytes}`;
  if (bytes <= MIB) return { path, connections: USUAL, bytes: null, patience: 1 };
  return { path, connections: bytes === GIB ? 1 : 4, bytes, patience: bytes === GIB ? 8 : 2 };
}

export const SERIES: Readonly<Record<SeriesName, Series>> = {
  connections: {
    title: 'More connections',
    label: 'keep-alive connections',
    sizes: [8, 64, 512, 4096],
    peers: ALL,
    // Thousands of connections are opened within the time too.
    ask: (size) => ({ ...small('/', size), patience: size >= 4096 ? 4 : 1 }),
    grow: () => ONE,
  },
  bodies: {
    title: 'Larger answers',
    label: 'bytes of an answer',
    sizes: [100, 10 * KIB, MIB, 64 * MIB],
    peers: ALL,
    ask: body,
    grow: () => ONE,
  },
  routes: {
    title: 'More routes',
    label: 'routes of one host; the last prefix is asked for',
    sizes: [1, 100, 10_000],
    peers: ALL,
    ask: (size) => small(size === 1 ? '/' : `${routePrefix(size - 2)}x`),
    grow: (size) => ({ ...ONE, routes: size }),
  },
  clusters: {
    title: 'More clusters',
    label: 'clusters; one is asked',
    sizes: [1, 100, 10_000],
    peers: ['fairlead', 'envoy'],
    ask: () => small('/'),
    grow: (size) => ({ ...ONE, clusters: size }),
  },
  endpoints: {
    title: 'More endpoints',
    label: 'endpoints of one cluster; all are asked',
    sizes: [1, 100, 10_000],
    peers: ['fairlead', 'envoy'],
    ask: () => small('/'),
    grow: (size) => ({ ...ONE, endpoints: size }),
  },
};
