// HAProxy as a plain reverse proxy at an edge, with the same duties as the others (bootstrap.ts).

import { DENIED_FIELD, DENIED_PATH, type Hop, OWN_HOST, UNBELIEVED } from '../bootstrap.ts';

export function haproxyConfig(hops: readonly Hop[], syncPort: number): string {
  return `global
  nbthread 1
  maxconn 8192
  expose-experimental-directives
defaults
  mode http
  timeout connect 1s
  timeout client 300s
  timeout server 300s
  timeout http-keep-alive 300s
  option forwardfor
  option abortonclose
  http-reuse always
frontend sync
  bind 127.0.0.1:${syncPort}
  http-request return status 200
${hops.map(lane).join('\n')}
`;
}

const NORMAL = ['percent-decode-unreserved', 'path-merge-slashes', 'path-strip-dot', 'path-strip-dotdot full'];

function lane({ name, listenPort, originPort }: Hop): string {
  const rules = [
    ...NORMAL.map((rule) => `normalize-uri ${rule}`),
    `deny if { path_beg ${DENIED_PATH} }`,
    `deny if { req.hdr(${DENIED_FIELD.name}) -m str ${DENIED_FIELD.value} }`,
    `return status ${OWN_HOST.status} if { req.hdr(host),host_only,rtrim(.),lower -m str ${OWN_HOST.name} }`,
    ...[...UNBELIEVED, 'x-forwarded-client-cert'].map((field) => `del-header ${field}`),
    'del-header _ -m sub',
    'set-header x-forwarded-proto http',
    'set-header x-request-id %[uuid()]',
  ];
  return `frontend in-${name}
  bind 127.0.0.1:${listenPort}
  option disable-h2-upgrade
${rules.map((rule) => `  http-request ${rule}`).join('\n')}
  default_backend ${name}
backend ${name}
  server origin 127.0.0.1:${originPort}`;
}
