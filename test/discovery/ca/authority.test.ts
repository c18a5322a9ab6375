import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../../core/clock.ts';
import { parseSpiffeId, type SpiffeId, workloadId } from '../../../core/identity.ts';
import { Authority, AuthorityError, ROOT_FILE } from '../../../discovery/ca/authority.ts';
import { CsrError, issue, MAX_CSR_BYTES } from '../../../discovery/ca/issue.ts';
import { rotateRoot } from '../../../discovery/ca/rotation.ts';
import { newCsr } from '../../mesh/certificates.ts';
import { manualClock } from '../../manual-clock.ts';
import { tempDir } from '../../temp-dir.ts';

const WEB = workloadId('cluster.local', 'default', 'web');
const HOUR = 3_600_000;

function open(dataDir: string | null) {
  return Authority.open({ dataDir, trustDomain: 'cluster.local', clock: systemClock });
}

async function leaf(authority: Authority, csrPem: string, identity: SpiffeId = WEB, wantedMs = 0, longestMs = HOUR) {
  const issued = await issue(authority, { csrPem, identity, wantedMs, longestMs }, systemClock);
  return { ...issued, x509: new X509Certificate(issued.chain[0] as string) };
}

test('the root is made once, its key readable by its owner alone, and read again', async (t) => {
  const folder = tempDir(t);
  const first = await open(folder);
  assert.equal(statSync(join(folder, 'ca-signer.pem')).mode & 0o777, 0o600);
  assert.equal(readFileSync(join(folder, ROOT_FILE), 'utf8'), first.bundle.value.pem);
  const second = await open(folder);
  assert.equal(second.signer.certificate.serialNumber, first.signer.certificate.serialNumber);
  const root = new X509Certificate(first.bundle.value.pem);
  assert.equal(root.ca, true);
  assert.equal(root.subjectAltName, 'URI:spiffe://cluster.local');
  assert.ok(Date.parse(root.validTo) > Date.now() + 9 * 365 * 24 * HOUR);
});

test('a root that cannot be read is an error that says so, never a new root', async (t) => {
  const folder = tempDir(t);
  await open(folder);
  writeFileSync(join(folder, 'ca-signer.pem'), 'nonsense');
  await assert.rejects(open(folder), AuthorityError);
  rmSync(join(folder, ROOT_FILE));
  await assert.rejects(open(folder), AuthorityError);
});

test('a leaf holds the authenticated identity and nothing that the request claims', async () => {
  const authority = await open(null);
  const { x509, chain } = await leaf(authority, (await newCsr('spiffe://cluster.local/ns/default/sa/admin')).pem);
  assert.equal(x509.subjectAltName, `URI:${WEB.uri}`);
  // Node 26.10 says undefined, 26.12 the empty text.
  assert.equal(x509.subject ?? '', '');
  assert.equal(x509.ca, false);
  assert.deepEqual(x509.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
  assert.match(x509.serialNumber, /^[1-9A-F][0-9A-F]{30,31}$|^0[1-9A-F]/);
  assert.ok(Date.parse(x509.validFrom) < Date.now() - 50_000);
  const root = new X509Certificate(chain.at(-1) as string);
  assert.ok(x509.checkIssued(root) && x509.verify(root.publicKey));
});

test('a leaf holds as long as asked, as allowed, and never longer than its root', async () => {
  const authority = await open(null);
  const { pem } = await newCsr();
  const life = async (wanted: number, longest: number) =>
    (await leaf(authority, pem, WEB, wanted, longest)).notAfter.getTime() - Date.now();
  assert.ok(Math.abs((await life(HOUR, 24 * HOUR)) - HOUR) < 5000);
  assert.ok(Math.abs((await life(0, 2 * HOUR)) - 2 * HOUR) < 5000);
  assert.ok(Math.abs((await life(48 * HOUR, 24 * HOUR)) - 24 * HOUR) < 5000);
  const century = 100 * 365 * 24 * HOUR;
  assert.equal(
    (await leaf(authority, pem, WEB, 0, century)).notAfter.getTime(),
    authority.signer.certificate.notAfter.getTime(),
  );
});

test('a request that is broken, too large, or signed with another key is refused', async () => {
  const authority = await open(null);
  const { pem } = await newCsr();
  const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  der.writeUInt8(der.readUInt8(der.length - 4) ^ 1, der.length - 4);
  const forged = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
  for (const bad of ['', 'hello', forged, 'x'.repeat(MAX_CSR_BYTES + 1)])
    await assert.rejects(leaf(authority, bad), CsrError);
});

test('a rotation trusts first, signs then, and drops the old root last', async (t) => {
  const folder = tempDir(t);
  const clock = manualClock(Date.now());
  const authority = await Authority.open({ dataDir: folder, trustDomain: 'cluster.local', clock });
  const old = authority.signer.certificate.serialNumber;
  const steps: string[] = [];
  const seen = () =>
    `${authority.bundle.value.roots.length} roots, ${authority.signer.certificate.serialNumber === old ? 'old' : 'new'} signs`;
  const done = rotateRoot({
    authority,
    clock,
    everyoneTrusts: async () => {
      steps.push(`asked: ${seen()}`);
    },
    longestLeafMs: HOUR,
    onStep: (step) => steps.push(`${step}: ${seen()}`),
  });
  while (steps.length < 3) await new Promise((resolve) => setImmediate(resolve));
  clock.advance(HOUR);
  await done;
  assert.deepEqual(steps, [
    'trusting: 2 roots, old signs',
    'asked: 2 roots, old signs',
    'signing: 2 roots, new signs',
    'done: 1 roots, new signs',
  ]);
  const again = await open(folder);
  assert.equal(again.signer.certificate.serialNumber, authority.signer.certificate.serialNumber);
});

test('S03: what is not exactly one SPIFFE id is no identity', () => {
  const bad = [
    'spiffe://a/b/../c',
    'spiffe://a/./b',
    'spiffe://A/b',
    'SPIFFE://a/b',
    'spiffe://a//b',
    'spiffe://a/b/',
    'spiffe:///b',
    'spiffe://a/b%2f',
    'spiffe://a/b?c',
    'spiffe://a/b#c',
    'spiffe://a:80/b',
    'spiffe://u@a/b',
    'spiffe://a/b\n',
    'spiffe://a/b\0',
    ' spiffe://a/b',
    `spiffe://a/${'b'.repeat(2048)}`,
    'https://a/b',
  ];
  for (const text of bad) assert.equal(parseSpiffeId(text), null, text);
});

test('S03: a name that makes no SPIFFE id gets none', () => {
  for (const service of ['', '..', 'a/b', 'a%2fb', 'a b', 'a?b', 'a\0'])
    assert.throws(() => workloadId('cluster.local', 'default', service), /no SPIFFE id can be made/, service);
  assert.throws(() => workloadId('Cluster.Local', 'default', 'web'), /no SPIFFE id can be made/);
});
