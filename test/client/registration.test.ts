// The registration client against a real discovery: it registers, stays, comes back, leaves.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { register, RegistrationError } from '../../client/registration.ts';
import { systemClock } from '../../core/clock.ts';
import { joinToken } from '../../discovery/offline.ts';
import { call } from '../mesh/call.ts';
import { eventually, runDiscovery } from '../mesh/discovery.ts';

const HOUR_MS = 3_600_000;
const instance = { service: 'web', name: 'web-1', address: '127.0.0.1', port: 8080, labels: { version: 'v1' } };

interface Listed {
  readonly name: string;
  readonly status: string;
  readonly remainingSeconds: number;
  readonly labels: Readonly<Record<string, string>>;
}

async function listed(admin: string): Promise<readonly Listed[]> {
  const { body } = await call(admin, '/v1/instances');
  return (JSON.parse(body) as { instances: Listed[] }).instances;
}

test('an instance is there after register, stays past its lease, and is gone after leave', async (t) => {
  const discovery = await runDiscovery(t, '');
  const registration = await register({ target: discovery.xds, instance, leaseSeconds: 1 });
  t.after(() => registration.leave());
  assert.deepEqual(registration.instance, {
    ...instance,
    namespace: 'default',
    appPort: 0,
    zone: '',
    weight: 1,
  });
  await new Promise((resolve) => setTimeout(resolve, 1600));
  assert.deepEqual(
    (await listed(discovery.admin)).map(({ name, status, labels }) => [name, status, labels['version']]),
    [['web-1', 'healthy', 'v1']],
  );
  await Promise.all([registration.leave(), registration.leave()]);
  assert.ok((await listed(discovery.admin)).every(({ status }) => status !== 'healthy'));
});

test('a lease that was lost is asked for again, under the name that discovery made up', async (t) => {
  const discovery = await runDiscovery(t, '');
  const { name: _, ...nameless } = instance;
  const registration = await register({ target: discovery.xds, instance: nameless, leaseSeconds: 1 });
  t.after(() => registration.leave());
  const { name } = registration.instance;
  assert.notEqual(name, '');
  assert.equal((await call(discovery.admin, `/v1/instances/${name}`, {}, 'DELETE')).status, 204);
  await eventually(async () => {
    const live = (await listed(discovery.admin)).filter(({ status }) => status === 'healthy');
    assert.deepEqual(
      live.map((one) => one.name),
      [name],
    );
  });
});

test('a discovery that is not there yet is waited for, and not for ever', async (t) => {
  const first = await runDiscovery(t, '');
  first.stop();
  const trouble: string[] = [];
  const waiting = register({ target: first.xds, instance, onTrouble: (reason) => trouble.push(reason) });
  await eventually(() => assert.ok(trouble.length > 0));
  await runDiscovery(t, '', { 'xds-address': first.xds });
  await (await waiting).leave();

  const lost = register({ target: '127.0.0.1:1', instance, patienceMs: 600 });
  await assert.rejects(lost, (error: Error) => {
    assert.ok(error instanceof RegistrationError);
    assert.match(error.message, /^discovery at 127\.0\.0\.1:1 cannot be reached: connect ECONNREFUSED 127\.0\.0\.1:1$/);
    return true;
  });

  const giveUp = AbortSignal.timeout(300);
  await assert.rejects(register({ target: '127.0.0.1:1', instance, signal: giveUp }), /given up/);
});

test('what discovery refuses is refused at once, with every reason', async (t) => {
  const { xds } = await runDiscovery(t, '');
  const bad = register({ target: xds, instance: { ...instance, address: 'localhost', weight: 500 } });
  await assert.rejects(bad, /discovery refused the registration: .*address.*weight/s);
});

test('on the TLS port a join token of the service is needed', async (t) => {
  const discovery = await runDiscovery(t, '');
  const tls = { target: discovery.secureXds, rootFile: join(discovery.dataDir, 'ca-root.pem') };
  const tokenOf = (service: string) =>
    joinToken(discovery.dataDir, `ns/default/sa/${service}`, systemClock.wall() + HOUR_MS);
  const registration = await register({ ...tls, instance, token: () => `${tokenOf('web')}\n` });
  assert.equal((await listed(discovery.admin)).length, 1);
  await registration.leave();
  await assert.rejects(register({ ...tls, instance, token: tokenOf('catalog') }), /refused.*may not act for.*"web"/);
  await assert.rejects(register({ ...tls, instance }), /refused/);
});
