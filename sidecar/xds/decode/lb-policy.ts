// Load balancing: the older enum with its options, or the first known of the typed policies.

import type {
  ClusterSchema,
  Cluster_SlowStartConfigSchema as OldSlowStartSchema,
} from '../../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts';
import {
  Cluster_SlowStartConfigSchema,
  LoadBalancingPolicySchema,
  Cluster_LeastRequestLbConfigSchema as OldLeastRequestSchema,
  Cluster_RoundRobinLbConfigSchema as OldRoundRobinSchema,
  Cluster_LbPolicy as Policy,
  LoadBalancingPolicy_PolicySchema as TypedPolicySchema,
} from '../../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts';
import { RuntimeDoubleSchema } from '../../../proto/gen/envoy/config/core/v3/base_pb.ts';
import { TypedExtensionConfigSchema } from '../../../proto/gen/envoy/config/core/v3/extension_pb.ts';
import type { SlowStartConfigSchema as NewSlowStartSchema } from '../../../proto/gen/envoy/extensions/load_balancing_policies/common/v3/common_pb.ts';
import {
  LocalityLbConfigSchema,
  SlowStartConfigSchema,
} from '../../../proto/gen/envoy/extensions/load_balancing_policies/common/v3/common_pb.ts';
import {
  LeastRequestSchema,
  LeastRequest_SelectionMethod as Selection,
} from '../../../proto/gen/envoy/extensions/load_balancing_policies/least_request/v3/least_request_pb.ts';
import { RandomSchema } from '../../../proto/gen/envoy/extensions/load_balancing_policies/random/v3/random_pb.ts';
import { RoundRobinSchema } from '../../../proto/gen/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin_pb.ts';
import { WrrLocalitySchema } from '../../../proto/gen/envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality_pb.ts';
import { PercentSchema } from '../../../proto/gen/envoy/type/v3/percent_pb.ts';
import type { LbPolicy, SlowStart } from '../../model/cluster.ts';
import type { Extension } from './any.ts';
import { isType, openAny, typeName } from './any.ts';
import type { Fields } from './fields.ts';

export interface DecodedLb {
  readonly lb: LbPolicy;
  /** What a typed policy says about localities; null: common_lb_config decides. */
  readonly localityWeighted: boolean | null;
  readonly failTrafficOnPanic: boolean | null;
}

const ROUND_ROBIN: LbPolicy = { kind: 'round-robin', slowStart: null };
const DEFAULT_LB: DecodedLb = { lb: ROUND_ROBIN, localityWeighted: null, failTrafficOnPanic: null };

export function decodeLb(f: Fields<typeof ClusterSchema>): DecodedLb {
  const typed = f.child('loadBalancingPolicy', LoadBalancingPolicySchema);
  const policy = f.take('lbPolicy');
  const config = f.take('lbConfig');
  if (typed !== null) return decodeTyped(typed) ?? DEFAULT_LB;
  switch (policy) {
    case Policy.ROUND_ROBIN:
      return {
        ...DEFAULT_LB,
        lb:
          config.case === 'roundRobinLbConfig'
            ? oldRoundRobin(f.choice('roundRobinLbConfig', config.value, OldRoundRobinSchema))
            : ROUND_ROBIN,
      };
    case Policy.LEAST_REQUEST:
      return {
        ...DEFAULT_LB,
        lb: oldLeastRequest(
          config.case === 'leastRequestLbConfig'
            ? f.choice('leastRequestLbConfig', config.value, OldLeastRequestSchema)
            : null,
        ),
      };
    case Policy.RANDOM:
      return { ...DEFAULT_LB, lb: { kind: 'random' } };
    case Policy.LOAD_BALANCING_POLICY_CONFIG:
      f.invalid('lbPolicy', 'of LOAD_BALANCING_POLICY_CONFIG needs load_balancing_policy');
      return DEFAULT_LB;
    case Policy.CLUSTER_PROVIDED:
      f.invalid('lbPolicy', 'of CLUSTER_PROVIDED is not for clusters of this type');
      return DEFAULT_LB;
    default:
      f.unsupported(
        'lbPolicy',
        `of ${policy === Policy.RING_HASH ? 'RING_HASH' : 'MAGLEV'} is not supported by fairlead yet`,
      );
      return DEFAULT_LB;
  }
}

function oldRoundRobin(f: Fields<typeof OldRoundRobinSchema>): LbPolicy {
  const slowStart = decodeSlowStart(f.child('slowStartConfig', Cluster_SlowStartConfigSchema));
  f.end();
  return { kind: 'round-robin', slowStart };
}

function oldLeastRequest(f: Fields<typeof OldLeastRequestSchema> | null): LbPolicy {
  const policy: LbPolicy = {
    kind: 'least-request',
    choices: f?.take('choiceCount') ?? 2,
    activeBias: decodeBias(f?.child('activeRequestBias', RuntimeDoubleSchema) ?? null),
    slowStart: decodeSlowStart(f?.child('slowStartConfig', Cluster_SlowStartConfigSchema) ?? null),
    fullScan: false,
  };
  f?.end();
  return policy;
}

