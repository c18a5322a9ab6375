// envoy.config.rbac.v3 as data. A part that we cannot evaluate refuses the whole: half a rule is no rule.

import { CidrRangeSchema } from '../../../proto/gen/envoy/config/core/v3/address_pb.ts';
import {
  RBAC_Action as Action,
  Principal_AuthenticatedSchema as AuthenticatedSchema,
  PermissionSchema,
  Permission_SetSchema as PermissionSetSchema,
  PolicySchema,
  PrincipalSchema,
  Principal_SetSchema as PrincipalSetSchema,
  RBACSchema as RulesSchema,
} from '../../../proto/gen/envoy/config/rbac/v3/rbac_pb.ts';
import { HeaderMatcherSchema } from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts';
import type { RBACPerRouteSchema } from '../../../proto/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.ts';
import { RBACSchema } from '../../../proto/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.ts';
import { PathMatcherSchema } from '../../../proto/gen/envoy/type/matcher/v3/path_pb.ts';
import { StringMatcherSchema } from '../../../proto/gen/envoy/type/matcher/v3/string_pb.ts';
import { Int32RangeSchema } from '../../../proto/gen/envoy/type/v3/range_pb.ts';
import type { TypedFilterConfig } from '../../model/filter.ts';
import type { StringMatch } from '../../model/match.ts';
import type { Permission, Principal, Rbac, RbacPolicy } from '../../model/rbac.ts';
import { Fields } from './fields.ts';
import { decodeCidr, decodeHeaderMatch, decodeStringMatch } from './matcher.ts';

type RbacFilter = Extract<TypedFilterConfig, { kind: 'rbac' }>;

export function decodeRbacFilter(f: Fields<typeof RBACSchema>): RbacFilter {
  const rules = f.child('rules', RulesSchema);
  const shadow = f.child('shadowRules', RulesSchema);
  f.security('matcher', 'shadowMatcher');
  const filter: RbacFilter = {
    kind: 'rbac',
    rules: rules === null ? null : decodeRules(rules),
    shadowRules: shadow === null ? null : decodeRules(shadow),
    shadowStatPrefix: f.take('shadowRulesStatPrefix'),
    statPrefix: f.take('rulesStatPrefix'),
  };
  f.end();
  return filter;
}

/** Without rules the filter is off for the route. */
export function decodeRbacPerRoute(f: Fields<typeof RBACPerRouteSchema>): RbacFilter {
  const rbac = f.child('rbac', RBACSchema);
  f.end();
  return rbac === null
    ? { kind: 'rbac', rules: null, shadowRules: null, shadowStatPrefix: '', statPrefix: '' }
    : decodeRbacFilter(rbac);
}

const ACTIONS: Readonly<Record<Action, Rbac['action']>> = {
  [Action.ALLOW]: 'allow',
  [Action.DENY]: 'deny',
  [Action.LOG]: 'log',
};

export function decodeRules(f: Fields<typeof RulesSchema>): Rbac {
  const action = f.take('action');
  const policies = f.take('policies');
  f.end();
  return {
    action: ACTIONS[action] ?? 'deny',
    policies: Object.keys(policies)
      .sort()
      .map((name) => decodePolicy(f, name)),
  };
}

function decodePolicy(parent: Fields<typeof RulesSchema>, name: string): RbacPolicy {
  const path = `${parent.at('policies')}[${JSON.stringify(name)}]`;
  const policy = parent.message.policies[name];
  if (policy === undefined) return { name, permissions: [], principals: [] };
  const f = new Fields(PolicySchema, policy, path, parent.context);
  const decoded = {
    name,
    permissions: f.children('permissions', PermissionSchema).map(decodePermission),
    principals: f.children('principals', PrincipalSchema).map(decodePrincipal),
  };
  f.end();
  return decoded;
}

/** Matches nothing; stands for what was refused. */
const NO_PERMISSION: Permission = { kind: 'not', rule: { kind: 'any' } };
const NO_PRINCIPAL: Principal = { kind: 'not', id: { kind: 'any' } };

