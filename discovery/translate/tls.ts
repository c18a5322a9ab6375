// Mutual TLS in Envoy's words: TLS 1.3 only, certificates by SDS, the peer's SPIFFE id checked exactly.

import type { MessageInitShape } from '@bufbuild/protobuf';
import type { TransportSocketSchema } from '../../proto/gen/envoy/config/core/v3/base_pb.ts';
import type { ConfigSourceSchema } from '../../proto/gen/envoy/config/core/v3/config_source_pb.ts';
import { ApiVersion } from '../../proto/gen/envoy/config/core/v3/config_source_pb.ts';
import {
  SubjectAltNameMatcher_SanType,
  TlsParameters_TlsProtocol,
} from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.ts';
import {
  type CommonTlsContextSchema,
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts';
import type { StringMatcherSchema } from '../../proto/gen/envoy/type/matcher/v3/string_pb.ts';
import { any } from './resource.ts';

/** Istio's names for a workload's own certificate and for the mesh's roots. */
export const OWN_CERTIFICATE = 'default';
export const TRUST_BUNDLE = 'ROOTCA';

export function adsSource(): MessageInitShape<typeof ConfigSourceSchema> {
  return { resourceApiVersion: ApiVersion.V3, configSourceSpecifier: { case: 'ads', value: {} } };
}

/** Towards a service: whoever answers must be exactly `identity`. */
export function upstreamTls(identity: string, alpn: readonly string[]): MessageInitShape<typeof TransportSocketSchema> {
  const commonTlsContext = commonTls({ case: 'exact', value: identity }, alpn);
  const context = any(UpstreamTlsContextSchema, { commonTlsContext });
  return { name: 'envoy.transport_sockets.tls', configType: { case: 'typedConfig', value: context } };
}

/** At an inbound listener: any workload of the trust domain may connect; who may call what is RBAC's to say. */
export function downstreamTls(
  trustDomain: string,
  alpn: readonly string[],
): MessageInitShape<typeof TransportSocketSchema> {
  const context = any(DownstreamTlsContextSchema, {
    requireClientCertificate: true,
    commonTlsContext: commonTls({ case: 'prefix', value: `spiffe://${trustDomain}/` }, alpn),
  });
  return { name: 'envoy.transport_sockets.tls', configType: { case: 'typedConfig', value: context } };
}

function commonTls(
  peer: NonNullable<MessageInitShape<typeof StringMatcherSchema>['matchPattern']>,
  alpn: readonly string[],
): MessageInitShape<typeof CommonTlsContextSchema> {
  return {
    // A highest version must be said: towards an upstream Envoy's default is TLS 1.2.
    tlsParams: {
      tlsMinimumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
      tlsMaximumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
    },
    alpnProtocols: [...alpn],
    tlsCertificateSdsSecretConfigs: [{ name: OWN_CERTIFICATE, sdsConfig: adsSource() }],
    validationContextType: {
      case: 'combinedValidationContext',
      value: {
        defaultValidationContext: {
          matchTypedSubjectAltNames: [{ sanType: SubjectAltNameMatcher_SanType.URI, matcher: { matchPattern: peer } }],
        },
        validationContextSdsSecretConfig: { name: TRUST_BUNDLE, sdsConfig: adsSource() },
      },
    },
  };
}
