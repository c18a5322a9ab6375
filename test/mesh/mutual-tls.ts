// Mutual TLS between two sidecars of a test, and a cluster that lets ALPN choose the version of HTTP.

import { makeLeaf, makeRoot, type Pair, type Root } from './pki.ts';

const TLS = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3';

export interface MutualTls {
  readonly root: Root;
  readonly server: Pair;
  /** Lines of a filter chain: a certificate is required, HTTP/2 and HTTP/1.1 are taken. */
  readonly chain: string;
  /** Lines of a cluster. `alpn`: what its TLS names itself. */
  cluster(alpn?: readonly string[]): string;
}

export async function makeMutualTls(): Promise<MutualTls> {
  const root = await makeRoot('mesh');
  const server = await makeLeaf(root, { uris: ['spiffe://mesh.test/ns/default/sa/server'] });
  const client = await makeLeaf(root, { uris: ['spiffe://mesh.test/ns/default/sa/client'] });
  return {
    root,
    server,
    chain: transport('Downstream', root, server, ['h2', 'http/1.1']),
    cluster: (alpn = []) => `${BY_ALPN}\n${transport('Upstream', root, client, alpn)}`,
  };
}

function transport(kind: 'Upstream' | 'Downstream', root: Root, pair: Pair, alpn: readonly string[]): string {
  const inline = (text: string) => `{inline_string: ${JSON.stringify(text)}}`;
  const must = kind === 'Downstream' ? 'require_client_certificate: true, ' : '';
  const names = alpn.length === 0 ? '' : `alpn_protocols: [${alpn.join(', ')}], `;
  return `transport_socket: {name: tls, typed_config: {"@type": ${TLS}.${kind}TlsContext, ${must}common_tls_context: {${names}tls_params: {tls_maximum_protocol_version: TLSv1_3}, tls_certificates: [{certificate_chain: ${inline(pair.cert)}, private_key: ${inline(pair.key)}}], validation_context: {trusted_ca: ${inline(root.cert)}, match_typed_subject_alt_names: [{san_type: URI, matcher: {prefix: "spiffe://mesh.test/"}}]}}}}`;
}

const BY_ALPN = `connect_timeout: 1s
typed_extension_protocol_options:
  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
    "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
    auto_config: {http_protocol_options: {}, http2_protocol_options: {}}`;
