// Certificates, keys and trust: what does not fit together is refused before anyone depends on it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import type { JsonObject } from '@bufbuild/protobuf';
import { CLUSTER, LISTENER, SECRET } from '../../../../proto/resources.ts';
import type { Listener } from '../../../../sidecar/model/listener.ts';
import type { Secret } from '../../../../sidecar/model/secret.ts';
import { accept, clusterJson, listenerJson, refusals, TYPE } from '../messages.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fairlead-secret-'));
after(() => fs.rmSync(folder, { recursive: true, force: true }));

function pair(name: string): { certificate: string; key: string } {
  const [key, certificate] = [path.join(folder, `${name}.key`), path.join(folder, `${name}.pem`)];
  const words = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '1',
    '-subj',
    `/CN=${name}`,
  ];
  execFileSync('openssl', [...words, '-keyout', key, '-out', certificate], { stdio: 'ignore' });
  return { certificate: fs.readFileSync(certificate, 'utf8'), key: fs.readFileSync(key, 'utf8') };
}

const ONE = pair('one');
const OTHER = pair('other');
const inline = (text: string) => ({ inline_string: text });

test('a certificate with its key', () => {
  const json = {
    name: 'default',
    tls_certificate: { certificate_chain: inline(ONE.certificate), private_key: inline(ONE.key) },
  };
  const secret = accept<Secret>(SECRET, json);
  assert.equal(secret.kind === 'certificate' && secret.certificate.chain, ONE.certificate);
  const fromFiles = {
    name: 'default',
    tls_certificate: {
      certificate_chain: { filename: path.join(folder, 'one.pem') },
      private_key: { filename: path.join(folder, 'one.key') },
    },
  };
  assert.deepEqual(accept<Secret>(SECRET, fromFiles), secret);
});

test('S13: a key of another certificate, garbage and missing files are refused', () => {
  const refused = (certificate: JsonObject, key: JsonObject) =>
    refusals(SECRET, { name: 's', tls_certificate: { certificate_chain: certificate, private_key: key } });
  assert.deepEqual(refused(inline(ONE.certificate), inline(OTHER.key)), [
    'tls_certificate.private_key: does not belong to the certificate',
  ]);
  for (const none of ['x', ''])
    assert.match(refused(inline(none), inline(ONE.key))[0] ?? '', /certificate_chain: holds no certificate/);
  assert.match(
    refused({ filename: path.join(folder, 'none') }, inline(ONE.key))[0] ?? '',
    /certificate_chain\.filename: cannot read .*none/,
  );
  assert.match(
    refusals(
      SECRET,
      { name: 's', tls_certificate: { certificate_chain: { environment_variable: 'NO_SUCH' } } },
      { environment: {} },
    ).join('\n'),
    /environment variable NO_SUCH is not set/,
  );
  for (const text of refused(inline(ONE.certificate), inline(`${ONE.key.slice(0, 60)}garbage`)))
    assert.ok(!text.includes('garbage'), 'no key in a message');
});

test('S13: a certificate that has expired, and one with too much of a chain', () => {
  const tls_certificate = { certificate_chain: inline(ONE.certificate), private_key: inline(ONE.key) };
  const inTwoDays = Date.now() + 2 * 24 * 3_600_000;
  const options = { nowMs: inTwoDays, allowUnsupported: true };
  assert.match(
    refusals(SECRET, { name: 's', tls_certificate }, options)[0] ?? '',
    /tls_certificate\.certificate_chain: has expired/,
  );
  const long = ONE.certificate.repeat(Math.ceil((100 * 1024) / ONE.certificate.length));
  assert.deepEqual(
    refusals(SECRET, { name: 's', tls_certificate: { ...tls_certificate, certificate_chain: inline(long) } }),
    ['tls_certificate.certificate_chain: is larger than 100 KiB'],
  );
});

test('S13: a trust bundle of ten megabytes is not read', () => {
  const bundle = 'x'.repeat(10 * 1024 * 1024);
  assert.deepEqual(refusals(SECRET, { name: 's', validation_context: { trusted_ca: inline(bundle) } }), [
    'validation_context.trusted_ca: is larger than 1024 KiB',
  ]);
});

test('a trust bundle, and names that must match', () => {
  const json = {
    name: 'ROOTCA',
    validation_context: {
      trusted_ca: inline(ONE.certificate + OTHER.certificate),
      match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { exact: 'spiffe://x/y' } }],
      verify_certificate_hash: ['AB:'.repeat(31) + 'CD'],
    },
  };
  const secret = accept<Secret>(SECRET, json);
  assert.ok(secret.kind === 'validation');
  assert.deepEqual(secret.context.subjectAltNames, [
    { type: 'uri', match: { kind: 'exact', value: 'spiffe://x/y', ignoreCase: false } },
  ]);
  assert.equal(secret.context.certificateHashes[0], `${'ab'.repeat(31)}cd`);
  assert.match(
    refusals(SECRET, { name: 's', validation_context: { trusted_ca: inline('no pem') } })[0] ?? '',
    /trusted_ca: holds no certificate/,
  );
});

