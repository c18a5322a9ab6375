// Names, addresses and the like for configurations: few of each, so that references often hit.

import type { Random } from '../random.ts';

export const NAMES = ['web', 'cart', 'pay', 'discovery', 'a', 'b'] as const;
export const HOSTS = ['*', 'a.test', '*.test', 'test.*', 'a.test:8080', 'A.Test', '[::1]'] as const;
export const ADDRESSES = ['127.0.0.1', '0.0.0.0', '::1', '::', '10.0.0.7'] as const;
export const PATHS = ['/', '/a', '/a/b', '/admin', '/%2e', '/a b', ''] as const;
export const PATTERNS = [
  '.*',
  '/a.*',
  '[a-z]+',
  '(a|b)c?',
  '^/x/\\d{1,3}$',
  '(a+)+$',
  '[',
  'a{1001}',
  '\\pN',
  '',
] as const;
export const HEADERS = ['x-a', 'X-B', 'host', ':path', ':authority', 'content-type', 'x-envoy-retry-on', ''] as const;
export const FORMATS = [
  '%PROTOCOL% %RESPONSE_CODE%',
  '%REQ(x-a?x-b):3%',
  '%START_TIME(%Y/%m)%\n',
  '%DYNAMIC_METADATA(a:b)%',
  '100%',
  '%UNKNOWN%',
  '%REQ(x',
  '',
] as const;
export const DURATIONS = ['0s', '1s', '0.25s', '15s', '3600s', '0.000000001s', '60s', '10s'] as const;
export const ODD_DURATIONS = [...DURATIONS, '-1s', '-0.5s', '315576000000s', '315576000001s'] as const;

export function host(random: Random): string {
  return random.pick(ADDRESSES);
}

export function port(random: Random): number {
  return random.chance(0.98) ? random.between(1, 9) * 1000 : random.pick([0, 1, 65535, 65536, 4294967295]);
}

/** The fields in so large a share of cases; nothing in the others. */
export function maybe<T extends object>(random: Random, share: number, fields: () => T): T | Record<string, never> {
  return random.chance(share) ? fields() : {};
}

/** From `least` to `most` of them, mostly few: what is wrong with many is mostly wrong with one. */
export function list<T>(random: Random, least: number, most: number, make: (i: number) => T): T[] {
  const length = Math.min(random.between(least, most), random.between(least, most), random.between(least, most));
  return Array.from({ length }, (_, i) => make(i));
}
