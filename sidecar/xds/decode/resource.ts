// The one way from bytes or messages to the model: constraints, then the decoder of the type, then the
// verdict. Static resources and those that come over ADS pass here alike.

import { readFileSync } from 'node:fs';
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { fromBinary } from '@bufbuild/protobuf';
import { ClusterSchema } from '../../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts';
import { ClusterLoadAssignmentSchema } from '../../../proto/gen/envoy/config/endpoint/v3/endpoint_pb.ts';
import { ListenerSchema } from '../../../proto/gen/envoy/config/listener/v3/listener_pb.ts';
import { RouteConfigurationSchema } from '../../../proto/gen/envoy/config/route/v3/route_pb.ts';
import { SecretSchema } from '../../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts';
import type { Cluster } from '../../model/cluster.ts';
import type { ClusterLoadAssignment } from '../../model/endpoint.ts';
import type { Listener } from '../../model/listener.ts';
import type { RouteConfiguration } from '../../model/route.ts';
import type { Secret } from '../../model/secret.ts';
import { checkFormat } from '../../telemetry/format.ts';
import { decodeCluster } from './cluster.ts';
import { checkConstraints } from './constraints.ts';
import { decodeAssignment } from './endpoint.ts';
import type { DecodeContext } from './fields.ts';
import { Fields } from './fields.ts';
import { decodeListener } from './listener.ts';
import type { Problem } from './problems.ts';
import { EnoughProblems, isFatal, Problems } from './problems.ts';
import { decodeRouteConfiguration } from './route.ts';
import { decodeSecret } from './secret.ts';

export interface DecodeOptions {
  /** Unsupported fields become warnings, except where ignoring them would weaken security. */
  readonly allowUnsupported: boolean;
  /** Clusters that a route may name where `validate_clusters` holds; null: not checked. */
  readonly clusters?: ReadonlySet<string> | null;
  /** Clusters that may speak HTTP/2: those that our own gRPC clients use. */
  readonly http2Clusters?: ReadonlySet<string>;
  readonly readFile?: (path: string) => Buffer;
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

export type Decoded<T> =
  /** A null value: nothing that concerns a sidecar, taken silently. */
  | { readonly ok: true; readonly value: T | null; readonly warnings: readonly Problem[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** What a resource becomes. */
export type Model = Listener | RouteConfiguration | Cluster | ClusterLoadAssignment | Secret;

interface Kind {
  /** Name by which the resource is known to the protocol. */
  readonly name: (message: never) => string;
  readonly decode: (f: never) => Model | null;
  readonly schema: DescMessage;
}

function kind<D extends DescMessage>(
  schema: D,
  name: (message: MessageShape<D>) => string,
  decode: (f: Fields<D>) => Model | null,
): readonly [string, Kind] {
  return [schema.typeName, { schema, name, decode }];
}

const KINDS: ReadonlyMap<string, Kind> = new Map([
  kind(ClusterSchema, (message) => message.name, decodeCluster),
  kind(
    ClusterLoadAssignmentSchema,
    (message) => message.clusterName,
    (f) => decodeAssignment(f, false),
  ),
  kind(ListenerSchema, (message) => message.name, decodeListener),
  kind(
    RouteConfigurationSchema,
    (message) => message.name,
    (f) => decodeRouteConfiguration(f, false),
  ),
  kind(SecretSchema, (message) => message.name, decodeSecret),
]);

function kindOf(schema: DescMessage): Kind {
  const found = KINDS.get(schema.typeName);
  if (found === undefined) throw new TypeError(`${schema.typeName} is no resource type`);
  return found;
}

/** Decodes the bytes of a resource; never throws on their content. */
export function decodeBytes(schema: DescMessage, bytes: Uint8Array, options: DecodeOptions): Decoded<Model> {
  try {
    return decodeMessage(schema, fromBinary(schema, bytes), options);
  } catch (error) {
    return {
      ok: false,
      problems: [
        { kind: 'invalid', field: '', reason: `cannot be read as ${schema.typeName}: ${(error as Error).message}` },
      ],
    };
  }
}

/** The name of an encoded resource, or null where it cannot be read. */
export function nameOf(schema: DescMessage, bytes: Uint8Array): string | null {
  try {
    return kindOf(schema).name(fromBinary(schema, bytes) as never);
  } catch {
    return null;
  }
}

/** Decodes a message of one of the five resource types. */
export function decodeMessage(
  schema: DescMessage,
  message: MessageShape<DescMessage>,
  options: DecodeOptions,
): Decoded<Model> {
  const problems = new Problems(true);
  const value = decodeInto(problems, schema, message, options);
  const fatal = problems.all.filter((problem) => isFatal(problem, options.allowUnsupported));
  return fatal.length > 0 ? { ok: false, problems: fatal } : { ok: true, value, warnings: problems.all };
}

/** null where the problems are too many to go on: one resource of megabytes is not read to its end to be refused. */
function decodeInto(
  problems: Problems,
  schema: DescMessage,
  message: MessageShape<DescMessage>,
  options: DecodeOptions,
): Model | null {
  try {
    checkConstraints(schema, message, '', (found, field, reason) => problems.add(found, field, reason));
    return kindOf(schema).decode(new Fields(schema, message, '', newContext(problems, options)) as never);
  } catch (error) {
    if (error instanceof EnoughProblems) return null;
    throw error;
  }
}

export function newContext(problems: Problems, options: DecodeOptions): DecodeContext {
  return {
    problems,
    clusters: options.clusters ?? null,
    http2Clusters: options.http2Clusters ?? new Set(),
    readFile: options.readFile ?? ((path) => readFileSync(path)),
    environment: options.environment ?? process.env,
    checkFormat,
  };
}
