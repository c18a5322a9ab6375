// /certs: the certificates in use and when they end.

import type { PageResponse } from '../../core/admin.ts';
import type { CertificateFacts } from '../telemetry/facts.ts';
import { type Json, jsonPage } from './json.ts';

/** One TLS context: what it trusts, and what it shows. */
export interface CertificateView {
  readonly caCertificates: readonly CertificateFacts[];
  readonly chain: readonly CertificateFacts[];
}

const DAY_MS = 86_400_000;

export function certsPage(contexts: readonly CertificateView[], nowMs: number): PageResponse {
  const certificates = contexts.map(({ caCertificates, chain }) => ({
    ca_cert: caCertificates.map((certificate) => detailsJson(certificate, nowMs)),
    cert_chain: chain.map((certificate) => detailsJson(certificate, nowMs)),
  }));
  return jsonPage({ certificates });
}

/** Whole days from now to the first end of a certificate; null when there is none. */
export function daysUntilFirstExpiry(contexts: readonly CertificateView[], nowMs: number): number | null {
  const ends = contexts
    .flatMap(({ caCertificates, chain }) => [...caCertificates, ...chain])
    .map(({ validToMs }) => validToMs);
  return ends.length === 0 ? null : daysUntil(Math.min(...ends), nowMs);
}

function daysUntil(endMs: number, nowMs: number): number {
  return Math.max(0, Math.floor((endMs - nowMs) / DAY_MS));
}

function detailsJson(certificate: CertificateFacts, nowMs: number): Json {
  return {
    path: '<inline>',
    serial_number: certificate.serial,
    subject_alt_names: [...certificate.uriSans.map((uri) => ({ uri })), ...certificate.dnsSans.map((dns) => ({ dns }))],
    days_until_expiration: String(daysUntil(certificate.validToMs, nowMs)),
    valid_from: seconds(certificate.validFromMs),
    expiration_time: seconds(certificate.validToMs),
  };
}

function seconds(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}