function decodeBias(f: Fields<typeof RuntimeDoubleSchema> | null): number {
  if (f === null) return 1;
  // What cannot be is replaced by the default, as in Envoy.
  return f.message.defaultValue >= 0 ? f.message.defaultValue : 1;
}

function decodeSlowStart(
  f: Fields<typeof OldSlowStartSchema> | Fields<typeof NewSlowStartSchema> | null,
): SlowStart | null {
  if (f === null) return null;
  const fields = f as Fields<typeof NewSlowStartSchema>;
  const aggression = fields.child('aggression', RuntimeDoubleSchema);
  const minWeight = fields.child('minWeightPercent', PercentSchema);
  const slowStart = {
    windowMs: fields.ms('slowStartWindow', 0),
    aggression: positive(aggression?.message.defaultValue),
    minWeightPercent: minWeight?.message.value ?? 10,
  };
  fields.end();
  return slowStart.windowMs === 0 ? null : slowStart;
}

/** An aggression that cannot be is replaced by the default, as in Envoy. */
function positive(aggression: number | undefined): number {
  return aggression !== undefined && aggression > 0 ? aggression : 1;
}

/** Policies that Envoy has and we do not: it would take them, so passing over them would balance otherwise. */
const OTHERS =
  /\.(ring_hash|maglev|subset|cluster_provided|client_side_weighted_round_robin|override_host|random_subsetting|dynamic_modules|load_aware_locality)\.v\d/;

function decodeTyped(f: Fields<typeof LoadBalancingPolicySchema>): DecodedLb | null {
  const policies = f.children('policies', TypedPolicySchema);
  f.end();
  for (const policy of policies) {
    const extension = policy.child('typedExtensionConfig', TypedExtensionConfigSchema);
    const any = extension?.take('typedConfig');
    if (extension === null || any === undefined) continue;
    const name = typeName(any);
    if (OTHERS.test(name)) extension.unsupported('typedConfig', `the policy ${name} is not supported by fairlead yet`);
    else if (KNOWN.has(name)) {
      const opened = openAny(any, extension.at('typedConfig'), extension.context);
      return opened === null ? null : decodeExtension(opened);
    }
  }
  f.invalid('policies', 'holds no load balancing policy that is known here');
  return null;
}

const KNOWN: ReadonlySet<string> = new Set(
  [RoundRobinSchema, LeastRequestSchema, RandomSchema, WrrLocalitySchema].map((schema) => schema.typeName),
);

function decodeExtension(opened: Extension): DecodedLb | null {
  if (isType(opened, RoundRobinSchema)) return roundRobin(opened);
  if (isType(opened, LeastRequestSchema)) return leastRequest(opened);
  if (isType(opened, RandomSchema)) return random(opened);
  if (isType(opened, WrrLocalitySchema)) return wrrLocality(opened);
  return null;
}

function roundRobin(f: Fields<typeof RoundRobinSchema>): DecodedLb {
  const slowStart = decodeSlowStart(f.child('slowStartConfig', SlowStartConfigSchema));
  const locality = decodeLocality(f.child('localityLbConfig', LocalityLbConfigSchema));
  f.end();
  return { lb: { kind: 'round-robin', slowStart }, ...locality };
}

function leastRequest(f: Fields<typeof LeastRequestSchema>): DecodedLb {
  const lb: LbPolicy = {
    kind: 'least-request',
    choices: f.take('choiceCount') ?? 2,
    activeBias: decodeBias(f.child('activeRequestBias', RuntimeDoubleSchema)),
    slowStart: decodeSlowStart(f.child('slowStartConfig', SlowStartConfigSchema)),
    fullScan: f.take('selectionMethod') === Selection.FULL_SCAN || f.take('enableFullScan') === true,
  };
  const locality = decodeLocality(f.child('localityLbConfig', LocalityLbConfigSchema));
  f.take('enableFullScan');
  f.end();
  return { lb, ...locality };
}

function random(f: Fields<typeof RandomSchema>): DecodedLb {
  const locality = decodeLocality(f.child('localityLbConfig', LocalityLbConfigSchema));
  f.end();
  return { lb: { kind: 'random' }, ...locality };
}

/** Localities by their weights, hosts within by the policy that it names. */
function wrrLocality(f: Fields<typeof WrrLocalitySchema>): DecodedLb | null {
  const inner = f.child('endpointPickingPolicy', LoadBalancingPolicySchema);
  f.end();
  const decoded = inner === null ? null : decodeTyped(inner);
  return decoded === null ? null : { ...decoded, localityWeighted: true };
}

/** Zone-aware routing needs a local cluster, which is refused in the bootstrap; its panic option holds. */
function decodeLocality(
  f: Fields<typeof LocalityLbConfigSchema> | null,
): Pick<DecodedLb, 'localityWeighted' | 'failTrafficOnPanic'> {
  const specifier = f?.take('localityConfigSpecifier');
  f?.end();
  return {
    localityWeighted: specifier?.case === 'localityWeightedLbConfig',
    failTrafficOnPanic: specifier?.case === 'zoneAwareLbConfig' && specifier.value.failTrafficOnPanic,
  };
}
