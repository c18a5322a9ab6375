// dynamic_resources: where discovery is and which resources it is asked for.

import type { Bootstrap_DynamicResourcesSchema as DynamicSchema } from '../../../proto/gen/envoy/config/bootstrap/v3/bootstrap_pb.ts';
import { HeaderValueSchema } from '../../../proto/gen/envoy/config/core/v3/base_pb.ts';
import type { ApiConfigSourceSchema as ApiSchema } from '../../../proto/gen/envoy/config/core/v3/config_source_pb.ts';
import {
  ApiConfigSourceSchema,
  ApiConfigSource_ApiType as ApiType,
  ApiVersion,
  ConfigSourceSchema,
} from '../../../proto/gen/envoy/config/core/v3/config_source_pb.ts';
import {
  GrpcService_EnvoyGrpcSchema as EnvoyGrpcSchema,
  GrpcServiceSchema,
} from '../../../proto/gen/envoy/config/core/v3/grpc_service_pb.ts';
import { decodeConfigSource, INITIAL_FETCH_TIMEOUT_MS } from '../decode/config-source.ts';
import type { Fields } from '../decode/fields.ts';

export interface AdsTarget {
  /** The static cluster whose endpoints are discovery. */
  readonly cluster: string;
  /** Replaces the `:authority` of the stream; null: the cluster's name. */
  readonly authority: string | null;
  /** Sent as metadata with each stream. */
  readonly metadata: readonly { readonly key: string; readonly value: string }[];
  /** Whether listeners and clusters are asked for (lds_config, cds_config). */
  readonly listeners: boolean;
  readonly clusters: boolean;
  readonly initialFetchTimeoutMs: number;
}

export function decodeDynamic(f: Fields<typeof DynamicSchema>): AdsTarget | null {
  const lds = f.child('ldsConfig', ConfigSourceSchema);
  const cds = f.child('cdsConfig', ConfigSourceSchema);
  const ads = f.child('adsConfig', ApiConfigSourceSchema);
  f.end();
  const sources = [lds, cds].filter((source) => source !== null).map(decodeConfigSource);
  if (ads === null) {
    if (sources.length > 0) f.invalid('adsConfig', 'is required: lds_config and cds_config refer to it');
    return null;
  }
  const target = decodeApi(ads);
  const initialFetchTimeoutMs =
    sources.length === 0
      ? INITIAL_FETCH_TIMEOUT_MS
      : Math.max(...sources.map((source) => source.initialFetchTimeoutMs));
  return target === null ? null : { ...target, listeners: lds !== null, clusters: cds !== null, initialFetchTimeoutMs };
}

type Api = Pick<AdsTarget, 'cluster' | 'authority' | 'metadata'>;

function decodeApi(f: Fields<typeof ApiSchema>): Api | null {
  const type = f.take('apiType');
  const version = f.take('transportApiVersion');
  const services = f.children('grpcServices', GrpcServiceSchema);
  // The node goes with the first message only, and requests are few.
  f.ignore('setNodeOnFirstMessageOnly', 'rateLimitSettings', 'requestTimeout', 'refreshDelay');
  f.end();
  if (type !== ApiType.GRPC && type !== ApiType.AGGREGATED_GRPC)
    f.unsupported('apiType', 'other than GRPC is not supported by fairlead yet');
  if (version !== ApiVersion.V3) f.invalid('transportApiVersion', 'must be V3');
  if (services.length > 1) f.unsupported('grpcServices', 'more than one is not supported by fairlead');
  const service = services[0];
  if (service === undefined) return f.invalid('grpcServices', 'needs an item');
  return decodeService(service);
}

function decodeService(f: Fields<typeof GrpcServiceSchema>): Api | null {
  const specifier = f.take('targetSpecifier');
  const metadata = f.children('initialMetadata', HeaderValueSchema).map((header) => {
    const pair = { key: header.take('key').toLowerCase(), value: header.take('value') };
    header.end();
    return pair;
  });
  f.ignore('timeout', 'retryPolicy');
  f.end();
  if (specifier.case === 'googleGrpc')
    return f.unsupported(
      'googleGrpc',
      'is not supported by fairlead; write envoy_grpc with the name of a static cluster',
    );
  if (specifier.case === undefined) return null;
  const grpc = f.choice('envoyGrpc', specifier.value, EnvoyGrpcSchema);
  grpc.ignore('retryPolicy', 'maxReceiveMessageLength', 'skipEnvoyHeaders');
  const target = { cluster: grpc.take('clusterName'), authority: grpc.take('authority') || null, metadata };
  grpc.end();
  return target;
}
