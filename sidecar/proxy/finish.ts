// The one exit of every request: counts, closes the span, writes the log line. Also after any failure.

import { runEnd } from '../filters/filter.ts';
import type { Serving } from './serve.ts';

export function finish(serving: Serving): void {
  const { x, hcm } = serving;
  const { stats } = hcm;
  x.endMs = hcm.clock.turn();
  stats.downstream_rq_active--;
  stats.downstream_rq_time.record(x.endMs - x.startMs);
  const status = x.responseCode;
  if (status > 0) {
    stats.codes.add(status);
    hcm.listenerCodes.add(status);
  }
  countForCluster(serving, status);
  runEnd(serving.filters, x);
  serving.trace?.end(x, serving.route?.route.decorator?.operation ?? null);
  hcm.log?.(x);
}

/** Final answers count for their cluster, ours in its place too; those of clients that left do not. */
function countForCluster({ x, answeredBy }: Serving, status: number): void {
  if (answeredBy === null || status === 0) return;
  const { stats } = answeredBy.plan.cluster;
  const byUpstream = x.responseCodeDetails === 'via_upstream';
  if (byUpstream && x.upstreamRxStartMs >= 0) stats.answered(status, x.upstreamRxEndMs - x.requestEndMs, x.internal);
  else (x.internal ? (stats.internal ?? stats.external) : stats.external).add(status);
}
