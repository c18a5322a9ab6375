// The HTTP connection manager with Envoy's defaults, field by field.

import { AccessLogSchema } from '../../../proto/gen/envoy/config/accesslog/v3/accesslog_pb.ts';
import { CidrRangeSchema } from '../../../proto/gen/envoy/config/core/v3/address_pb.ts';
import { ConfigSourceSchema } from '../../../proto/gen/envoy/config/core/v3/config_source_pb.ts';
import {
  Http1ProtocolOptionsSchema,
  Http2ProtocolOptionsSchema,
  HttpProtocolOptionsSchema,
  SchemeHeaderTransformationSchema,
} from '../../../proto/gen/envoy/config/core/v3/protocol_pb.ts';
import { RouteConfigurationSchema } from '../../../proto/gen/envoy/config/route/v3/route_pb.ts';
import type { HttpConnectionManagerSchema as ManagerSchema } from '../../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts';
import {
  HttpConnectionManager_SetCurrentClientCertDetailsSchema as CertDetailsSchema,
  HttpConnectionManager_CodecType as Codec,
  HttpConnectionManager_ForwardClientCertDetails as ForwardCert,
  HttpFilterSchema,
  HttpConnectionManager_InternalAddressConfigSchema as InternalSchema,
  LocalReplyConfigSchema,
  HttpConnectionManager_HcmAccessLogOptionsSchema as LogOptionsSchema,
  RdsSchema,
  RequestIDExtensionSchema,
  HttpConnectionManager_ServerHeaderTransformation as ServerHeader,
  HttpConnectionManager_PathWithEscapedSlashesAction as Slashes,
  HttpConnectionManager_TracingSchema as TracingSchema,
  HttpConnectionManager_UpgradeConfigSchema as UpgradeSchema,
} from '../../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts';
import { UuidRequestIdConfigSchema } from '../../../proto/gen/envoy/extensions/request_id/uuid/v3/uuid_pb.ts';
import type { HttpConnectionManager } from '../../model/listener.ts';
import type { RouteConfiguration, UpgradeConfig } from '../../model/route.ts';
import { decodeAccessLog } from './access-log.ts';
import { isType, openAny } from './any.ts';
import { decodeConfigSource } from './config-source.ts';
import type { Fields } from './fields.ts';
import { decodeHttpFilters } from './http-filters.ts';
import { decodeLocalReply } from './local-reply.ts';
import { decodeCidr } from './matcher.ts';
import { decodeHttp2 } from './http2-options.ts';
import { decodeCommonHttp, decodeHttp1Server } from './protocol-options.ts';
import { decodeRouteConfiguration } from './route.ts';
import { decodeTracing } from './tracing.ts';

type Manager = Fields<typeof ManagerSchema>;

const SERVER_HEADER: Readonly<Record<ServerHeader, HttpConnectionManager['serverHeader']>> = {
  [ServerHeader.OVERWRITE]: 'overwrite',
  [ServerHeader.APPEND_IF_ABSENT]: 'append-if-absent',
  [ServerHeader.PASS_THROUGH]: 'pass-through',
};

const FORWARD_CERT: Readonly<Record<ForwardCert, HttpConnectionManager['forwardClientCert']>> = {
  [ForwardCert.SANITIZE]: 'sanitize',
  [ForwardCert.FORWARD_ONLY]: 'forward-only',
  [ForwardCert.APPEND_FORWARD]: 'append-forward',
  [ForwardCert.SANITIZE_SET]: 'sanitize-set',
  [ForwardCert.ALWAYS_FORWARD_ONLY]: 'always-forward-only',
};

const SLASHES: Readonly<Record<Slashes, HttpConnectionManager['escapedSlashes']>> = {
  [Slashes.IMPLEMENTATION_SPECIFIC_DEFAULT]: 'keep',
  [Slashes.KEEP_UNCHANGED]: 'keep',
  [Slashes.REJECT_REQUEST]: 'reject',
  [Slashes.UNESCAPE_AND_REDIRECT]: 'unescape-and-redirect',
  [Slashes.UNESCAPE_AND_FORWARD]: 'unescape-and-forward',
};

