// Circuit breakers and outlier detection with Envoy's defaults.

import type { CircuitBreakersSchema } from '../../../proto/gen/envoy/config/cluster/v3/circuit_breaker_pb.ts';
import {
  CircuitBreakers_Thresholds_RetryBudgetSchema as BudgetSchema,
  CircuitBreakers_ThresholdsSchema as ThresholdsSchema,
} from '../../../proto/gen/envoy/config/cluster/v3/circuit_breaker_pb.ts';
import type { OutlierDetectionSchema } from '../../../proto/gen/envoy/config/cluster/v3/outlier_detection_pb.ts';
import { RoutingPriority } from '../../../proto/gen/envoy/config/core/v3/base_pb.ts';
import { PercentSchema } from '../../../proto/gen/envoy/type/v3/percent_pb.ts';
import type { Cluster, Limits, OutlierDetection } from '../../model/cluster.ts';
import { DEFAULT_LIMITS } from '../../model/cluster.ts';
import type { Fields } from './fields.ts';

/** The first thresholds of each priority count. */
export function decodeLimits(f: Fields<typeof CircuitBreakersSchema> | null): Cluster['limits'] {
  if (f === null) return { default: DEFAULT_LIMITS, high: DEFAULT_LIMITS };
  const thresholds = f
    .children('thresholds', ThresholdsSchema)
    .map((one) => ({ priority: one.take('priority'), limits: decodeThresholds(one) }));
  f.end();
  const first = (priority: RoutingPriority) =>
    thresholds.find((one) => one.priority === priority)?.limits ?? DEFAULT_LIMITS;
  return { default: first(RoutingPriority.DEFAULT), high: first(RoutingPriority.HIGH) };
}

function decodeThresholds(f: Fields<typeof ThresholdsSchema>): Limits {
  const limits: Limits = {
    maxConnections: f.take('maxConnections') ?? DEFAULT_LIMITS.maxConnections,
    maxPendingRequests: f.take('maxPendingRequests') ?? DEFAULT_LIMITS.maxPendingRequests,
    maxRequests: f.take('maxRequests') ?? DEFAULT_LIMITS.maxRequests,
    maxRetries: f.take('maxRetries') ?? DEFAULT_LIMITS.maxRetries,
    trackRemaining: f.take('trackRemaining'),
    retryBudget: decodeBudget(f.child('retryBudget', BudgetSchema)),
  };
  f.end();
  return limits;
}

const DEFAULT_BUDGET_PERCENT = 20;
const DEFAULT_BUDGET_CONCURRENCY = 3;

function decodeBudget(f: Fields<typeof BudgetSchema> | null): Limits['retryBudget'] {
  if (f === null) return null;
  const percent = f.child('budgetPercent', PercentSchema);
  const budget = {
    percent: percent?.take('value') ?? DEFAULT_BUDGET_PERCENT,
    minConcurrency: f.take('minRetryConcurrency') ?? DEFAULT_BUDGET_CONCURRENCY,
  };
  f.end();
  return budget;
}

export function decodeOutlier(f: Fields<typeof OutlierDetectionSchema>): OutlierDetection {
  const baseEjectionMs = f.ms('baseEjectionTime', 30_000);
  const maxEjectionMs = f.ms('maxEjectionTime', null);
  if (maxEjectionMs !== null && maxEjectionMs < baseEjectionMs)
    f.invalid('maxEjectionTime', 'cannot be smaller than base_ejection_time');
  const outlier: OutlierDetection = {
    consecutive5xx: f.take('consecutive5xx') ?? 5,
    enforcingConsecutive5xx: f.take('enforcingConsecutive5xx') ?? 100,
    consecutiveGatewayFailure: f.take('consecutiveGatewayFailure') ?? 5,
    enforcingConsecutiveGatewayFailure: f.take('enforcingConsecutiveGatewayFailure') ?? 0,
    splitLocalOrigin: f.take('splitExternalLocalOriginErrors'),
    consecutiveLocalOriginFailure: f.take('consecutiveLocalOriginFailure') ?? 5,
    enforcingConsecutiveLocalOriginFailure: f.take('enforcingConsecutiveLocalOriginFailure') ?? 100,
    intervalMs: f.ms('interval', 10_000),
    baseEjectionMs,
    maxEjectionMs: maxEjectionMs ?? Math.max(300_000, baseEjectionMs),
    maxEjectionJitterMs: f.ms('maxEjectionTimeJitter', 0),
    maxEjectionPercent: f.take('maxEjectionPercent') ?? 10,
    alwaysEjectOneHost: f.take('alwaysEjectOneHost') ?? false,
  };
  decodeStatistical(f);
  f.end();
  return outlier;
}

/** Ejection by comparison with other hosts: not done, so it may be configured as long as it is switched off. */
function decodeStatistical(f: Fields<typeof OutlierDetectionSchema>): void {
  const off = (value: number | undefined) => value === undefined || value === 0;
  const { message } = f;
  if (off(message.enforcingSuccessRate) && off(message.enforcingLocalOriginSuccessRate)) {
    f.ignore(
      'enforcingSuccessRate',
      'enforcingLocalOriginSuccessRate',
      'successRateMinimumHosts',
      'successRateRequestVolume',
      'successRateStdevFactor',
    );
  }
  if (off(message.enforcingFailurePercentage) && off(message.enforcingFailurePercentageLocalOrigin)) {
    f.ignore('enforcingFailurePercentage', 'enforcingFailurePercentageLocalOrigin', 'failurePercentageThreshold');
    f.ignore('failurePercentageMinimumHosts', 'failurePercentageRequestVolume');
  }
  // Active health checks are refused where they are configured.
  f.ignore('successfulActiveHealthCheckUnejectHost');
}