const downstream = (context: JsonObject, more: JsonObject = {}) => ({
  '@type': `${TYPE}envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext`,
  common_tls_context: context,
  ...more,
});
const upstream = (context: JsonObject) => ({
  transport_socket: {
    name: 't',
    typed_config: {
      '@type': `${TYPE}envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext`,
      common_tls_context: context,
    },
  },
});

function listener(config: JsonObject): JsonObject {
  const json = listenerJson('l', 1);
  const [chain] = json['filter_chains'] as JsonObject[];
  return { ...json, filter_chains: [{ ...chain, transport_socket: { name: 't', typed_config: config } }] };
}

test('a listener needs a certificate; TLS 1.3 is its highest version by default', () => {
  const sds = (name: string) => ({ name, sds_config: { ads: {} } });
  const tls = accept<Listener>(
    LISTENER,
    listener(
      downstream(
        {
          tls_certificate_sds_secret_configs: [sds('default')],
          combined_validation_context: {
            default_validation_context: {
              match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { prefix: 'spiffe://' } }],
            },
            validation_context_sds_secret_config: sds('ROOTCA'),
          },
        },
        { require_client_certificate: true },
      ),
    ),
  ).chains[0]?.tls;
  assert.equal(tls?.maxVersion, 'TLSv1.3');
  assert.equal(tls?.requireClientCertificate, true);
  assert.deepEqual(tls?.certificates, [{ kind: 'sds', name: 'default' }]);
  assert.equal(tls?.validation?.kind === 'sds' && tls.validation.defaults?.subjectAltNames.length, 1);
  assert.match(
    refusals(LISTENER, listener(downstream({})))[0] ?? '',
    /common_tls_context: a listener needs a certificate/,
  );
});

const versions = (lowest: string) => ({ tls_params: { tls_minimum_protocol_version: lowest } });

test('S10: what is gone from TLS cannot be asked for', () => {
  for (const lowest of ['TLSv1_0', 'TLSv1_1'])
    assert.match(refusals(CLUSTER, clusterJson('a', upstream(versions(lowest))))[0] ?? '', /below TLSv1_2/);
  const { typed_config } = upstream({}).transport_socket;
  const renegotiates = {
    transport_socket: { name: 't', typed_config: { ...typed_config, allow_renegotiation: true } },
  };
  assert.match(
    refusals(CLUSTER, clusterJson('a', renegotiates), { allowUnsupported: true })[0] ?? '',
    /allow_renegotiation/,
  );
});

test('S12: what would have to be checked and is not said is no leave to check nothing', () => {
  const halves: Readonly<Record<string, JsonObject>> = {
    'no name of a secret': { default_validation_context: {} },
    'no default': { validation_context_sds_secret_config: { name: 'ROOTCA', sds_config: { ads: {} } } },
    'nothing at all': {},
  };
  for (const [name, combined_validation_context] of Object.entries(halves)) {
    const json = clusterJson('a', upstream({ combined_validation_context }));
    assert.notEqual(refusals(CLUSTER, json, { allowUnsupported: true }).length, 0, name);
  }
  const expired = { trusted_ca: inline(ONE.certificate), allow_expired_certificate: true };
  assert.match(
    refusals(SECRET, { name: 's', validation_context: expired }, { allowUnsupported: true })[0] ?? '',
    /allow_expired_certificate/,
  );
});

test('what restricts peers is honoured or refused, never passed over', () => {
  const trusted = { trusted_ca: inline(ONE.certificate) };
  for (const more of [
    { max_verify_depth: 1 },
    { require_signed_certificate_timestamp: true },
    {
      custom_validator_config: {
        name: 'x',
        typed_config: {
          '@type': `${TYPE}envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig`,
          trust_domains: [{ name: 'a' }],
        },
      },
    },
  ]) {
    assert.equal(
      refusals(CLUSTER, clusterJson('a', upstream({ validation_context: { ...trusted, ...more } })), {
        allowUnsupported: true,
      }).length,
      1,
      JSON.stringify(more),
    );
  }
  const unsound = {
    validation_context: { match_typed_subject_alt_names: [{ san_type: 'DNS', matcher: { exact: 'a' } }] },
  };
  assert.match(refusals(CLUSTER, clusterJson('a', upstream(unsound)))[0] ?? '', /without trusted CA is insecure/);
  const unknown = {
    transport_socket: {
      name: 't',
      typed_config: {
        '@type': `${TYPE}xds.type.v3.TypedStruct`,
        type_url: `${TYPE}envoy.extensions.transport_sockets.alts.v3.Alts`,
      },
    },
  };
  assert.equal(
    refusals(CLUSTER, clusterJson('a', unknown), { allowUnsupported: true }).length,
    1,
    'plaintext in its place would be worse',
  );
});
