// What a request is once it is inside: who the client is, which scheme it used, its request id, and which
// words of it are not believed. The order of the steps is Envoy's; each depends on the ones before.

import { isIP } from 'node:net';
import { isPipe } from '../../core/addresses.ts';
import type { Exchange } from '../exchange.ts';
import { field, fields, type HeaderList, isEnvoyName, type RequestHead, removeField, setField } from '../http/head.ts';
import type { AddressFacts } from '../telemetry/facts.ts';
import type { Hcm } from './hcm.ts';
import { newRequestId } from './request-id.ts';
import { forwardClientCertificate } from './xfcc.ts';

/** Headers that only clients inside may use to steer us. */
const INTERNAL_ONLY = [
  'x-envoy-retriable-status-codes',
  'x-envoy-retriable-header-names',
  'x-envoy-retry-on',
  'x-envoy-retry-grpc-on',
  'x-envoy-max-retries',
  'x-envoy-upstream-alt-stat-name',
  'x-envoy-upstream-rq-timeout-ms',
  'x-envoy-upstream-rq-per-try-timeout-ms',
  'x-envoy-upstream-rq-timeout-alt-response',
  'x-envoy-expected-rq-timeout-ms',
  'x-envoy-force-trace',
  'x-envoy-ip-tags',
  'x-envoy-original-url',
  'x-envoy-hedge-on-per-try-timeout',
];

const EDGE_ONLY = [
  'x-envoy-original-path',
  'x-envoy-original-host',
  'x-envoy-decorator-operation',
  'x-envoy-downstream-service-cluster',
  'x-envoy-downstream-service-node',
];

export function admitRequest(x: Exchange, hcm: Hcm, internalOnlyHeaders: readonly string[]): void {
  const { config } = hcm;
  const head = x.request;
  const secure = x.connection.tls !== null;
  const speaksEnvoy = hasEnvoyField(head.headers);
  if (speaksEnvoy) removeField(head.headers, 'x-envoy-internal');
  const mayBeInternal = config.useRemoteAddress ? fromConnection(x, hcm) : fromForwardedFor(x, hcm);
  noteScheme(head, hcm, secure ? 'https' : 'http');
  if (
    config.appendXForwardedPort &&
    !isPipe(x.connection.local.host) &&
    field(head.headers, 'x-forwarded-port') === null
  ) {
    head.headers.push('x-forwarded-port', String(x.connection.local.port));
  }
  x.internal = mayBeInternal && hcm.isInternalAddress(x.remote.host);
  const edge = !x.internal && config.useRemoteAddress;
  if (x.internal) head.headers.push('x-envoy-internal', 'true');
  else if (speaksEnvoy || internalOnlyHeaders.length > 0) sanitize(head, edge, internalOnlyHeaders);
  if (config.addUserAgent) addUserAgent(head, hcm);
  if (config.via !== '') appendToList(head, 'via', config.via);
  if (edge && !isPipe(x.remote.host)) setField(head.headers, 'x-envoy-external-address', x.remote.host);
  if (config.generateRequestId) ensureRequestId(head, edge && !config.preserveExternalRequestId);
  forwardClientCertificate(x, config);
}

/** Proxies that a request may have passed; more are a loop, most likely (RFC 9110 7.6.3). */
const MOST_HOPS = 10;

/** By Via, where proxies write it. */
export function passedTooOften(head: RequestHead): boolean {
  const via = field(head.headers, 'via');
  return via !== null && via.split(',', MOST_HOPS + 1).length > MOST_HOPS;
}

