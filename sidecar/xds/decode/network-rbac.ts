// envoy.filters.network.rbac: rules for whole connections, before the terminal filter.

import { RBACSchema as RulesSchema } from '../../../proto/gen/envoy/config/rbac/v3/rbac_pb.ts';
import type { RBACSchema } from '../../../proto/gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.ts';
import type { NetworkRbac, Permission, Principal, Rbac } from '../../model/rbac.ts';
import type { Fields } from './fields.ts';
import { decodeRules } from './rbac.ts';

export function decodeNetworkRbac(f: Fields<typeof RBACSchema>): NetworkRbac {
  const rules = f.child('rules', RulesSchema);
  const shadow = f.child('shadowRules', RulesSchema);
  f.security('matcher', 'shadowMatcher');
  // What is looked at is known when the connection is there, and does not change: one look is enough.
  f.ignore('enforcementType');
  f.note('shadowRulesStatPrefix', 'shadow rules are counted beside the others');
  const rbac: NetworkRbac = {
    statPrefix: f.take('statPrefix'),
    rules: rules === null ? null : decodeRules(rules),
    shadowRules: shadow === null ? null : decodeRules(shadow),
  };
  f.end();
  for (const [name, part] of [
    ['rules', rbac.rules],
    ['shadowRules', rbac.shadowRules],
  ] as const) {
    if (part !== null && asksForRequest(part))
      f.add('security', name, 'speaks of headers or paths, which a connection does not have');
  }
  return rbac;
}

function asksForRequest({ policies }: Rbac): boolean {
  return policies.some(
    ({ permissions, principals }) => permissions.some(permissionAsks) || principals.some(principalAsks),
  );
}

function permissionAsks(rule: Permission): boolean {
  if (rule.kind === 'and' || rule.kind === 'or') return rule.rules.some(permissionAsks);
  if (rule.kind === 'not') return permissionAsks(rule.rule);
  return rule.kind === 'header' || rule.kind === 'path';
}

function principalAsks(rule: Principal): boolean {
  if (rule.kind === 'and' || rule.kind === 'or') return rule.ids.some(principalAsks);
  if (rule.kind === 'not') return principalAsks(rule.id);
  return rule.kind === 'header' || rule.kind === 'path';
}