export function decodeConnectionManager(f: Manager): HttpConnectionManager {
  const manager: HttpConnectionManager = {
    statPrefix: f.take('statPrefix'),
    codec: decodeCodec(f),
    routes: decodeRoutes(f),
    filters: decodeHttpFilters(f.children('httpFilters', HttpFilterSchema)),
    ...decodeForwarding(f),
    ...decodeTimes(f),
    ...decodePaths(f),
    ...decodeRequestId(f),
    proxy100Continue: f.take('proxy100Continue'),
    http1: decodeHttp1Server(f.child('httpProtocolOptions', Http1ProtocolOptionsSchema)),
    http2: decodeHttp2(f.child('http2ProtocolOptions', Http2ProtocolOptionsSchema)),
    upgrades: decodeUpgrades(f.children('upgradeConfigs', UpgradeSchema)),
    accessLogs: f.children('accessLog', AccessLogSchema).flatMap(decodeAccessLog),
    accessLogIntervalMs: decodeLogInterval(f),
    localReply: decodeOptional(f.child('localReplyConfig', LocalReplyConfigSchema), decodeLocalReply),
    tracing: decodeOptional(f.child('tracing', TracingSchema), decodeTracing),
  };
  ignoreWithoutEffect(f);
  f.end();
  return manager;
}

function decodeOptional<F, T>(f: F | null, decode: (f: F) => T): T | null {
  return f === null ? null : decode(f);
}

/** What speaks of protocols that these listeners do not serve, and false where false is the default. */
function ignoreWithoutEffect(f: Manager): void {
  f.ignore('http3ProtocolOptions', 'addProxyProtocolConnectionState', 'recordRouteResolutionStats');
  if (f.message.streamErrorOnInvalidHttpMessage !== true) f.ignore('streamErrorOnInvalidHttpMessage');
}

function decodeCodec(f: Manager): HttpConnectionManager['codec'] {
  const codec = f.take('codecType');
  if (codec === Codec.HTTP3) f.unsupported('codecType', 'of HTTP3 is not supported by fairlead');
  if (codec === Codec.HTTP2) return 'http2';
  return codec === Codec.HTTP1 ? 'http1' : 'auto';
}

const NO_ROUTES: HttpConnectionManager['routes'] = { kind: 'rds', name: '' };

function decodeRoutes(f: Manager): HttpConnectionManager['routes'] {
  const specifier = f.take('routeSpecifier');
  if (specifier.case === 'rds') return decodeRds(f.choice('rds', specifier.value, RdsSchema));
  if (specifier.case === 'routeConfig') {
    const config: RouteConfiguration = decodeRouteConfiguration(
      f.choice('routeConfig', specifier.value, RouteConfigurationSchema),
      true,
    );
    return { kind: 'inline', config };
  }
  if (specifier.case !== undefined) f.unsupported(specifier.case);
  return NO_ROUTES;
}

function decodeRds(f: Fields<typeof RdsSchema>): HttpConnectionManager['routes'] {
  const source = f.child('configSource', ConfigSourceSchema);
  const name = f.take('routeConfigName');
  f.end();
  if (source !== null) decodeConfigSource(source);
  if (name === '') f.invalid('routeConfigName', 'must not be empty');
  return { kind: 'rds', name };
}

/** Who the client is, and what is said of it and of us to others. */
function decodeForwarding(f: Manager) {
  const internal = f.child('internalAddressConfig', InternalSchema);
  const details = f.child('setCurrentClientCertDetails', CertDetailsSchema);
  const scheme = f.child('schemeHeaderTransformation', SchemeHeaderTransformationSchema);
  // These decide who counts as the client.
  f.security('originalIpDetectionExtensions', 'forwardClientCertMatcher');
  const forwarding = {
    serverName: f.take('serverName') || 'envoy',
    serverHeader: SERVER_HEADER[f.take('serverHeaderTransformation')] ?? ('overwrite' as const),
    useRemoteAddress: f.take('useRemoteAddress') ?? false,
    xffTrustedHops: f.take('xffNumTrustedHops'),
    skipXffAppend: f.take('skipXffAppend'),
    internalRanges: internal?.children('cidrRanges', CidrRangeSchema).map(decodeCidr) ?? [],
    unixSocketsInternal: internal?.take('unixSockets') ?? false,
    forwardClientCert: FORWARD_CERT[f.take('forwardClientCertDetails')] ?? ('sanitize' as const),
    setClientCert: decodeCertDetails(details),
    via: f.take('via'),
    addUserAgent: f.take('addUserAgent') ?? false,
    appendXForwardedPort: f.take('appendXForwardedPort'),
    ...decodeScheme(scheme),
  };
  internal?.end();
  return forwarding;
}