/** The peer of the connection is the client, or a trusted proxy counted off the end of x-forwarded-for. */
function fromConnection(x: Exchange, hcm: Hcm): boolean {
  const { config } = hcm;
  const head = x.request;
  const hadForwardedFor = field(head.headers, 'x-forwarded-for') !== null;
  if (config.xffTrustedHops > 0) {
    const found = lastAddress(head, config.xffTrustedHops - 1);
    if (found !== null) x.remote = found.address;
  }
  const peer = (x.connection.proxied ?? x.connection.direct).host;
  if (!config.skipXffAppend && !isPipe(peer)) {
    const address = peer === '127.0.0.1' ? hcm.ownAddress : peer;
    if (hadForwardedFor) appendToList(head, 'x-forwarded-for', address);
    else head.headers.push('x-forwarded-for', address);
  }
  return !hadForwardedFor;
}

/** An earlier proxy is believed: the client is what it wrote into x-forwarded-for. */
function fromForwardedFor(x: Exchange, hcm: Hcm): boolean {
  const found = lastAddress(x.request, hcm.config.xffTrustedHops);
  if (found === null) return false;
  x.remote = found.address;
  return found.only;
}

/** The address `skip` hops from the end of x-forwarded-for; null where there is none or it is no address. */
function lastAddress(
  head: RequestHead,
  skip: number,
): { readonly address: AddressFacts; readonly only: boolean } | null {
  const values = fields(head.headers, 'x-forwarded-for');
  if (values.length === 0) return null;
  const hops = values.join(',').split(',');
  const text = hops[hops.length - 1 - skip]?.trim();
  if (text === undefined || isIP(text) === 0) return null;
  return { address: { host: text, port: 0 }, only: hops.length === 1 };
}

/** Later values of a list field go to the first, joined by a comma without a space, as Envoy does. */
export function appendToList(head: RequestHead, name: string, value: string): void {
  const present = fields(head.headers, name);
  const joined = present.length === 0 ? value : `${present.join(',')}${name === 'via' ? ', ' : ','}${value}`;
  setField(head.headers, name, joined);
}

/** What the client used: our connection says so, unless a trusted proxy before us did, or the configuration does. */
function noteScheme(head: RequestHead, { config }: Hcm, used: 'http' | 'https'): void {
  const { schemeOverwrite, useRemoteAddress, xffTrustedHops } = config;
  const ours = schemeOverwrite ?? (useRemoteAddress && xffTrustedHops === 0 ? used : null);
  if (ours !== null) {
    head.scheme = ours;
    setField(head.headers, 'x-forwarded-proto', ours);
    return;
  }
  const said = field(head.headers, 'x-forwarded-proto');
  if (said === null) head.headers.push('x-forwarded-proto', used);
  const scheme = (said ?? used).toLowerCase();
  if (scheme === 'http' || scheme === 'https') head.scheme = scheme;
}

function sanitize(head: RequestHead, edge: boolean, internalOnlyHeaders: readonly string[]): void {
  let kept = 0;
  const { headers } = head;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (isInternalOnly(name, edge) || internalOnlyHeaders.includes(name)) continue;
    headers[kept] = name;
    headers[kept + 1] = headers[i + 1] as string;
    kept += 2;
  }
  if (kept !== headers.length) headers.length = kept;
}

function hasEnvoyField(headers: HeaderList): boolean {
  for (let i = 0; i < headers.length; i += 2) if (isEnvoyName(headers[i] as string)) return true;
  return false;
}

function isInternalOnly(name: string, edge: boolean): boolean {
  if (!isEnvoyName(name)) return false;
  return INTERNAL_ONLY.includes(name) || (edge && EDGE_ONLY.includes(name));
}

function addUserAgent(head: RequestHead, hcm: Hcm): void {
  setField(head.headers, 'x-envoy-downstream-service-cluster', hcm.node.cluster);
  if (field(head.headers, 'user-agent') === null) head.headers.push('user-agent', hcm.node.cluster);
  if (hcm.node.id !== '') setField(head.headers, 'x-envoy-downstream-service-node', hcm.node.id);
}

function ensureRequestId(head: RequestHead, replace: boolean): void {
  const present = field(head.headers, 'x-request-id');
  if (present === null || present === '') setField(head.headers, 'x-request-id', newRequestId());
  else if (replace) setField(head.headers, 'x-request-id', newRequestId());
}
