// nginx as a plain reverse proxy at an edge, with the same duties as the others (bootstrap.ts).

import { DENIED_FIELD, DENIED_PATH, type Hop, OWN_HOST, UNBELIEVED, UPGRADE_PATH } from '../bootstrap.ts';

export function nginxConfig(folder: string, hops: readonly Hop[], syncPort: number): string {
  return `daemon off; master_process off; pid ${folder}/nginx.pid; error_log ${folder}/nginx.err crit;
events { worker_connections 8192; }
http {
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path ${folder}/nginx-body; proxy_temp_path ${folder}/nginx-proxy;
  fastcgi_temp_path ${folder}/nginx-fastcgi; uwsgi_temp_path ${folder}/nginx-uwsgi; scgi_temp_path ${folder}/nginx-scgi;
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  server { listen 127.0.0.1:${syncPort}; location / { return 200; } }
${hops.map(lane).join('\n')}
}
`;
}

function lane({ name, listenPort, originPort }: Hop): string {
  return `  upstream ${name} { server 127.0.0.1:${originPort}; keepalive 16; keepalive_requests 1000000000; }
  server { listen 127.0.0.1:${listenPort}; server_name ${OWN_HOST.name}; return ${OWN_HOST.status}; }
  server {
    listen 127.0.0.1:${listenPort} default_server backlog=4096; server_name edge.test;
    if ($${fieldVariable()} ~ "^${DENIED_FIELD.value}$") { return 403; }
    location ${DENIED_PATH} { return 403; }
    location ${UPGRADE_PATH} {
${forward(name)}
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;
    }
    location / {
${forward(name)}
      proxy_set_header Connection "";
    }
  }`;
}

function fieldVariable(): string {
  return `http_${DENIED_FIELD.name.replaceAll('-', '_')}`;
}

function forward(name: string): string {
  const removed = [...UNBELIEVED, 'x-forwarded-client-cert'].map((field) => `proxy_set_header ${field} "";`).join(' ');
  return `      proxy_pass http://${name}; proxy_http_version 1.1;
      proxy_set_header Host $host; proxy_set_header X-Request-Id $request_id;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;
      ${removed}`;
}
