// Redirects of an upstream that are followed here instead of being passed on (`internal_redirect_policy`).
// Pure: whether the answer may be followed, and what becomes of the request if so.

import type { Exchange } from '../exchange.ts';
import { copyFields, field, type RequestHead, removeField, type ResponseHead, setField } from '../http/head.ts';
import type { InternalRedirectPolicy } from '../model/route.ts';

/** Why a redirect was passed on: names of counters. */
export type Passed =
  | 'passthrough_internal_redirect_bad_location'
  | 'passthrough_internal_redirect_unsafe_scheme'
  | 'passthrough_internal_redirect_too_many_redirects';

export interface Redirected {
  readonly head: RequestHead;
  /** A 303 asks for a GET: the body stays behind. */
  readonly dropBody: boolean;
}

/** `followed`: how many redirects brought the request here. */
export function followedRequest(
  x: Exchange,
  answer: ResponseHead,
  policy: InternalRedirectPolicy,
  followed: number,
): Redirected | Passed {
  const target = absoluteUrl(field(answer.headers, 'location'));
  if (target === null) return 'passthrough_internal_redirect_bad_location';
  const secure = x.connection.tls !== null;
  if (!policy.allowCrossScheme && (target.scheme === 'https') !== secure)
    return 'passthrough_internal_redirect_unsafe_scheme';
  if (followed >= policy.maxRedirects) return 'passthrough_internal_redirect_too_many_redirects';
  const { request } = x;
  const headers = copyFields(request.headers);
  setField(headers, 'x-envoy-original-url', `${request.scheme}://${request.authority}${request.path}`);
  const dropBody = answer.status === 303 && request.method !== 'GET' && request.method !== 'HEAD';
  if (dropBody) removeField(headers, 'content-length');
  const method = dropBody ? 'GET' : request.method;
  const { scheme, authority, path } = target;
  return { head: { ...request, method, scheme, authority, path, headers }, dropBody };
}

const ABSOLUTE = /^(https?):\/\/([^/?#\s]+)([^#\s]*)/i;

/** Only absolute locations are followed, as in Envoy; a fragment is for the client alone. */
function absoluteUrl(location: string | null): Pick<RequestHead, 'scheme' | 'authority' | 'path'> | null {
  const parts = ABSOLUTE.exec(location ?? '');
  if (parts === null) return null;
  const [, scheme = '', authority = '', rest = ''] = parts;
  return {
    scheme: scheme.toLowerCase() as 'http' | 'https',
    authority,
    path: rest.startsWith('/') ? rest : `/${rest}`,
  };
}
