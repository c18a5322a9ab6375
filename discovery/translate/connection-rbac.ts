// Who may connect to a service of plain connections, as Envoy's network RBAC filters. A connection has no
// path and no method: what a rule says of them can never allow one, and never keeps a denial from one.

import type { MessageInitShape } from '@bufbuild/protobuf';
import type { FilterSchema } from '../../proto/gen/envoy/config/listener/v3/listener_components_pb.ts';
import { RBAC_Action } from '../../proto/gen/envoy/config/rbac/v3/rbac_pb.ts';
import { RBACSchema } from '../../proto/gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.ts';
import type { AuthorizationPolicy, AuthorizationRule, MeshPolicy } from '../catalog/types.ts';
import { ACTIONS, type Action, applyingTo, policyOf } from './rbac.ts';
import { any } from './resource.ts';

/** A filter for each action that some policy for the service takes; DENY first. */
export function connectionRules(
  service: string,
  policies: readonly AuthorizationPolicy[],
  mesh: MeshPolicy,
): MessageInitShape<typeof FilterSchema>[] {
  const applying = applyingTo(service, policies);
  return ACTIONS.flatMap((action) => {
    const chosen = applying.filter((policy) => policy.action === action);
    return chosen.length === 0 ? [] : [filterOf(action, chosen, mesh)];
  });
}

function filterOf(action: Action, policies: readonly AuthorizationPolicy[], mesh: MeshPolicy) {
  const entries = policies.flatMap((policy) =>
    policy.rules.flatMap((rule, i) =>
      action === 'ALLOW' && !allowsConnections(rule)
        ? []
        : [[`${policy.name}[${i}]`, policyOf({ ...rule, to: [] }, mesh)] as const],
    ),
  );
  const config = any(RBACSchema, {
    statPrefix: `${action.toLowerCase()}.`,
    // Without policies ALLOW lets nobody in.
    rules: { action: RBAC_Action[action], policies: Object.fromEntries(entries) },
  });
  return {
    name: `envoy.filters.network.rbac.${action.toLowerCase()}`,
    configType: { case: 'typedConfig', value: config },
  } as const;
}

/** One that speaks of some requests only allows no connection. */
function allowsConnections({ to }: AuthorizationRule): boolean {
  return to.length === 0 || to.some(({ paths, methods }) => paths.length === 0 && methods.length === 0);
}
