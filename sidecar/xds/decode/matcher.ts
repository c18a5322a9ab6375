// Strings, headers, query parameters, cookies, addresses and fractions as matchers of the model.

import { isIP } from 'node:net';
import type { CidrRangeSchema } from '../../../proto/gen/envoy/config/core/v3/address_pb.ts';
import type { RuntimeFractionalPercentSchema } from '../../../proto/gen/envoy/config/core/v3/base_pb.ts';
import type {
  CookieMatcherSchema,
  HeaderMatcherSchema,
  QueryParameterMatcherSchema,
} from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts';
import { RegexMatcherSchema } from '../../../proto/gen/envoy/type/matcher/v3/regex_pb.ts';
import { StringMatcherSchema } from '../../../proto/gen/envoy/type/matcher/v3/string_pb.ts';
import { FractionalPercentSchema } from '../../../proto/gen/envoy/type/v3/percent_pb.ts';
import { Int64RangeSchema } from '../../../proto/gen/envoy/type/v3/range_pb.ts';
import { fractionOf } from '../../../proto/scalars.ts';
import type { Cidr, Fraction, HeaderMatch, QueryMatch, StringMatch } from '../../model/match.ts';
import type { Fields } from './fields.ts';
import { decodeRegex } from './regex.ts';

const NOTHING: StringMatch = { kind: 'exact', value: '', ignoreCase: false };

export function decodeStringMatch(f: Fields<typeof StringMatcherSchema>): StringMatch {
  const pattern = f.take('matchPattern');
  const ignoreCase = f.take('ignoreCase');
  f.end();
  switch (pattern.case) {
    case 'exact':
    case 'prefix':
    case 'suffix':
    case 'contains':
      return { kind: pattern.case, value: pattern.value, ignoreCase };
    case 'safeRegex':
      return { kind: 'regex', regex: decodeRegex(f.choice('safeRegex', pattern.value, RegexMatcherSchema)) };
    case 'custom':
      f.unsupported('custom');
      return NOTHING;
    default:
      return NOTHING;
  }
}

/** Header names are compared in lower case. */
export function decodeHeaderMatch(f: Fields<typeof HeaderMatcherSchema>): HeaderMatch {
  const match = {
    name: f.take('name').toLowerCase(),
    test: decodeHeaderTest(f),
    invert: f.take('invertMatch'),
    treatMissingAsEmpty: f.take('treatMissingHeaderAsEmpty'),
  };
  f.end();
  return match;
}

function decodeHeaderTest(f: Fields<typeof HeaderMatcherSchema>): HeaderMatch['test'] {
  const specifier = f.take('headerMatchSpecifier');
  const plain = (kind: 'exact' | 'prefix' | 'suffix' | 'contains', value: string): HeaderMatch['test'] => ({
    kind: 'string',
    match: { kind, value, ignoreCase: false },
  });
  switch (specifier.case) {
    case 'exactMatch':
      return plain('exact', specifier.value);
    case 'prefixMatch':
      return plain('prefix', specifier.value);
    case 'suffixMatch':
      return plain('suffix', specifier.value);
    case 'containsMatch':
      return plain('contains', specifier.value);
    case 'safeRegexMatch':
      return {
        kind: 'string',
        match: { kind: 'regex', regex: decodeRegex(f.choice('safeRegexMatch', specifier.value, RegexMatcherSchema)) },
      };
    case 'stringMatch':
      return {
        kind: 'string',
        match: decodeStringMatch(f.choice('stringMatch', specifier.value, StringMatcherSchema)),
      };
    case 'rangeMatch':
      return decodeRange(f.choice('rangeMatch', specifier.value, Int64RangeSchema));
    case 'presentMatch':
      return { kind: 'present', present: specifier.value };
    case undefined:
      return { kind: 'present', present: true };
  }
}

function decodeRange(f: Fields<typeof Int64RangeSchema>): HeaderMatch['test'] {
  const range = { kind: 'range' as const, start: Number(f.take('start')), end: Number(f.take('end')) };
  f.end();
  return range;
}

export function decodeQueryMatch(f: Fields<typeof QueryParameterMatcherSchema>): QueryMatch {
  const name = f.take('name');
  const specifier = f.take('queryParameterMatchSpecifier');
  f.end();
  if (specifier.case === 'stringMatch')
    return {
      name,
      value: decodeStringMatch(f.choice('stringMatch', specifier.value, StringMatcherSchema)),
      present: true,
    };
  return { name, value: null, present: specifier.case !== 'presentMatch' || specifier.value };
}

export function decodeCookieMatch(f: Fields<typeof CookieMatcherSchema>) {
  const name = f.take('name');
  const string = f.child('stringMatch', StringMatcherSchema);
  const invert = f.take('invertMatch');
  f.end();
  return { name, match: string === null ? NOTHING : decodeStringMatch(string), invert };
}

/** The default value; there is no runtime here to override it by its key. */
export function decodeRuntimeFraction(f: Fields<typeof RuntimeFractionalPercentSchema>): Fraction {
  const value = f.child('defaultValue', FractionalPercentSchema);
  f.ignore('runtimeKey');
  f.end();
  return value === null ? 0 : decodeFraction(value);
}

export function decodeFraction(f: Fields<typeof FractionalPercentSchema>): Fraction {
  f.take('numerator');
  f.take('denominator');
  f.end();
  try {
    return fractionOf(f.message);
  } catch (error) {
    f.invalid('denominator', (error as Error).message);
    return 0;
  }
}

export function decodeCidr(f: Fields<typeof CidrRangeSchema>): Cidr {
  const address = f.take('addressPrefix');
  const length = f.take('prefixLen') ?? 0;
  f.end();
  const family = isIP(address);
  if (family === 0) f.invalid('addressPrefix', `"${address}" is not an IP address`);
  // A longer prefix than the address has is the whole address, as in Envoy.
  return { address: canonicalAddress(address), prefixLength: family === 4 ? Math.min(length, 32) : length };
}

/** IPv6 addresses have many spellings; the URL parser knows the canonical one. */
export function canonicalAddress(address: string): string {
  if (isIP(address) !== 6 || address.includes('%')) return address;
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}