function decodePermission(f: Fields<typeof PermissionSchema>): Permission {
  const { rule } = f.message;
  switch (rule.case) {
    case 'andRules':
      return { kind: 'and', rules: decodePermissions(f.choice('andRules', rule.value, PermissionSetSchema)) };
    case 'orRules':
      return { kind: 'or', rules: decodePermissions(f.choice('orRules', rule.value, PermissionSetSchema)) };
    case 'notRule':
      return { kind: 'not', rule: decodePermission(f.choice('notRule', rule.value, PermissionSchema)) };
    case 'any':
      return { kind: 'any' };
    case 'header':
      return { kind: 'header', match: decodeHeaderMatch(f.choice('header', rule.value, HeaderMatcherSchema)) };
    case 'urlPath':
      return { kind: 'path', match: decodePath(f.choice('urlPath', rule.value, PathMatcherSchema)) };
    case 'destinationIp':
      return { kind: 'destination-ip', cidr: decodeCidr(f.choice('destinationIp', rule.value, CidrRangeSchema)) };
    case 'destinationPort':
      return { kind: 'destination-port', start: rule.value, end: rule.value + 1 };
    case 'destinationPortRange':
      return {
        kind: 'destination-port',
        ...decodePorts(f.choice('destinationPortRange', rule.value, Int32RangeSchema)),
      };
    case 'requestedServerName':
      return {
        kind: 'server-name',
        match: decodeStringMatch(f.choice('requestedServerName', rule.value, StringMatcherSchema)),
      };
    default:
      if (rule.case !== undefined) f.add('security', rule.case, 'is not supported by fairlead in a permission');
      return NO_PERMISSION;
  }
}

function decodePermissions(f: Fields<typeof PermissionSetSchema>): Permission[] {
  const rules = f.children('rules', PermissionSchema).map(decodePermission);
  f.end();
  return rules;
}

function decodePrincipal(f: Fields<typeof PrincipalSchema>): Principal {
  const { identifier } = f.message;
  switch (identifier.case) {
    case 'andIds':
      return { kind: 'and', ids: decodePrincipals(f.choice('andIds', identifier.value, PrincipalSetSchema)) };
    case 'orIds':
      return { kind: 'or', ids: decodePrincipals(f.choice('orIds', identifier.value, PrincipalSetSchema)) };
    case 'notId':
      return { kind: 'not', id: decodePrincipal(f.choice('notId', identifier.value, PrincipalSchema)) };
    case 'any':
      return { kind: 'any' };
    case 'authenticated':
      return {
        kind: 'authenticated',
        match: decodeAuthenticated(f.choice('authenticated', identifier.value, AuthenticatedSchema)),
      };
    case 'header':
      return { kind: 'header', match: decodeHeaderMatch(f.choice('header', identifier.value, HeaderMatcherSchema)) };
    case 'urlPath':
      return { kind: 'path', match: decodePath(f.choice('urlPath', identifier.value, PathMatcherSchema)) };
    case 'sourceIp':
      return { kind: 'source-ip', cidr: decodeCidr(f.choice('sourceIp', identifier.value, CidrRangeSchema)) };
    case 'directRemoteIp':
      return { kind: 'direct-ip', cidr: decodeCidr(f.choice('directRemoteIp', identifier.value, CidrRangeSchema)) };
    case 'remoteIp':
      return { kind: 'remote-ip', cidr: decodeCidr(f.choice('remoteIp', identifier.value, CidrRangeSchema)) };
    default:
      if (identifier.case !== undefined)
        f.add('security', identifier.case, 'is not supported by fairlead in a principal');
      return NO_PRINCIPAL;
  }
}

function decodePrincipals(f: Fields<typeof PrincipalSetSchema>): Principal[] {
  const ids = f.children('ids', PrincipalSchema).map(decodePrincipal);
  f.end();
  return ids;
}

function decodeAuthenticated(f: Fields<typeof AuthenticatedSchema>): StringMatch | null {
  const name = f.child('principalName', StringMatcherSchema);
  f.end();
  return name === null ? null : decodeStringMatch(name);
}

function decodePath(f: Fields<typeof PathMatcherSchema>): StringMatch {
  const rule = f.take('rule');
  f.end();
  if (rule.case !== 'path') return { kind: 'exact', value: '', ignoreCase: false };
  return decodeStringMatch(new Fields(StringMatcherSchema, rule.value, f.at('path'), f.context));
}

/** Start is in, end is out. */
function decodePorts(f: Fields<typeof Int32RangeSchema>): { start: number; end: number } {
  const range = { start: f.take('start'), end: f.take('end') };
  f.end();
  if (range.start < 0 || range.end > 65536 || range.start >= range.end) f.invalid('', 'is no range of ports');
  return range;
}
