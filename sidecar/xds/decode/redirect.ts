// Redirects: which parts of the request's URL change.

import type { RedirectActionSchema } from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts';
import { RedirectAction_RedirectResponseCode as Code } from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts';
import { RegexMatchAndSubstituteSchema } from '../../../proto/gen/envoy/type/matcher/v3/regex_pb.ts';
import type { RedirectAction } from '../../model/route.ts';
import type { Fields } from './fields.ts';
import { decodeRegexRewrite } from './regex.ts';

const STATUS: Readonly<Record<Code, RedirectAction['status']>> = {
  [Code.MOVED_PERMANENTLY]: 301,
  [Code.FOUND]: 302,
  [Code.SEE_OTHER]: 303,
  [Code.TEMPORARY_REDIRECT]: 307,
  [Code.PERMANENT_REDIRECT]: 308,
};

/** Empty texts and port 0 keep what the request had. */
export function decodeRedirect(f: Fields<typeof RedirectActionSchema>): RedirectAction {
  const redirect: RedirectAction = {
    scheme: decodeScheme(f),
    host: f.take('hostRedirect') || null,
    port: f.take('portRedirect') || null,
    path: decodePath(f),
    stripQuery: f.take('stripQuery'),
    status: STATUS[f.take('responseCode')] ?? 301,
  };
  f.end();
  return redirect;
}

function decodeScheme(f: Fields<typeof RedirectActionSchema>): string | null {
  const specifier = f.take('schemeRewriteSpecifier');
  if (specifier.case === 'schemeRedirect') return specifier.value || null;
  return specifier.case === 'httpsRedirect' && specifier.value ? 'https' : null;
}

function decodePath(f: Fields<typeof RedirectActionSchema>): RedirectAction['path'] {
  const specifier = f.take('pathRewriteSpecifier');
  if (specifier.case === 'regexRewrite') {
    return {
      kind: 'regex',
      rewrite: decodeRegexRewrite(f.choice('regexRewrite', specifier.value, RegexMatchAndSubstituteSchema)),
    };
  }
  if (specifier.case === 'pathRewrite') return f.unsupported('pathRewrite');
  if (specifier.case === undefined || specifier.value === '') return null;
  return { kind: specifier.case === 'pathRedirect' ? 'replace' : 'prefix', value: specifier.value };
}
