// Role-based access control (envoy.filters.http.rbac, envoy.filters.network.rbac): may this peer send this
// request, or have this connection? Identities are
// compared exactly as configured; a deny rule on a repeated header looks at each of its values.

import { BlockList, isIP } from 'node:net';
import type { Exchange } from '../exchange.ts';
import { FLAG } from '../errors.ts';
import { headerMatches, stringMatches } from '../model/matching.ts';
import type { Cidr } from '../model/match.ts';
import type { Permission, Principal, Rbac } from '../model/rbac.ts';
import type { RbacStats } from '../telemetry/cells/http.ts';
import type { Filter, LocalReply, Verdict } from './filter.ts';

export interface RbacRules {
  readonly rules: Rbac | null;
  readonly shadowRules: Rbac | null;
}

type Test = (x: Exchange) => boolean;

interface CompiledPolicy {
  readonly name: string;
  readonly matches: Test;
}

interface CompiledRbac {
  readonly action: Rbac['action'];
  readonly policies: readonly CompiledPolicy[];
}

export function rbacFilter(name: string, { rules, shadowRules }: RbacRules, stats: RbacStats): Filter {
  const judge = judgeOf({ rules, shadowRules }, stats);
  return {
    name,
    onRequest(x: Exchange): Verdict {
      const details = judge(x);
      return details === null ? null : denial(details);
    },
  };
}

/** Why the exchange may not be, as %RESPONSE_CODE_DETAILS%; null: it may. */
export type Judge = (x: Exchange) => string | null;

/** Counts what it says. */
export function judgeOf({ rules, shadowRules }: RbacRules, stats: RbacStats): Judge {
  const enforced = rules === null ? null : compileRbac(rules);
  const shadow = shadowRules === null ? null : compileRbac(shadowRules);
  return (x) => {
    if (shadow !== null) {
      if (decide(shadow, x).allowed) stats.shadow_allowed++;
      else stats.shadow_denied++;
    }
    if (enforced === null) return null;
    const decision = decide(enforced, x);
    if (decision.allowed) {
      stats.allowed++;
      return null;
    }
    stats.denied++;
    return `rbac_access_denied_matched_policy[${decision.policy}]`;
  };
}

function denial(details: string): LocalReply {
  return { status: 403, body: 'RBAC: access denied', details, flag: FLAG.UAEX, headers: [] };
}

function decide(rbac: CompiledRbac, x: Exchange): { readonly allowed: boolean; readonly policy: string } {
  const found = rbac.policies.find((policy) => policy.matches(x));
  if (rbac.action === 'log') return { allowed: true, policy: 'none' };
  return { allowed: (found !== undefined) === (rbac.action === 'allow'), policy: found?.name ?? 'none' };
}

function compileRbac(rbac: Rbac): CompiledRbac {
  return {
    action: rbac.action,
    policies: rbac.policies.map(({ name, permissions, principals }) => {
      const may = anyOf(permissions.map(permissionTest));
      const who = anyOf(principals.map(principalTest));
      return { name, matches: (x) => may(x) && who(x) };
    }),
  };
}

function anyOf(tests: readonly Test[]): Test {
  return (x) => tests.some((test) => test(x));
}

function allOf(tests: readonly Test[]): Test {
  return (x) => tests.every((test) => test(x));
}

function permissionTest(rule: Permission): Test {
  switch (rule.kind) {
    case 'any':
      return () => true;
    case 'and':
      return allOf(rule.rules.map(permissionTest));
    case 'or':
      return anyOf(rule.rules.map(permissionTest));
    case 'not': {
      const inner = permissionTest(rule.rule);
      return (x) => !inner(x);
    }
    case 'header':
      return (x) => headerMatches(rule.match, x.requestHeaderValues(rule.match.name));
    case 'path':
      return (x) => stringMatches(rule.match, pathOf(x));
    case 'destination-ip':
      return addressTest(rule.cidr, (x) => x.connection.local.host);
    case 'destination-port':
      return (x) => x.connection.local.port >= rule.start && x.connection.local.port < rule.end;
    default:
      return (x) => stringMatches(rule.match, x.connection.serverName ?? '');
  }
}

function principalTest(rule: Principal): Test {
  switch (rule.kind) {
    case 'any':
      return () => true;
    case 'and':
      return allOf(rule.ids.map(principalTest));
    case 'or':
      return anyOf(rule.ids.map(principalTest));
    case 'not': {
      const inner = principalTest(rule.id);
      return (x) => !inner(x);
    }
    case 'authenticated':
      return (x) => authenticated(x, rule.match);
    case 'header':
      return (x) => headerMatches(rule.match, x.requestHeaderValues(rule.match.name));
    case 'path':
      return (x) => stringMatches(rule.match, pathOf(x));
    case 'remote-ip':
      return addressTest(rule.cidr, (x) => x.remote.host);
    case 'source-ip':
      return addressTest(rule.cidr, (x) => (x.connection.proxied ?? x.connection.direct).host);
    default:
      return addressTest(rule.cidr, (x) => x.connection.direct.host);
  }
}

/** URI names first, then DNS names, then the subject, as Envoy takes them (xds.md 6.6, 10). */
function authenticated(x: Exchange, match: Parameters<typeof stringMatches>[0] | null): boolean {
  const { tls } = x.connection;
  const peer = tls?.validated ? tls.peer : null;
  if (peer === null) return false;
  if (match === null) return true;
  if (peer.uriSans.length > 0) return peer.uriSans.some((uri) => stringMatches(match, uri));
  if (peer.dnsSans.length > 0) return peer.dnsSans.some((dns) => stringMatches(match, dns));
  return stringMatches(match, peer.subject);
}

function pathOf(x: Exchange): string {
  const { path } = x.request;
  const end = path.indexOf('?');
  return end === -1 ? path : path.slice(0, end);
}

function addressTest(cidr: Cidr, address: (x: Exchange) => string): Test {
  const list = new BlockList();
  list.addSubnet(cidr.address, cidr.prefixLength, isIP(cidr.address) === 6 ? 'ipv6' : 'ipv4');
  return (x) => {
    const text = address(x);
    const family = isIP(text);
    return family !== 0 && list.check(text, family === 6 ? 'ipv6' : 'ipv4');
  };
}
