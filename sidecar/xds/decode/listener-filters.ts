// Listener filters: what looks at a connection before a filter chain is chosen.

import type { ListenerFilterSchema } from '../../../proto/gen/envoy/config/listener/v3/listener_components_pb.ts';
import { HttpInspectorSchema } from '../../../proto/gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.ts';
import { ProxyProtocolSchema } from '../../../proto/gen/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb.ts';
import { TlsInspectorSchema } from '../../../proto/gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.ts';
import type { FilterChain, Listener } from '../../model/listener.ts';
import type { Extension } from './any.ts';
import { isType, openAny, typeName } from './any.ts';
import type { Fields } from './fields.ts';
import { unsupportedKind } from './unsupported-filters.ts';

type Inspection = Pick<Listener, 'inspectTls'>;
type Known = 'tls-inspector' | 'http-inspector' | null;

export function decodeListenerFilters(
  list: readonly Fields<typeof ListenerFilterSchema>[],
  chains: readonly FilterChain[],
): Inspection {
  const known = list.map((f) => ({ f, kind: decodeListenerFilter(f) }));
  const http = known.find(({ kind }) => kind === 'http-inspector');
  if (http !== undefined && chains.some(sniffsPlaintext)) {
    http.f.unsupported('', 'choosing a chain by the protocol of unencrypted traffic is not supported by fairlead');
  }
  return {
    inspectTls: known.some(({ kind }) => kind === 'tls-inspector') || chains.some(needsTlsInspector),
  };
}

/** Envoy puts the inspector in by itself where chains are chosen by what it finds. */
function needsTlsInspector({ match }: FilterChain): boolean {
  if (match.transportProtocol === 'tls') return true;
  return match.transportProtocol === '' && (match.serverNames.length > 0 || match.applicationProtocols.length > 0);
}

const PLAINTEXT_PROTOCOLS: ReadonlySet<string> = new Set(['http/1.0', 'http/1.1', 'h2c']);

function sniffsPlaintext({ match, tls }: FilterChain): boolean {
  return (
    tls === null &&
    match.transportProtocol !== 'tls' &&
    match.applicationProtocols.some((name) => PLAINTEXT_PROTOCOLS.has(name))
  );
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
    return 'tls-inspector';
  }
  if (isType(opened, HttpInspectorSchema)) return 'http-inspector';
  // Taken for a request, its header would be answered 400; left out, every client would have the balancer's address.
  if (isType(opened, ProxyProtocolSchema))
    return opened.add('security', '', 'the PROXY protocol is not supported by fairlead');
  return opened.unsupported('', `the listener filter ${opened.schema.typeName} is not supported by fairlead`);
}
