// A strict listener whose secrets are replaced one by one, as they are when discovery sends others.

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { connect } from 'node:tls';
import { manualClock } from '../../manual-clock.ts';
import { rawClient, type RawClient } from '../../mesh/client.ts';
import type { Pair } from '../../mesh/pki.ts';
import { type BootstrapPieces, bootstrapText, snapshotOf, startProxy } from '../../mesh/proxy.ts';
import { inline, type Parties, THE_FRIEND, TLS } from './parties.ts';

const sds = (name: string) => `{name: ${name}, sds_config: {ads: {}}}`;
export const BY_SDS = `transport_socket: {name: t, typed_config: {"@type": ${TLS}.DownstreamTlsContext, require_client_certificate: true, common_tls_context: {tls_certificate_sds_secret_configs: [${sds('default')}], combined_validation_context: {default_validation_context: {match_typed_subject_alt_names: [${THE_FRIEND}]}, validation_context_sds_secret_config: ${sds('ROOTCA')}}}}}`;
export const DRAIN_MS = 60_000;

/** Secrets of a bootstrap, which stands at its end. */
function secretsText(own: Pair, trusted: string): string {
  return `  secrets:
  - {name: default, tls_certificate: {certificate_chain: ${inline(own.cert)}, private_key: ${inline(own.key)}}}
  - {name: ROOTCA, validation_context: {trusted_ca: ${inline(trusted)}}}
`;
}

const PIECES: BootstrapPieces = {
  origins: { o1: 1 },
  chain: BY_SDS,
  routes: '- {match: {prefix: /}, route: {cluster: o1, timeout: 0s}}',
  hcm: 'stream_idle_timeout: 0s\ndrain_timeout: 5s',
};

export function rotating(t: TestContext, parties: Parties, originPort: number) {
  return rotatingSecrets(t, parties, bootstrapText({ ...PIECES, origins: { o1: originPort } }));
}

/** `text`: a bootstrap that ends with its static resources. */
export async function rotatingSecrets(t: TestContext, parties: Parties, text: string) {
  const clock = manualClock(Date.now());
  const withSecrets = (own: Pair, trusted: string) => snapshotOf(text + secretsText(own, trusted));
  const first = withSecrets(parties.own, parties.root.cert);
  const proxy = await startProxy(text + secretsText(parties.own, parties.root.cert), { clock, drainTimeMs: DRAIN_MS });
  t.after(() => proxy.close());
  proxy.runtime.apply(first);
  const replace = (name: 'default' | 'ROOTCA', own: Pair, trusted: string) => {
    const secret = withSecrets(own, trusted).secrets.get(name) ?? assert.fail(name);
    proxy.runtime.apply({ ...first, secrets: new Map([...first.secrets, [name, secret]]) });
  };
  const open = async (pair: Pair = parties.friend) => {
    const socket = connect({ port: proxy.port(), host: '127.0.0.1', rejectUnauthorized: false, ...pair });
    const client = rawClient(socket);
    t.after(() => client.close());
    await ask(client);
    return client;
  };
  return {
    clock,
    proxy,
    open,
    renew: (own: Pair) => replace('default', own, parties.root.cert),
    trust: (ca: string) => replace('ROOTCA', parties.own, ca),
  };
}

/** Asks on a connection that stays; the answer's head. */
export async function ask(client: RawClient): Promise<string> {
  const before = client.received.length;
  await client.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  return (await client.until((text) => text.endsWith('in') && text.length > before)).slice(before);
}
