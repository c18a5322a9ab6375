// HAProxy as a peer that does the same work as we do, on one thread.

import type { Hop } from './envoy-bootstrap.ts';

export function haproxyConfig(hop: Hop): string {
  return hop.listens === 'tcp' ? tcpConfig(hop) : httpConfig(hop);
}

function tcpConfig({ listenPort, targetPort }: Hop): string {
  return `global
  nbthread 1
  maxconn 8192
defaults
  mode tcp
  timeout connect 1s
  timeout client 300s
  timeout server 300s
listen in
  bind 127.0.0.1:${listenPort}
  server origin 127.0.0.1:${targetPort} maxconn 4096
`;
}

function httpConfig({ listenPort, targetPort, accept, dial, listens, speaks }: Hop): string {
  const bind =
    accept === undefined
      ? ''
      : ` ssl crt ${accept.own.both} ca-file ${accept.root} verify required ssl-min-ver TLSv1.3`;
  const server =
    dial === undefined ? '' : ` ssl crt ${dial.own.both} ca-file ${dial.root} verify required ssl-min-ver TLSv1.3`;
  return `global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 1s
  timeout client 300s
  timeout server 300s
  timeout http-keep-alive 300s
  retries 2
  option redispatch
  option forwardfor
  http-reuse always
frontend in
  bind 127.0.0.1:${listenPort}${bind}${listens === 'http2' ? ' proto h2' : ''}
  http-request set-header x-request-id %[uuid()]
  http-request set-header x-forwarded-proto ${accept === undefined ? 'http' : 'https'}
  default_backend target
backend target
  balance leastconn
  server origin 127.0.0.1:${targetPort} maxconn 4096${server}${speaks === 'http2' ? ' proto h2' : ''}
`;
}
