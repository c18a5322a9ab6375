// x-forwarded-client-cert: what is passed on of the client's certificate (Envoy's HTTP connection manager,
// "x-forwarded-client-cert"). A client cannot speak for itself: what it sends is dropped unless configured.

import type { Exchange } from '../exchange.ts';
import { fields, removeField, setField } from '../http/head.ts';
import type { HttpConnectionManager } from '../model/listener.ts';
import type { CertificateFacts } from '../telemetry/facts.ts';

const NAME = 'x-forwarded-client-cert';

export function forwardClientCertificate(x: Exchange, config: HttpConnectionManager): void {
  const mode = config.forwardClientCert;
  if (mode === 'always-forward-only') return;
  const { tls } = x.connection;
  const peer = tls?.validated ? tls.peer : null;
  if (peer === null || tls === null || mode === 'sanitize') {
    removeField(x.request.headers, NAME);
    return;
  }
  if (mode === 'forward-only') return;
  const element = elementOf(peer, tls.local, config.setClientCert);
  const present = mode === 'append-forward' ? fields(x.request.headers, NAME) : [];
  setField(x.request.headers, NAME, [...present, element].join(','));
}

function elementOf(
  peer: CertificateFacts,
  local: CertificateFacts | null,
  set: HttpConnectionManager['setClientCert'],
): string {
  const parts: string[] = [];
  for (const uri of local?.uriSans ?? []) parts.push(`By=${uri}`);
  parts.push(`Hash=${peer.fingerprint256}`);
  if (set.cert) parts.push(`Cert="${encodeURIComponent(peer.pem)}"`);
  if (set.chain) parts.push(`Chain="${encodeURIComponent(peer.pem)}"`);
  if (set.subject) parts.push(`Subject="${peer.subject.replaceAll('"', '\\"')}"`);
  if (set.uri) for (const uri of peer.uriSans) parts.push(`URI=${uri}`);
  if (set.dns) for (const dns of peer.dnsSans) parts.push(`DNS=${dns}`);
  return parts.join(';');
}
