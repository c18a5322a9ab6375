// nginx: the origin that answers everybody, and nginx as a peer that does the same work as we do.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Hop, routePrefix } from './envoy-bootstrap.ts';

const BODY = '0123456789'.repeat(10);
/** Never closes a connection because it carried many requests. */
const MANY = 1_000_000_000;

function common(folder: string, name: string, http: string, connections: number): string {
  return `daemon off; master_process off; pid ${folder}/${name}.pid; error_log ${folder}/${name}.err warn;
events { worker_connections ${connections}; }
http {
  access_log off; keepalive_requests ${MANY}; keepalive_timeout 300s;
  client_body_temp_path ${folder}/${name}-body; proxy_temp_path ${folder}/${name}-proxy;
  fastcgi_temp_path ${folder}/${name}-fastcgi; uwsgi_temp_path ${folder}/${name}-uwsgi; scgi_temp_path ${folder}/${name}-scgi;
${http}
}
`;
}

/** What the origin answers with 1 MiB. */
export const LARGE_PATH = '/large';
/** Files of this beginning in the folder are answered as they are. */
export const BODY_PREFIX = '/body-';
const MIB = 1024 * 1024;

/** Answers everything else with 100 bytes, at one port or at many endpoints. */
export function originConfig(
  folder: string,
  at: number | readonly { readonly host: string; readonly port: number }[],
  name = 'origin',
): string {
  writeFileSync(join(folder, LARGE_PATH), Buffer.alloc(MIB, BODY));
  const endpoints = typeof at === 'number' ? [{ host: '127.0.0.1', port: at }] : at;
  const listen = endpoints.map(({ host, port }) => `listen ${host}:${port} backlog=4096;`).join(' ');
  return common(
    folder,
    name,
    `  server { ${listen} location / { return 200 "${BODY}"; }
    location = ${LARGE_PATH} { root ${folder}; } location ${BODY_PREFIX} { root ${folder}; } }`,
    16_384,
  );
}

export function nginxConfig(folder: string, hop: Hop): string {
  const { accept, dial } = hop;
  const listen = `listen 127.0.0.1:${hop.listenPort}${accept === undefined ? '' : ' ssl'} backlog=4096;`;
  const acceptTls =
    accept === undefined
      ? ''
      : `ssl_certificate ${accept.own.chain}; ssl_certificate_key ${accept.own.key}; ssl_protocols TLSv1.3;
    ssl_client_certificate ${accept.root}; ssl_verify_client on;`;
  const dialTls =
    dial === undefined
      ? ''
      : `proxy_ssl_certificate ${dial.own.chain}; proxy_ssl_certificate_key ${dial.own.key}; proxy_ssl_protocols TLSv1.3;
      proxy_ssl_trusted_certificate ${dial.root}; proxy_ssl_verify on; proxy_ssl_name ${dnsOf(dial.peerId)};`;
  const others = Array.from(
    { length: (hop.grown?.routes ?? 1) - 1 },
    (_, i) => `location ${routePrefix(i)} { proxy_pass http://target; }`,
  ).join('\n    ');
  return common(
    folder,
    hop.name,
    `  upstream target { server 127.0.0.1:${hop.targetPort}; keepalive 512; keepalive_requests ${MANY}; }
  server {
    ${listen}
    ${acceptTls}
    proxy_http_version 1.1; proxy_set_header Connection "";
    proxy_set_header Host $host; proxy_set_header X-Request-Id $request_id;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;
    proxy_next_upstream error timeout http_502 http_503; proxy_next_upstream_tries 3;
    ${dialTls}
    ${others}
    location / { proxy_pass ${dial === undefined ? 'http' : 'https'}://target; }
  }`,
    hop.grown === undefined ? 8192 : 16_384,
  );
}

/** nginx checks names, not SPIFFE ids: the last part of the id is the certificate's DNS name too. */
function dnsOf(id: string): string {
  return id.slice(id.lastIndexOf('/') + 1);
}
