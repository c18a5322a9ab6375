import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DRAIN_MS, LONGEST_LEASE_SECONDS, Registrations } from '../../../discovery/catalog/registration-source.ts';
import {
  type LeaseStore,
  memoryStore,
  openStore,
  StoreError,
  type StoredLease,
} from '../../../discovery/catalog/store.ts';
import { manualClock } from '../../manual-clock.ts';
import { tempDir } from '../../temp-dir.ts';

const WEB = { name: 'web-1', service: 'web', address: '127.0.0.1', port: 15006, appPort: 8080, leaseSeconds: 10 };

function leaseOf(registrations: Registrations, fields: Record<string, unknown> = WEB): string {
  const result = registrations.register(fields);
  assert.ok(result.ok, result.ok ? '' : result.reason);
  return result.granted.leaseId;
}

function states(registrations: Registrations): string[] {
  return registrations.instances.value.map(({ name, status }) => `${name} ${status}`);
}

test('a lease that is renewed holds; one that is not drains, then goes', () => {
  const clock = manualClock();
  const registrations = new Registrations({ clock, store: memoryStore });
  const lease = leaseOf(registrations);
  for (let i = 0; i < 5; i++) {
    clock.advance(8000);
    assert.ok(registrations.renew(lease));
  }
  assert.deepEqual(states(registrations), ['web-1 healthy']);
  clock.advance(10_001);
  assert.deepEqual(states(registrations), ['web-1 draining']);
  assert.equal(registrations.renew(lease), null);
  clock.advance(DRAIN_MS + 1);
  assert.deepEqual(states(registrations), []);
  assert.equal(clock.pending, 0);
});

test('who registers again while draining is back', () => {
  const clock = manualClock();
  const registrations = new Registrations({ clock, store: memoryStore });
  leaseOf(registrations);
  clock.advance(10_001);
  leaseOf(registrations);
  assert.deepEqual(states(registrations), ['web-1 healthy']);
});

test('leaving is at once, and twice is no error', () => {
  const registrations = new Registrations({ clock: manualClock(), store: memoryStore });
  const lease = leaseOf(registrations);
  assert.equal(registrations.leave(lease), true);
  assert.equal(registrations.leave(lease), false);
  assert.deepEqual(states(registrations), []);
});

test('services may have instances of one name', () => {
  const registrations = new Registrations({ clock: manualClock(), store: memoryStore });
  leaseOf(registrations);
  leaseOf(registrations, { ...WEB, service: 'api' });
  assert.equal(registrations.leasesNamed('web-1', null).length, 2);
  assert.equal(registrations.leasesNamed('web-1', 'api').length, 1);
});

test('mistakes are told all at once; leases are clamped; names are made up', () => {
  const registrations = new Registrations({ clock: manualClock(), store: memoryStore });
  const bad = registrations.register({ service: 'web', adress: 'x', port: 0 });
  assert.ok(!bad.ok);
  for (const word of ['address: required', 'did you mean "address"', 'port: a port'])
    assert.ok(bad.reason.includes(word), bad.reason);
  const long = registrations.register({ service: 'web', address: '127.0.0.1', port: 1, leaseSeconds: 999_999 });
  assert.ok(long.ok);
  assert.equal(long.granted.seconds, LONGEST_LEASE_SECONDS);
  assert.match(long.granted.instance.name, /^web-[0-9a-f]{8}$/);
});

test('registrations survive a restart with their full term; a second process is refused', (t) => {
  const folder = tempDir(t);
  const clock = manualClock();
  const first = openStore(folder);
  const lease = leaseOf(new Registrations({ clock, store: first }));
  clock.advance(9000);
  assert.throws(
    () => openStore(folder),
    (error: Error) => error instanceof StoreError && error.message.includes('another discovery is using'),
  );
  first.close();
  const second = openStore(folder);
  t.after(() => second.close());
  const registrations = new Registrations({ clock, store: second });
  clock.advance(9000);
  assert.deepEqual(states(registrations), ['web-1 healthy']);
  assert.ok(registrations.renew(lease));
});

test('a disk that refuses is told to the caller, and what was registered goes on', () => {
  const kept: StoredLease[] = [];
  let full = false;
  const store: LeaseStore = {
    load: () => kept,
    put: (one) => {
      if (full) throw new StoreError('database or disk is full');
      kept.push(one);
    },
    remove: () => {
      if (full) throw new StoreError('database or disk is full');
    },
    close: () => {},
  };
  const clock = manualClock();
  const registrations = new Registrations({ clock, store });
  leaseOf(registrations);
  full = true;
  assert.throws(() => registrations.register({ ...WEB, name: 'web-2' }), StoreError);
  assert.deepEqual(states(registrations), ['web-1 healthy']);
  clock.advance(10_001 + DRAIN_MS + 1);
  assert.deepEqual(states(registrations), ['web-1 draining']);
  full = false;
  clock.advance(DRAIN_MS + 1);
  assert.deepEqual(states(registrations), []);
});

test('a registration full of mistakes is answered with the first of them', () => {
  const registrations = new Registrations({ clock: manualClock(), store: memoryStore });
  const wrong = Object.fromEntries(Array.from({ length: 4000 }, (_, i) => [`unknown${i}`, 1]));
  const result = registrations.register({ ...WEB, ...wrong });
  assert.ok(!result.ok);
  assert.match(result.reason, /3900 more mistakes/);
  assert.ok(result.reason.length < 64 * 1024, `${result.reason.length}`);
});
