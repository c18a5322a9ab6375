// Requests that ask for a host which has a filter chain of its own, over the TLS of another chain: whoever came by
// that one has shown what it asks for, and not what the host's own chain asks for (RFC 9110 7.4: 421, and the
// client may come again by the right door). Only chains that differ in nothing but their server names stand for one
// another, and only where their certificates or their rules for clients differ.

import { isDeepStrictEqual } from 'node:util';
import type { FilterChain } from '../model/listener.ts';
import type { DownstreamTls } from '../model/tls.ts';
import { portColon } from '../proxy/path.ts';
import { serverNameScore } from './chain-match.ts';

export type NamedElsewhere = (authority: string) => boolean;

/** null: there is no such chain beside this one. */
export function namedElsewhere(chain: FilterChain, all: readonly FilterChain[]): NamedElsewhere | null {
  const { tls } = chain;
  if (tls === null) return null;
  const others = all.filter(
    (other) => other.match.serverNames.length > 0 && differs(tls, other.tls) && beside(chain, other),
  );
  if (others.length === 0) return null;
  return (authority) => {
    const name = nameOf(authority);
    const own = Math.max(serverNameScore(chain.match.serverNames, name), 0);
    return others.some(({ match }) => serverNameScore(match.serverNames, name) > own);
  };
}

function differs(tls: DownstreamTls, other: DownstreamTls | null): boolean {
  return other !== null && !isDeepStrictEqual(policyOf(tls), policyOf(other));
}

function policyOf({ certificates, validation, requireClientCertificate, minVersion }: DownstreamTls) {
  return { certificates, validation, requireClientCertificate, minVersion };
}

/** A client of the one could have had the other by saying another name. */
function beside(chain: FilterChain, other: FilterChain): boolean {
  return isDeepStrictEqual(withoutNames(chain), withoutNames(other));
}

/** Both end TLS, whether their match says so or not. */
function withoutNames({ match }: FilterChain) {
  return { ...match, serverNames: [], transportProtocol: 'tls' };
}

/** The host as a client would have said it in its ClientHello. */
function nameOf(authority: string): string {
  const colon = portColon(authority);
  const host = (colon === -1 ? authority : authority.slice(0, colon)).toLowerCase();
  return host.endsWith('.') ? host.slice(0, -1) : host;
}
