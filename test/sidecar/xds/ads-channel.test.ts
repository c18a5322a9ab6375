// Who a sidecar takes for discovery: the chain, the names and the pins that the bootstrap's cluster asks for
// (robustness.md 2.5, S01 to S03).

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { before, describe, it } from 'node:test';
import { Client, Server, ServerCredentials } from '@grpc/grpc-js';
import { CLUSTER } from '../../../proto/resources.ts';
import type { Cluster } from '../../../sidecar/model/cluster.ts';
import { credentialsOf } from '../../../sidecar/xds/ads-channel.ts';
import { BAD_CERTIFICATES } from '../../conformance/tls/bad-certificates.ts';
import { FRIEND, makeParties, type Parties } from '../../conformance/tls/parties.ts';
import { makeLeaf, type Pair } from '../../mesh/pki.ts';
import { accept, clusterJson, TYPE } from './messages.ts';

let parties: Parties;
before(async () => {
  parties = await makeParties();
});

/** A cluster towards discovery that asks for this. */
function clusterWith(more: Record<string, string[]>): Cluster {
  const validation = { trusted_ca: { inline_string: parties.root.cert }, ...more };
  const typed_config = {
    '@type': `${TYPE}envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext`,
    common_tls_context: { tls_params: { tls_maximum_protocol_version: 'TLSv1_3' }, validation_context: validation },
  };
  return accept<Cluster>(CLUSTER, clusterJson('xds', { transport_socket: { name: 'tls', typed_config } }));
}

function forFriend(): Cluster {
  const cluster = clusterWith({});
  const validation = cluster.tls?.validation;
  assert.ok(cluster.tls !== null && validation?.kind === 'inline');
  const subjectAltNames = [
    { type: 'uri' as const, match: { kind: 'exact' as const, value: FRIEND, ignoreCase: false } },
  ];
  const context = { ...validation.context, subjectAltNames };
  return { ...cluster, tls: { ...cluster.tls, validation: { kind: 'inline', context } } };
}

/** The name of a server cannot be an address (RFC 6066 3). */
const BY_NAME = { 'grpc.ssl_target_name_override': 'discovery' };

/** Whether a channel comes about to a server with that certificate. */
async function connects(cluster: Cluster, pair: Pair): Promise<boolean> {
  const server = new Server();
  const keys = [{ cert_chain: Buffer.from(pair.cert), private_key: Buffer.from(pair.key) }];
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createSsl(null, keys), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  const client = new Client(`127.0.0.1:${port}`, credentialsOf(cluster, new Map()), BY_NAME);
  const channel = client.getChannel();
  const settled = await new Promise<boolean>((resolve) => {
    const look = () => {
      const state = channel.getConnectivityState(true);
      if (state === 2) resolve(true);
      else if (state === 3) resolve(false);
      else channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, look);
    };
    look();
  });
  client.close();
  server.forceShutdown();
  return settled;
}

describe('discovery', () => {
  it('is who has the name that is asked for', async () => {
    assert.equal(await connects(forFriend(), parties.friend), true);
  });

  for (const { name, make } of BAD_CERTIFICATES) {
    it(`is not ${name}`, async () => assert.equal(await connects(forFriend(), await make(parties)), false));
  }

  it('S01: is not a certificate for clients only', async () => {
    const pair = await makeLeaf(parties.root, { uris: [FRIEND], usages: ['client'] });
    assert.equal(await connects(forFriend(), pair), false);
  });

  it('is not another certificate than the one that is pinned', async () => {
    const pin = new X509Certificate(parties.friend.cert).fingerprint256;
    const pinned = clusterWith({ verify_certificate_hash: [pin] });
    assert.equal(await connects(pinned, parties.friend), true);
    assert.equal(await connects(pinned, await makeLeaf(parties.root, { uris: [FRIEND] })), false);
  });
});
