// Who may call whom, as Envoy's RBAC filters at the inbound listener: what DENY policies name is refused
// first; where an ALLOW policy applies, everything that none allows is refused.

import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import {
  type PermissionSchema,
  type PolicySchema,
  type PrincipalSchema,
  RBAC_Action,
} from '../../proto/gen/envoy/config/rbac/v3/rbac_pb.ts';
import { RBACPerRouteSchema, RBACSchema } from '../../proto/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.ts';
import type { HttpFilterSchema } from '../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts';
import type { AuthorizationPolicy, AuthorizationRule, Caller, MeshPolicy, StringMatch } from '../catalog/types.ts';
import { identityOf } from './names.ts';
import { any } from './resource.ts';

type PermissionInit = MessageInitShape<typeof PermissionSchema>;
type PrincipalInit = MessageInitShape<typeof PrincipalSchema>;

export const ACTIONS = ['DENY', 'ALLOW'] as const;
export type Action = (typeof ACTIONS)[number];

function filterName(action: Action): string {
  return `envoy.filters.http.rbac.${action.toLowerCase()}`;
}

/** The filters of an inbound listener; empty, because the rules stand in its route table (rbacRules). */
export function rbacFilters(): MessageInitShape<typeof HttpFilterSchema>[] {
  return ACTIONS.map((action) => ({
    name: filterName(action),
    configType: { case: 'typedConfig', value: any(RBACSchema, {}) },
  }));
}

/** The rules for a service, by filter: a change of policy is a change of routes and drains no connection. */
export function rbacRules(
  service: string,
  policies: readonly AuthorizationPolicy[],
  mesh: MeshPolicy,
): Record<string, Any> {
  const applying = applyingTo(service, policies);
  const rules = ACTIONS.flatMap((action) => {
    const chosen = applying.filter((policy) => policy.action === action);
    return chosen.length === 0 ? [] : [[filterName(action), rulesOf(action, chosen, mesh)] as const];
  });
  return Object.fromEntries(rules);
}

export function applyingTo(service: string, policies: readonly AuthorizationPolicy[]): readonly AuthorizationPolicy[] {
  return policies.filter((policy) => policy.services === null || policy.services.includes(service));
}

function rulesOf(action: Action, policies: readonly AuthorizationPolicy[], mesh: MeshPolicy): Any {
  const entries = policies.flatMap((policy) =>
    policy.rules.map((rule, i) => [`${policy.name}[${i}]`, policyOf(rule, mesh)] as const),
  );
  const rules = { action: RBAC_Action[action], policies: Object.fromEntries(entries) };
  return any(RBACPerRouteSchema, { rbac: { rules } });
}

export function policyOf(rule: AuthorizationRule, mesh: MeshPolicy): MessageInitShape<typeof PolicySchema> {
  const anyone: PrincipalInit = { identifier: { case: 'any', value: true } };
  const anything: PermissionInit = { rule: { case: 'any', value: true } };
  return {
    principals: rule.from.length === 0 ? [anyone] : rule.from.map((caller) => principal(caller, mesh)),
    permissions: rule.to.length === 0 ? [anything] : rule.to.map(({ paths, methods }) => permission(paths, methods)),
  };
}

/** By the certificate's URI, exactly; a connection without certificate matches none. */
function principal(caller: Caller, mesh: MeshPolicy): PrincipalInit {
  const uri = 'principal' in caller ? caller.principal : identityOf(mesh, caller.namespace, caller.service);
  return {
    identifier: { case: 'authenticated', value: { principalName: { matchPattern: { case: 'exact', value: uri } } } },
  };
}

function permission(paths: readonly StringMatch[], methods: readonly string[]): PermissionInit {
  const parts: PermissionInit[] = [];
  if (paths.length > 0) parts.push(anyOf(paths.map(pathPermission)));
  if (methods.length > 0) parts.push(anyOf(methods.map(methodPermission)));
  return parts.length === 0
    ? { rule: { case: 'any', value: true } }
    : { rule: { case: 'andRules', value: { rules: parts } } };
}

function anyOf(rules: PermissionInit[]): PermissionInit {
  return { rule: { case: 'orRules', value: { rules } } };
}

function pathPermission({ kind, value }: StringMatch): PermissionInit {
  if (kind === 'prefix' && value === '') return { rule: { case: 'any', value: true } };
  const matchPattern =
    kind === 'regex' ? ({ case: 'safeRegex', value: { regex: value } } as const) : ({ case: kind, value } as const);
  return { rule: { case: 'urlPath', value: { rule: { case: 'path', value: { matchPattern } } } } };
}

function methodPermission(method: string): PermissionInit {
  return {
    rule: {
      case: 'header',
      value: {
        name: ':method',
        headerMatchSpecifier: { case: 'stringMatch', value: { matchPattern: { case: 'exact', value: method } } },
      },
    },
  };
}
