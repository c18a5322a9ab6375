// Join tokens: how a workload proves who it is before it has a certificate. `fl1.<payload>.<mac>`, the
// payload base64url JSON {sub, exp}, the mac HMAC-SHA256 over "fl1.<payload>" with a key of the data folder.

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import { readIfThere, SECRET_MODE, writeWhole } from './files.ts';

const KEY_FILE = 'join.key';
const VERSION = 'fl1';
const KEY_BYTES = 32;
/** A token is one short line. */
const LONGEST_TOKEN = 2048;

export interface TokenClaims {
  /** The workload's path inside the trust domain: `ns/<namespace>/sa/<service>`. */
  readonly sub: string;
  /** Seconds since 1970. */
  readonly exp: number;
}

export type TokenVerdict =
  | { readonly ok: true; readonly claims: TokenClaims }
  | { readonly ok: false; readonly reason: string };

/** The key of a data folder, made at first use. null: a key for this process alone. */
export function tokenKey(dataDir: string | null): Buffer {
  if (dataDir === null) return randomBytes(KEY_BYTES);
  const path = join(dataDir, KEY_FILE);
  const found = readIfThere(path);
  if (found !== null) return Buffer.from(found.trim(), 'base64');
  const key = randomBytes(KEY_BYTES);
  writeWhole(path, `${key.toString('base64')}\n`, SECRET_MODE);
  return key;
}

export function makeToken(key: Buffer, claims: TokenClaims): string {
  const signed = `${VERSION}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
  return `${signed}.${macOf(key, signed)}`;
}

export function verifyToken(key: Buffer, token: string, clock: Clock): TokenVerdict {
  const [version, payload, mac, ...rest] = token.length <= LONGEST_TOKEN ? token.split('.') : [];
  if (version !== VERSION || payload === undefined || mac === undefined || rest.length > 0)
    return { ok: false, reason: 'not a join token' };
  const expected = Buffer.from(macOf(key, `${version}.${payload}`));
  const given = Buffer.from(mac);
  if (expected.length !== given.length || !timingSafeEqual(expected, given))
    return { ok: false, reason: 'the join token was not made by this discovery' };
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as TokenClaims;
  return claims.exp * 1000 > clock.wall()
    ? { ok: true, claims }
    : { ok: false, reason: 'the join token has expired; make a new one with `fairlead token`' };
}

function macOf(key: Buffer, text: string): string {
  return createHmac('sha256', key).update(text).digest('base64url');
}
