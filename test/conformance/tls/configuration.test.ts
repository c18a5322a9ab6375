// What no configuration can do: switch checks off by leaving something out, put a context that does not work in
// the place of one that does, or read certificates in a way that leaks (robustness.md 2.5, S12 to S14).

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { manualClock } from '../../manual-clock.ts';
import { answer, startOrigin } from '../../mesh/origin.ts';
import { makeLeaf } from '../../mesh/pki.ts';
import { bootstrapText, snapshotOf, startProxy, type TestProxy } from '../../mesh/proxy.ts';
import { askPlain, askTls, FRIEND, inline, makeParties, type Parties, through, TLS, tlsOrigin } from './parties.ts';
import { ask, rotating } from './rotating.ts';

let parties: Parties;
before(async () => {
  parties = await makeParties();
});

describe('S12: checks are not switched off', () => {
  it('by the environment variable that does it in Node', async (t) => {
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    t.after(() => {
      if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
    });
    const { text, reached } = await through(parties, await makeLeaf(parties.stranger, { uris: [FRIEND] }));
    assert.match(text, /^HTTP\/1\.1 503 /);
    assert.equal(reached, 0);
  });

  it('by roots that have not come: nothing is sent, nobody is let in', async () => {
    const origin = await tlsOrigin(parties.friend, parties.root);
    const sds = (name: string) => `{name: ${name}, sds_config: {ads: {}}}`;
    const common = `common_tls_context: {tls_params: {tls_maximum_protocol_version: TLSv1_3}, tls_certificate_sds_secret_configs: [${sds('default')}], validation_context_sds_secret_config: ${sds('ROOTCA')}}`;
    const socket = (kind: string) =>
      `transport_socket: {name: t, typed_config: {"@type": ${TLS}.${kind}TlsContext, ${common}}}`;
    const secrets = `  secrets:
  - {name: default, tls_certificate: {certificate_chain: ${inline(parties.own.cert)}, private_key: ${inline(parties.own.key)}}}
  - {name: ROOTCA, validation_context: {trusted_ca: ${inline(parties.root.cert)}}}
`;
    const plain = bootstrapText({
      origins: { o1: origin.port },
      cluster: { o1: `connect_timeout: 1s\n${socket('Upstream')}` },
    });
    const strict = bootstrapText({ origins: { o1: origin.port }, chain: socket('Downstream') });
    for (const [text, asked] of [
      [plain, askPlain],
      [strict, async (proxy: TestProxy) => (await askTls(proxy.port(), parties.friend)).text],
    ] as const) {
      const snapshot = snapshotOf(text + secrets);
      for (const name of ['ROOTCA', 'default']) {
        const clock = manualClock();
        const proxy = await startProxy('static_resources: {}', { clock });
        proxy.runtime.apply({ ...snapshot, secrets: new Map([...snapshot.secrets].filter(([key]) => key !== name)) });
        // The time for which a listener waits for its parts.
        clock.advance(15_000);
        await proxy.runtime.settled();
        const answered = asked(proxy);
        await nextTurns();
        clock.advance(15_000);
        assert.match(await answered, /^$|^HTTP\/1\.1 503 /, name);
        await proxy.close();
      }
    }
    assert.equal(origin.reached(), 0);
    origin.close();
  });
});

async function nextTurns(): Promise<void> {
  for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A certificate with a key that OpenSSL finds too weak for a context: it fits, and cannot be used. */
async function weakPair() {
  const { execFileSync } = await import('node:child_process');
  const words = ['req', '-x509', '-newkey', 'rsa:1024', '-nodes', '-days', '1', '-subj', '/CN=weak', '-keyout', '-'];
  const text = execFileSync('openssl', words, { stdio: ['ignore', 'pipe', 'ignore'] }).toString();
  const part = (name: string) => new RegExp(`-----BEGIN ${name}-----[^-]+-----END ${name}-----`).exec(text)?.[0] ?? '';
  return { cert: part('CERTIFICATE'), key: part('PRIVATE KEY') };
}

describe('S13: a context that does not work', () => {
  it('does not take the place of one that does', async (t) => {
    const origin = await startOrigin(() => answer('in'));
    t.after(() => origin.close());
    const { proxy, renew, open } = await rotating(t, parties, origin.port);
    const before = await open();
    renew(await weakPair());
    assert.match(proxy.logged.join('\n'), /a TLS context could not be made; the last one stays/);
    assert.match(await ask(before), /^HTTP\/1\.1 200/);
    assert.match(await ask(await open()), /^HTTP\/1\.1 200/);
  });
});

describe('S14: the certificate of a peer', () => {
  const ROOT = join(import.meta.dirname, '../../..');
  const sources = globSync('{core,discovery,sidecar,client,cli}/**/*.ts', { cwd: ROOT });
  const lines = sources.flatMap((file) =>
    readFileSync(join(ROOT, file), 'utf8')
      .split('\n')
      .map((text) => ({ file, text })),
  );

  it('is never read as the object that leaked (CVE-2025-59464)', () => {
    assert.ok(sources.length > 100);
    assert.deepEqual(
      lines.filter(({ text }) => text.includes('getPeerCertificate(')),
      [],
    );
  });

  it('is read in one place, which a connection passes once', () => {
    const readers = lines.filter(({ text }) => text.includes('getPeerX509Certificate('));
    assert.deepEqual(
      readers.map(({ file }) => file),
      ['sidecar/net/tls.ts'],
    );
    const callers = lines.filter(({ text }) => /[^n] peerCertificate\(/.test(text)).map(({ file }) => file);
    assert.deepEqual(callers.sort(), ['sidecar/net/accept.ts', 'sidecar/net/dial.ts']);
  });

  it('names of it are never read from text', () => {
    assert.deepEqual(
      lines.filter(({ text }) => /\bsubject(altname|AltName)\b/.test(text)),
      [],
    );
  });
});
