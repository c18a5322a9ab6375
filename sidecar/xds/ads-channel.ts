// How the stream to discovery is opened: the gRPC target and credentials that a static cluster of the
// bootstrap describes.

import type { PeerCertificate, SecureContextOptions } from 'node:tls';
import { createSecureContext } from 'node:tls';
import type { ChannelCredentials } from '@grpc/grpc-js';
import { credentials } from '@grpc/grpc-js';
import { hostPort, isPipe } from '../../core/addresses.ts';
import type { Cluster } from '../model/cluster.ts';
import type { StringMatch } from '../model/match.ts';
import type { Secret, TlsCertificate, ValidationContext } from '../model/secret.ts';
import type { SanMatch, UpstreamTls } from '../model/tls.ts';

/** Throws an Error for a cluster that gRPC cannot dial. */
export function targetOf(cluster: Cluster): string {
  const { discovery } = cluster;
  const hosts =
    discovery.kind === 'eds' ? [] : discovery.assignment.localities.flatMap((locality) => locality.endpoints);
  const [first] = hosts;
  if (first === undefined) throw new Error(`the cluster "${cluster.name}" has no endpoints`);
  if (discovery.kind !== 'static') return `dns:${hostPort(first.host, first.port)}`;
  if (first.host.startsWith('@'))
    throw new Error(`the cluster "${cluster.name}" is at an abstract Unix socket, which gRPC does not dial`);
  if (isPipe(first.host)) return `unix:${first.host}`;
  const scheme = first.host.includes(':') ? 'ipv6' : 'ipv4';
  const alike = hosts.filter(({ host }) => !isPipe(host) && host.includes(':') === (scheme === 'ipv6'));
  return `${scheme}:${alike.map(({ host, port }) => hostPort(host, port)).join(',')}`;
}

/**
 * Credentials of a cluster's TLS context, plaintext without one. `secrets` resolves SDS names; a name that
 * is not there yet counts as not configured for certificates, and throws for trust.
 */
export function credentialsOf(cluster: Cluster, secrets: ReadonlyMap<string, Secret>): ChannelCredentials {
  const { tls } = cluster;
  if (tls === null) return credentials.createInsecure();
  const validation = validationOf(tls, secrets);
  if (validation === null)
    throw new Error(`the cluster "${cluster.name}" has TLS without a trusted_ca: discovery could not be recognised`);
  const context = createSecureContext(contextOptions(tls, certificateOf(tls, secrets), validation));
  return credentials.createFromSecureContext(context, {
    rejectUnauthorized: true,
    checkServerIdentity: (_name: string, certificate: PeerCertificate) => checkNames(certificate, validation),
  });
}

function contextOptions(
  tls: UpstreamTls,
  certificate: TlsCertificate | null,
  validation: ValidationContext,
): SecureContextOptions {
  return {
    minVersion: tls.minVersion,
    maxVersion: tls.maxVersion,
    ...(validation.trustedCa === null ? {} : { ca: validation.trustedCa }),
    ...(validation.crl === null ? {} : { crl: validation.crl }),
    ...(certificate === null ? {} : { cert: certificate.chain, key: certificate.privateKey }),
    ...(tls.cipherSuites.length === 0 ? {} : { ciphers: tls.cipherSuites.join(':') }),
    ...(tls.ecdhCurves.length === 0 ? {} : { ecdhCurve: tls.ecdhCurves.join(':') }),
  };
}

function certificateOf(tls: UpstreamTls, secrets: ReadonlyMap<string, Secret>): TlsCertificate | null {
  const [source] = tls.certificates;
  if (source === undefined) return null;
  if (source.kind === 'inline') return source.certificate;
  const secret = secrets.get(source.name);
  return secret?.kind === 'certificate' ? secret.certificate : null;
}

function validationOf(tls: UpstreamTls, secrets: ReadonlyMap<string, Secret>): ValidationContext | null {
  const { validation } = tls;
  if (validation === null) return null;
  const context = validation.kind === 'inline' ? validation.context : merged(validation, secrets);
  return context === null || context.trustedCa === null ? null : context;
}

/** What SDS brings, over the defaults of a combined context. */
function merged(
  source: Extract<NonNullable<UpstreamTls['validation']>, { kind: 'sds' }>,
  secrets: ReadonlyMap<string, Secret>,
): ValidationContext | null {
  const secret = secrets.get(source.name);
  if (secret?.kind !== 'validation') return null;
  const { context } = secret;
  const names = context.subjectAltNames.length > 0 ? context.subjectAltNames : (source.defaults?.subjectAltNames ?? []);
  return { ...context, subjectAltNames: names };
}

/** Any of the wanted names must be there; without wanted names the chain suffices, as in Envoy. */
export function checkNames(
  certificate: Pick<PeerCertificate, 'subjectaltname'>,
  validation: ValidationContext,
): Error | undefined {
  const { subjectAltNames } = validation;
  if (subjectAltNames.length === 0) return undefined;
  const names = readNames(certificate.subjectaltname ?? '');
  const found = subjectAltNames.some((wanted) =>
    names.some((name) => name.type === wanted.type && matches(wanted, name.value)),
  );
  return found ? undefined : new Error('the certificate of discovery has none of the names that are expected');
}

const TYPES: Readonly<Record<string, SanMatch['type']>> = {
  DNS: 'dns',
  URI: 'uri',
  'IP Address': 'ip',
  email: 'email',
};

/** Node's text of the names; values with commas or quotes are quoted as JSON. */
function readNames(text: string): { type: SanMatch['type']; value: string }[] {
  return [...text.matchAll(/([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/g)].flatMap(([, kind = '', value = '']) => {
    const type = TYPES[kind];
    return type === undefined ? [] : [{ type, value: value.startsWith('"') ? (JSON.parse(value) as string) : value }];
  });
}

function matches({ match }: SanMatch, value: string): boolean {
  if (match.kind === 'regex') return match.regex.full(value);
  const fold = (text: string) => (match.ignoreCase ? text.toLowerCase() : text);
  return compare(match.kind, fold(value), fold(match.value));
}

function compare(kind: Exclude<StringMatch['kind'], 'regex'>, value: string, wanted: string): boolean {
  if (kind === 'exact') return value === wanted;
  if (kind === 'prefix') return value.startsWith(wanted);
  return kind === 'suffix' ? value.endsWith(wanted) : value.includes(wanted);
}
