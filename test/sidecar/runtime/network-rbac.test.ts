// Rules for connections: who may have one, by identity, address and port, before a TCP proxy and before HTTP.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import type { JsonObject } from '@bufbuild/protobuf';
import { LISTENER } from '../../../proto/resources.ts';
import { answer, startOrigin } from '../../mesh/origin.ts';
import { makeLeaf, makeRoot, type Pair } from '../../mesh/pki.ts';
import { bootstrapText, startProxy } from '../../mesh/proxy.ts';
import { dialTcp, Peer } from '../../mesh/tcp.ts';
import { tcpOrigin, tcpStory } from '../../mesh/tcp-story.ts';
import { listenerJson, managerJson, refusals, TYPE } from '../xds/messages.ts';

const rbac = (rules: string) =>
  `{name: rbac, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network.rbac.v3.RBAC, stat_prefix: my, ${rules}}}`;
const policy = (action: string, who: string, what = '{any: true}') =>
  `{action: ${action}, policies: {p: {permissions: [${what}], principals: [${who}]}}}`;

const FRIEND = 'spiffe://mesh.test/ns/default/sa/friend';
const FOE = 'spiffe://mesh.test/ns/default/sa/foe';

test('by identity: the one that is allowed gets through, another not a byte', async (t) => {
  const root = await makeRoot('mesh');
  const own = await makeLeaf(root, { uris: ['spiffe://mesh.test/ns/default/sa/server'] });
  const inline = (text: string) => `{inline_string: ${JSON.stringify(text)}}`;
  const origin = await tcpOrigin(t);
  const story = await tcpStory(t, origin, {
    chain: `transport_socket: {name: tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext, require_client_certificate: true, common_tls_context: {tls_certificates: [{certificate_chain: ${inline(own.cert)}, private_key: ${inline(own.key)}}], validation_context: {trusted_ca: ${inline(root.cert)}}}}}, `,
    before: rbac(`rules: ${policy('ALLOW', `{authenticated: {principal_name: {exact: "${FRIEND}"}}}`)}`),
    format: '%RESPONSE_FLAGS% %BYTES_RECEIVED% %DOWNSTREAM_PEER_URI_SAN% %CONNECTION_TERMINATION_DETAILS%',
  });
  const open = async (pair: Pair) => {
    const socket: TLSSocket = connect({
      host: '127.0.0.1',
      port: story.proxy.port(),
      rejectUnauthorized: false,
      ...pair,
    });
    t.after(() => socket.destroy());
    const peer = new Peer(socket);
    peer.say('hello');
    return peer;
  };
  const foe = await open(await makeLeaf(root, { uris: [FOE] }));
  await foe.end();
  assert.equal(origin.taken, 0);
  const friend = await open(await makeLeaf(root, { uris: [FRIEND] }));
  const server = await origin.next();
  assert.equal(await server.hears('hello'), 'hello');
  friend.socket.end();
  server.socket.end();
  assert.deepEqual(await story.log(2), [`- 0 ${FOE} rbac_access_denied_matched_policy[none]`, `- 5 ${FRIEND} -`]);
  const { allowed, denied } = story.proxy.stats.networkRbac('my');
  assert.deepEqual([allowed, denied], [1, 1]);
});

test('by address and port, with several rules: each must let it in; shadow rules only count', async (t) => {
  const origin = await tcpOrigin(t);
  const range = (address: string, length: number) =>
    `{direct_remote_ip: {address_prefix: ${address}, prefix_len: ${length}}}`;
  const story = await tcpStory(t, origin, {
    before: [
      rbac(`rules: ${policy('ALLOW', range('127.0.0.0', 8))}, shadow_rules: ${policy('DENY', '{any: true}')}`),
      rbac(`rules: ${policy('DENY', range('127.0.9.0', 24))}`),
      rbac(`rules: ${policy('DENY', '{any: true}', '{destination_port: 1}')}`),
    ].join(', '),
  });
  const from = (address: string) => dialTcp(story.proxy.port(), address);
  const stranger = await from('127.0.9.1');
  await stranger.end();
  assert.equal(origin.taken, 0);
  stranger.socket.destroy();
  const client = await from('127.0.8.1');
  client.say('x');
  assert.equal(await (await origin.next()).hears('x'), 'x');
  client.socket.destroy();
  assert.equal(story.proxy.stats.networkRbac('my').shadow_denied, 2);
});

test('before HTTP: no request is read of whoever may not connect', async (t) => {
  const origin = await startOrigin(() => answer('in'));
  t.after(() => origin.close());
  const text = bootstrapText({ origins: { o1: origin.port } }).replace(
    '    - filters:\n',
    `    - filters:\n      - ${rbac(`rules: ${policy('DENY', '{direct_remote_ip: {address_prefix: 127.0.9.0, prefix_len: 24}}')}`)}\n`,
  );
  const proxy = await startProxy(text);
  t.after(() => proxy.close());
  const ask = async (address: string) => {
    const client = await dialTcp(proxy.port(), address);
    client.say('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
    await client.end();
    client.socket.destroy();
    return client.heard;
  };
  assert.equal(await ask('127.0.9.1'), '');
  assert.match(await ask('127.0.8.1'), /^HTTP\/1\.1 200/);
  assert.equal(origin.seen.length, 1);
});

test('rules that ask for a request are refused, and so is what cannot be evaluated', () => {
  const listener = (config: JsonObject) => ({
    ...listenerJson('l', 1),
    filter_chains: [
      {
        filters: [
          {
            name: 'rbac',
            typed_config: {
              '@type': `${TYPE}envoy.extensions.filters.network.rbac.v3.RBAC`,
              stat_prefix: 'my',
              ...config,
            },
          },
          { name: 'hcm', typed_config: managerJson() },
        ],
      },
    ],
  });
  const rules = (permission: JsonObject) => ({
    rules: { policies: { p: { permissions: [permission], principals: [{ any: true }] } } },
  });
  const header = { header: { name: 'a', present_match: true } };
  const nested = { and_rules: { rules: [{ not_rule: header }] } };
  const refused = (config: JsonObject) => refusals(LISTENER, listener(config), { allowUnsupported: true }).join('\n');
  assert.match(refused(rules(nested)), /typed_config\.rules: speaks of headers or paths/);
  assert.match(
    refused(rules({ metadata: { filter: 'f', path: [{ key: 'k' }], value: { present_match: true } } })),
    /metadata/,
  );
  assert.match(refused({ matcher: {} }), /matcher/);
});
