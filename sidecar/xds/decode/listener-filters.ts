// Listener filters: what looks at a connection before a filter chain is chosen.

import type { ListenerFilterSchema } from '../../../proto/gen/envoy/config/listener/v3/listener_components_pb.ts';
import { HttpInspectorSchema } from '../../../proto/gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.ts';
import { ProxyProtocolConfig_Version as Version } from '../../../proto/gen/envoy/config/core/v3/proxy_protocol_pb.ts';
import { ProxyProtocolSchema } from '../../../proto/gen/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb.ts';
import { TlsInspectorSchema } from '../../../proto/gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.ts';
import type { FilterChain, Listener, ProxyProtocol } from '../../model/listener.ts';
import type { Extension } from './any.ts';
import { isType, openAny, typeName } from './any.ts';
import type { Fields } from './fields.ts';
import { unsupportedKind } from './unsupported-filters.ts';

type Inspection = Pick<Listener, 'inspectTls' | 'inspectHttp' | 'proxyProtocol'>;
type Known =
  | { readonly kind: 'tls-inspector' | 'http-inspector' }
  | { readonly kind: 'proxy-protocol'; readonly proxyProtocol: ProxyProtocol }
  | null;

export function decodeListenerFilters(
  list: readonly Fields<typeof ListenerFilterSchema>[],
  chains: readonly FilterChain[],
): Inspection {
  const known = list.map((f) => ({ f, filter: decodeListenerFilter(f) }));
  const placeOf = (kind: NonNullable<Known>['kind']) => known.findIndex(({ filter }) => filter?.kind === kind);
  const proxies = known.filter(({ filter }) => filter?.kind === 'proxy-protocol');
  proxies[1]?.f.unsupported('', 'a second PROXY header is not supported by fairlead');
  const [tls, http, proxy] = [placeOf('tls-inspector'), placeOf('http-inspector'), placeOf('proxy-protocol')];
  // Where they stand, they would look at the header and never see what follows it.
  for (const place of [tls, http])
    if (place !== -1 && place < proxy)
      known[place]?.f.unsupported('', 'before the PROXY protocol is not supported by fairlead');
  const first = proxies[0]?.filter;
  return {
    inspectTls: tls !== -1 || chains.some(needsTlsInspector),
    inspectHttp: http !== -1,
    proxyProtocol: first?.kind === 'proxy-protocol' ? first.proxyProtocol : null,
  };
}

/** Envoy puts the inspector in by itself where chains are chosen by what it finds. */
function needsTlsInspector({ match }: FilterChain): boolean {
  if (match.transportProtocol === 'tls') return true;
  return match.transportProtocol === '' && (match.serverNames.length > 0 || match.applicationProtocols.length > 0);
}

function decodeListenerFilter(f: Fields<typeof ListenerFilterSchema>): Known {
  const config = f.take('configType');
  f.ignore('name');
  f.security('filterDisabled');
  f.end();
  if (config.case === 'configDiscovery') return f.add('security', 'configDiscovery', 'is not supported by fairlead');
  if (config.case === undefined) return f.invalid('', 'typed_config is required');
  const opened = openAny(config.value, f.at('typedConfig'), f.context, unsupportedKind(typeName(config.value)));
  return opened === null ? null : decodeConfig(opened);
}

function decodeConfig(opened: Extension): Known {
  if (isType(opened, TlsInspectorSchema)) {
    const f = opened;
    // Fingerprints could only be seen in log operators, which would be refused; buffers grow by themselves.
    f.ignore('enableJa3Fingerprinting', 'enableJa4Fingerprinting', 'initialReadBufferSize');
    f.end();
    return { kind: 'tls-inspector' };
  }
  if (isType(opened, HttpInspectorSchema)) return { kind: 'http-inspector' };
  if (isType(opened, ProxyProtocolSchema))
    return { kind: 'proxy-protocol', proxyProtocol: decodeProxyProtocol(opened) };
  return opened.unsupported('', `the listener filter ${opened.schema.typeName} is not supported by fairlead`);
}

const VERSIONS: Readonly<Record<Version, 1 | 2>> = { [Version.V1]: 1, [Version.V2]: 2 };

/** `rules` and `pass_through_tlvs` speak of extensions, of which nothing is kept here. */
function decodeProxyProtocol(f: Fields<typeof ProxyProtocolSchema>): ProxyProtocol {
  const proxyProtocol: ProxyProtocol = {
    allowWithout: f.take('allowRequestsWithoutProxyProtocol'),
    disallowedVersions: f.take('disallowedVersions').flatMap((version) => VERSIONS[version] ?? []),
    statPrefix: f.take('statPrefix'),
  };
  f.end();
  return proxyProtocol;
}
