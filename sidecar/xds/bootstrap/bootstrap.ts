// A bootstrap message -> what the program starts with: who it is, its admin address, its static
// resources as models, and where discovery is.

import type { JsonObject } from '@bufbuild/protobuf';
import { create } from '@bufbuild/protobuf';
import type { Bootstrap } from '../../../proto/gen/envoy/config/bootstrap/v3/bootstrap_pb.ts';
import {
  AdminSchema,
  BootstrapSchema,
  ClusterManagerSchema,
  Bootstrap_DynamicResourcesSchema as DynamicSchema,
  LayeredRuntimeSchema,
  Bootstrap_StaticResourcesSchema as StaticSchema,
} from '../../../proto/gen/envoy/config/bootstrap/v3/bootstrap_pb.ts';
import { AddressSchema } from '../../../proto/gen/envoy/config/core/v3/address_pb.ts';
import type { NodeSchema } from '../../../proto/gen/envoy/config/core/v3/base_pb.ts';
import { NodeSchema as Node } from '../../../proto/gen/envoy/config/core/v3/base_pb.ts';
import { OverloadManagerSchema } from '../../../proto/gen/envoy/config/overload/v3/overload_pb.ts';
import type { StatedLimits } from '../../model/limits.ts';
import type { SocketAddress } from '../../model/listener.ts';
import { decodeAddress } from '../decode/address.ts';
import { checkConstraints } from '../decode/constraints.ts';
import { Fields } from '../decode/fields.ts';
import type { Problem } from '../decode/problems.ts';
import { Problems } from '../decode/problems.ts';
import type { DecodeOptions } from '../decode/resource.ts';
import { newContext } from '../decode/resource.ts';
import type { AdsTarget } from './ads-config.ts';
import { decodeDynamic } from './ads-config.ts';
import { decodeOverloadManager } from './overload.ts';
import { decodeRuntime, NO_RUNTIME_LIMITS } from './runtime-keys.ts';

/** Who this sidecar is, for discovery and in logs. */
export interface NodeInfo {
  readonly id: string;
  readonly cluster: string;
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
  readonly metadata: JsonObject;
}

export interface DecodedBootstrap {
  readonly node: NodeInfo;
  /** null: no admin interface. */
  readonly admin: SocketAddress | null;
  /** null: the file says all there is. */
  readonly ads: AdsTarget | null;
  readonly connectionLimits: StatedLimits;
  readonly problems: readonly Problem[];
}

/** Everything of the bootstrap but its static resources. */
export function decodeBootstrap(bootstrap: Bootstrap, options: DecodeOptions): DecodedBootstrap {
  const problems = new Problems();
  checkConstraints(BootstrapSchema, withoutResources(bootstrap), '', (kind, field, reason) =>
    problems.add(kind, field, reason),
  );
  const f = new Fields(BootstrapSchema, bootstrap, '', newContext(problems, options));
  const admin = f.child('admin', AdminSchema);
  const dynamic = f.child('dynamicResources', DynamicSchema);
  const manager = f.child('clusterManager', ClusterManagerSchema);
  const decoded = {
    node: decodeNode(f.child('node', Node)),
    admin: admin === null ? null : decodeAdmin(admin),
    ads: dynamic === null ? null : decodeDynamic(dynamic),
    connectionLimits: decodeConnectionLimits(f),
  };
  if (manager !== null) decodeManager(manager);
  f.child('staticResources', StaticSchema);
  passOver(f);
  f.end();
  return { ...decoded, problems: problems.all };
}

/** Said in two places; where both speak, the overload manager holds, as in Envoy. */
function decodeConnectionLimits(f: Fields<typeof BootstrapSchema>): StatedLimits {
  const runtime = f.child('layeredRuntime', LayeredRuntimeSchema);
  const manager = f.child('overloadManager', OverloadManagerSchema);
  const { maxConnections, byListener } = runtime === null ? NO_RUNTIME_LIMITS : decodeRuntime(runtime);
  noteUnknownListeners(f, byListener.keys());
  const monitored = manager === null ? null : decodeOverloadManager(manager);
  const most = monitored ?? maxConnections;
  return { inAll: most === null ? null : { most, byOverloadManager: monitored !== null }, byListener };
}

/** Where discovery can bring no listener, a limit of one that is not there is a slip of the pen. Envoy says nothing. */
function noteUnknownListeners(f: Fields<typeof BootstrapSchema>, limited: Iterable<string>): void {
  const { dynamicResources, staticResources } = f.message;
  if (dynamicResources !== undefined) return;
  const known = new Set(staticResources?.listeners.map(({ name }) => name));
  for (const name of limited) {
    if (!known.has(name))
      f.add('note', 'layeredRuntime', `limits connections of a listener "${name}" that is not there`);
  }
}

/** Static resources are checked one by one, with their own names in the findings. */
function withoutResources(bootstrap: Bootstrap): Bootstrap {
  const copy = { ...bootstrap };
  delete copy.staticResources;
  return Object.assign(create(BootstrapSchema), copy);
}

/** Settings of Envoy's own workings (threads, memory, statistics) that nothing here corresponds to. */
function passOver(f: Fields<typeof BootstrapSchema>): void {
  f.ignore(
    'nodeContextParams',
    'flagsPath',
    'deferredStatOptions',
    'statsConfig',
    'statsFlushInterval',
    'statsFlush',
    'watchdog',
    'watchdogs',
  );
  f.ignore(
    'enableDispatcherStats',
    'statsServerVersionOverride',
    'inlineHeaders',
    'perfTracingFilePath',
    'grpcAsyncClientManagerConfig',
  );
  f.ignore('memoryAllocatorManager', 'listenerManager', 'defaultRegexEngine');
  f.note('fatalActions', 'these actions are not run');
  f.note('applicationLogConfig', 'the program logs in its own format');
  if (f.message.headerPrefix === 'x-envoy') f.ignore('headerPrefix');
  if (!f.message.useTcpForDnsLookups) f.ignore('useTcpForDnsLookups');
}

function decodeNode(f: Fields<typeof NodeSchema> | null): NodeInfo {
  const locality = f?.message.locality;
  return {
    id: f?.message.id ?? '',
    cluster: f?.message.cluster ?? '',
    region: locality?.region ?? '',
    zone: locality?.zone ?? '',
    subZone: locality?.subZone ?? '',
    metadata: f?.message.metadata ?? {},
  };
}

function decodeAdmin(f: Fields<typeof AdminSchema>): SocketAddress | null {
  const address = f.child('address', AddressSchema);
  // These pages answer however many connections clients have open.
  f.ignore('profilePath', 'ignoreGlobalConnLimit');
  f.security('allowPaths');
  f.note('accessLog', 'requests to the admin interface are not logged');
  f.note('accessLogPath', 'requests to the admin interface are not logged');
  f.end();
  const decoded = address === null ? null : decodeAddress(address, 'ip');
  return decoded === null ? null : { host: decoded.host, port: decoded.port };
}

function decodeManager(f: Fields<typeof ClusterManagerSchema>): void {
  f.ignore('enableDeferredClusterCreation');
  f.note('outlierDetection', 'ejections are logged by the program itself');
  f.end();
}