function decodeCertDetails(f: Fields<typeof CertDetailsSchema> | null): HttpConnectionManager['setClientCert'] {
  if (f === null) return { subject: false, cert: false, chain: false, dns: false, uri: false };
  const details = {
    subject: f.take('subject') ?? false,
    cert: f.take('cert'),
    chain: f.take('chain'),
    dns: f.take('dns'),
    uri: f.take('uri'),
  };
  f.end();
  return details;
}

function decodeScheme(
  f: Fields<typeof SchemeHeaderTransformationSchema> | null,
): Pick<HttpConnectionManager, 'schemeOverwrite' | 'schemeMatchUpstream'> {
  if (f === null) return { schemeOverwrite: null, schemeMatchUpstream: false };
  const transformation = f.take('transformation');
  const schemeMatchUpstream = f.take('matchUpstream');
  f.end();
  const scheme = transformation.case === 'schemeToOverwrite' ? transformation.value : null;
  return { schemeOverwrite: scheme === 'http' || scheme === 'https' ? scheme : null, schemeMatchUpstream };
}

const DEFAULT_HEADERS_KB = 60;

/** Times and limits. 0 stands for "none". */
function decodeTimes(f: Manager) {
  const common = decodeCommonHttp(f.child('commonHttpProtocolOptions', HttpProtocolOptionsSchema));
  return {
    ...common,
    streamIdleTimeoutMs: f.ms('streamIdleTimeout', 300_000),
    requestTimeoutMs: f.ms('requestTimeout', 0),
    requestHeadersTimeoutMs: f.ms('requestHeadersTimeout', 0),
    drainTimeoutMs: f.ms('drainTimeout', 5_000),
    delayedCloseTimeoutMs: f.ms('delayedCloseTimeout', 1_000),
    maxHeadersBytes: (f.take('maxRequestHeadersKb') ?? DEFAULT_HEADERS_KB) * 1024,
  };
}

function decodePaths(f: Manager) {
  const matching = f.take('stripMatchingHostPort');
  const any = f.take('stripPortMode').value === true;
  if (matching && any)
    f.invalid('stripMatchingHostPort', 'only one of strip_matching_host_port and strip_any_host_port may be set');
  // Paths that are checked in one form and forwarded in another have let people past rules.
  f.security('pathNormalizationOptions');
  return {
    normalizePath: f.take('normalizePath') ?? false,
    mergeSlashes: f.take('mergeSlashes'),
    escapedSlashes: SLASHES[f.take('pathWithEscapedSlashesAction')] ?? ('keep' as const),
    stripPort: any ? ('any' as const) : matching ? ('matching' as const) : ('keep' as const),
    stripTrailingHostDot: f.take('stripTrailingHostDot'),
  };
}

function decodeRequestId(f: Manager) {
  const extension = f.child('requestIdExtension', RequestIDExtensionSchema);
  return {
    generateRequestId: f.take('generateRequestId') ?? true,
    preserveExternalRequestId: f.take('preserveExternalRequestId'),
    alwaysSetRequestIdInResponse: f.take('alwaysSetRequestIdInResponse'),
    packTraceReason: extension === null ? true : decodeUuid(extension),
  };
}

/** Whether the trace decision is written into the UUID. */
function decodeUuid(f: Fields<typeof RequestIDExtensionSchema>): boolean {
  const config = f.take('typedConfig');
  f.end();
  const opened = config === undefined ? null : openAny(config, f.at('typedConfig'), f.context);
  if (opened === null) return true;
  if (isType(opened, UuidRequestIdConfigSchema)) return decodePackReason(opened);
  opened.unsupported('');
  return true;
}

function decodePackReason(f: Fields<typeof UuidRequestIdConfigSchema>): boolean {
  const pack = f.take('packTraceReason') ?? true;
  if (f.message.useRequestIdForTraceSampling !== false) f.ignore('useRequestIdForTraceSampling');
  f.end();
  return pack;
}

function decodeUpgrades(list: readonly Fields<typeof UpgradeSchema>[]): UpgradeConfig[] {
  const seen = new Set<string>();
  return list.map((f) => {
    const type = f.take('upgradeType').toLowerCase();
    const enabled = f.take('enabled') ?? true;
    f.end();
    if (seen.has(type)) f.invalid('upgradeType', `"${type}" stands twice`);
    seen.add(type);
    return { type, enabled, terminates: false };
  });
}

function decodeLogInterval(f: Manager): number {
  const options = f.child('accessLogOptions', LogOptionsSchema);
  const old = f.ms('accessLogFlushInterval', 0);
  const interval = options?.ms('accessLogFlushInterval', 0) ?? 0;
  options?.end();
  return interval || old;
}
