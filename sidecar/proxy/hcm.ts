// One HTTP connection manager, alive: its description with everything that is looked up when it is applied
// and not per request: the route table as it stands, cells to count in, loggers, this machine's address.

import type { Clock } from '../../core/clock.ts';
import type { Exchange } from '../exchange.ts';
import type { TypedFilterConfig } from '../model/filter.ts';
import type { HttpConnectionManager } from '../model/listener.ts';
import type { Http1CodecStats } from '../telemetry/cells/cluster.ts';
import type { Codes } from '../telemetry/cells/codes.ts';
import type { Http2CodecStats } from '../telemetry/cells/http2.ts';
import type { HttpStats } from '../telemetry/cells/http.ts';
import type { CompiledLocalReply } from '../telemetry/local-reply.ts';
import type { Tracer } from '../telemetry/tracing.ts';
import type { RouteTable } from './route-table.ts';

export type RouterConfig = Extract<TypedFilterConfig, { kind: 'router' }>;

export interface Hcm {
  readonly config: HttpConnectionManager;
  /** The last filter, which sends requests on; null where there is none. */
  readonly router: RouterConfig | null;
  /** The route table now; null while RDS has not brought it. */
  readonly routes: () => RouteTable | null;
  /** The host has another filter chain, with other TLS than the one by which a request has come. */
  readonly isMisdirected: (authority: string) => boolean;
  readonly stats: HttpStats;
  /** What all codecs that read requests count together. */
  readonly codecStats: Http1CodecStats;
  readonly http2: Http2CodecStats;
  /** Answers of this connection manager on this listener. */
  readonly listenerCodes: Codes;
  readonly isInternalAddress: (address: string) => boolean;
  /** For what is appended to x-forwarded-for in the place of a loopback peer. */
  readonly ownAddress: string;
  readonly node: { readonly id: string; readonly cluster: string };
  readonly log: ((x: Exchange) => void) | null;
  readonly localReply: CompiledLocalReply | null;
  readonly tracer: Tracer | null;
  readonly bufferLimit: number;
  readonly clock: Clock;
}
