import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { makeToken, tokenKey, verifyToken } from '../../../discovery/ca/tokens.ts';
import { manualClock } from '../../manual-clock.ts';
import { tempDir } from '../../temp-dir.ts';

const clock = manualClock(1_000_000_000_000);
const CLAIMS = { sub: 'ns/default/sa/web', exp: 1_000_000_100 };

test('a token is believed until it expires', (t) => {
  const folder = tempDir(t);
  const key = tokenKey(folder);
  assert.deepEqual(tokenKey(folder), key);
  assert.equal(statSync(join(folder, 'join.key')).mode & 0o777, 0o600);
  const token = makeToken(key, CLAIMS);
  assert.match(token, /^fl1\.[\w-]+\.[\w-]+$/);
  assert.deepEqual(verifyToken(key, token, clock), { ok: true, claims: CLAIMS });
  assert.equal(verifyToken(key, makeToken(key, { ...CLAIMS, exp: 1_000_000_001 }), clock).ok, false);
  assert.equal(verifyToken(tokenKey(null), token, clock).ok, false);
});

test('no other text is believed', () => {
  const key = tokenKey(null);
  const token = makeToken(key, CLAIMS);
  fc.assert(fc.property(fc.string(), (text) => !verifyToken(key, text, clock).ok));
  fc.assert(
    fc.property(fc.nat(token.length - 1), fc.constantFrom('A', 'b', '0', '.', '_'), (at, character) => {
      const changed = token.slice(0, at) + character + token.slice(at + 1);
      // The last character of a base64url text has bits that do not count; the text must match all the same.
      return changed === token || !verifyToken(key, changed, clock).ok;
    }),
  );
});
