// gRPC statistics (envoy.filters.http.grpc_stats): calls by method and status, and their messages. Cells are
// found once per method and kept by the path that leads to them.

import { type Exchange, field, isGrpcType } from '../exchange.ts';
import type { GrpcStatsConfig } from '../model/filter.ts';
import type { GrpcStats } from '../telemetry/cells/grpc.ts';
import { GrpcCall } from '../telemetry/grpc-call.ts';
import { type GrpcMethods, MOST_GRPC_METHODS } from '../telemetry/grpc-methods.ts';
import { Histogram } from '../telemetry/cells/histogram.ts';
import type { Filter, Verdict } from './filter.ts';

/** The figures of a cluster, by the name that its statistics have. */
export type GrpcMethodsOf = (cluster: string) => GrpcMethods;

/** What is known of a cluster: paths that were asked for, as many as may have cells of their own. */
interface Known {
  readonly methods: GrpcMethods;
  readonly paths: Map<string, GrpcStats>;
}

const UNKNOWN = 2;
const MOST_STATUS = 16;

export function grpcStatsFilter(name: string, config: GrpcStatsConfig, methodsOf: GrpcMethodsOf): Filter {
  const clusters = new Map<string, Known>();
  const self = {};
  const callOf = ({ grpcCall }: Exchange) => (grpcCall?.by === self ? grpcCall : null);
  return {
    name,
    onRequest(x): Verdict {
      const { upstreamCluster, request } = x;
      // As in Envoy, calls count for the cluster that they are to go to.
      if (upstreamCluster === null || x.grpcCall !== null) return null;
      if (!isGrpcType(field(request.headers, 'content-type') ?? '')) return null;
      const cell = cellFor(knownOf(clusters, upstreamCluster, methodsOf), request.path, config);
      if (cell !== null) x.grpcCall = new GrpcCall(cell, self);
      return null;
    },
    onRequestData(x, chunk) {
      callOf(x)?.requestBytes(chunk);
      return chunk;
    },
    onResponse(x) {
      const call = callOf(x);
      if (call !== null) call.answered = isAnswer(x);
    },
    onResponseData(x, chunk) {
      callOf(x)?.responseBytes(chunk);
      return chunk;
    },
    onEnd(x) {
      const call = callOf(x);
      if (call !== null) ended(x, call, config);
    },
  };
}

/** One that was removed and came again has other cells. */
function knownOf(clusters: Map<string, Known>, cluster: string, methodsOf: GrpcMethodsOf): Known {
  const found = clusters.get(cluster);
  if (found !== undefined && !found.methods.gone) return found;
  for (const [name, { methods }] of clusters) if (methods.gone) clusters.delete(name);
  const known = { methods: methodsOf(cluster), paths: new Map<string, GrpcStats>() };
  clusters.set(cluster, known);
  return known;
}

function cellFor({ methods, paths }: Known, path: string, config: GrpcStatsConfig): GrpcStats | null {
  const found = paths.get(path);
  if (found !== undefined) return found;
  const names = namesIn(path);
  if (names === null) return null;
  const [service, method] = names;
  const cell = isToldApart(config, service, method)
    ? methods.method(config.replaceDots ? service.replaceAll('.', '_') : service, method)
    : methods.together;
  if (config.upstreamTimes) cell.upstream_rq_time ??= new Histogram();
  if (paths.size < MOST_GRPC_METHODS) paths.set(path, cell);
  return cell;
}

/** Service and method of `/service/method`; null for any other path, which is no call. */
function namesIn(path: string): readonly [string, string] | null {
  const query = path.indexOf('?');
  const end = query === -1 ? path.length : query;
  const slash = path.indexOf('/', 1);
  if (slash < 2 || slash + 1 >= end) return null;
  const method = path.slice(slash + 1, end);
  return method.includes('/') ? null : [path.slice(1, slash), method];
}

function isToldApart({ methods }: GrpcStatsConfig, service: string, method: string): boolean {
  return methods === 'all' || (methods !== 'none' && methods.has(`${service}/${method}`));
}

function isAnswer({ response }: Exchange): boolean {
  return response !== null && response.status === 200 && isGrpcType(field(response.headers, 'content-type') ?? '');
}

function ended(x: Exchange, call: GrpcCall, { upstreamTimes }: GrpcStatsConfig): void {
  const status = statusOf(x, call);
  if (status !== null) call.cell.ended(status);
  if (upstreamTimes && x.upstreamRxStartMs >= 0 && x.upstreamTxEndMs >= 0)
    call.cell.upstream_rq_time?.record(x.upstreamRxEndMs - x.upstreamTxEndMs);
}

/**
 * null: it has none, like a call that its caller gave up. An answer that is complete without one is UNKNOWN, to
 * its caller and here (Envoy does not count it), and so is what is no status of gRPC.
 */
function statusOf(x: Exchange, call: GrpcCall): number | null {
  const text = x.responseTrailer('grpc-status') ?? x.responseHeader('grpc-status');
  if (text === null) return call.answered && x.responseCodeDetails === 'via_upstream' ? UNKNOWN : null;
  const status = /^\d{1,2}$/.test(text) ? Number(text) : UNKNOWN;
  return status <= MOST_STATUS ? status : UNKNOWN;
}
