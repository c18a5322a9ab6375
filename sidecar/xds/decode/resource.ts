// The one way from bytes or messages to the model: constraints, then the decoder of the type, then the
// verdict. Static resources and those that come over ADS pass here alike.

import { readFileSync } from 'node:fs';
import type { DescField, DescMessage, MessageShape } from '@bufbuild/protobuf';
import { fromBinary } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
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
import { atOnce, type Steps } from '../slices.ts';
import { decodeCluster } from './cluster.ts';
import { checkConstraints } from './constraints.ts';
import { decodeAssignment, decodeAssignmentBytes } from './endpoint.ts';
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
  readonly readFile?: (path: string) => Buffer;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Milliseconds since 1970; default: now. */
  readonly nowMs?: number;
}

export type Decoded<T> =
  /** A null value: nothing that concerns a sidecar, taken silently. */
  | { readonly ok: true; readonly value: T | null; readonly warnings: readonly Problem[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** What a resource becomes. */
export type Model = Listener | RouteConfiguration | Cluster | ClusterLoadAssignment | Secret;

interface Kind {
  /** The field with the name by which the resource is known to the protocol. */
  readonly nameField: number;
  readonly decode: (f: never) => Model | null;
  readonly schema: DescMessage;
}

function kind<D extends DescMessage>(
  schema: D,
  name: DescField,
  decode: (f: Fields<D>) => Model | null,
): readonly [string, Kind] {
  return [schema.typeName, { schema, nameField: name.number, decode }];
}

const KINDS: ReadonlyMap<string, Kind> = new Map([
  kind(ClusterSchema, ClusterSchema.field.name, decodeCluster),
  kind(ClusterLoadAssignmentSchema, ClusterLoadAssignmentSchema.field.clusterName, (f) => decodeAssignment(f, false)),
  kind(ListenerSchema, ListenerSchema.field.name, decodeListener),
  kind(RouteConfigurationSchema, RouteConfigurationSchema.field.name, (f) => decodeRouteConfiguration(f, false)),
  kind(SecretSchema, SecretSchema.field.name, decodeSecret),
]);

function kindOf(schema: DescMessage): Kind {
  const found = KINDS.get(schema.typeName);
  if (found === undefined) throw new TypeError(`${schema.typeName} is no resource type`);
  return found;
}

/** Decodes the bytes of a resource; never throws on their content. */
export function decodeBytes(schema: DescMessage, bytes: Uint8Array, options: DecodeOptions): Decoded<Model> {
  return atOnce(decodeSteps(schema, bytes, options));
}

/** The same in steps: what one resource holds may take long. */
export function* decodeSteps(schema: DescMessage, bytes: Uint8Array, options: DecodeOptions): Steps<Decoded<Model>> {
  try {
    if (schema.typeName !== ClusterLoadAssignmentSchema.typeName)
      return decodeMessage(schema, fromBinary(schema, bytes), options);
    const problems = new Problems(true);
    return verdict(problems, yield* assignmentInto(problems, bytes, options), options);
  } catch (error) {
    return {
      ok: false,
      problems: [
        { kind: 'invalid', field: '', reason: `cannot be read as ${schema.typeName}: ${(error as Error).message}` },
      ],
    };
  }
}

function* assignmentInto(
  problems: Problems,
  bytes: Uint8Array,
  options: DecodeOptions,
): Steps<ClusterLoadAssignment | null> {
  try {
    return yield* decodeAssignmentBytes(bytes, newContext(problems, options));
  } catch (error) {
    if (error instanceof EnoughProblems) return null;
    throw error;
  }
}

/**
 * The name of an encoded resource, or null where it cannot be read. Only the name is: what else is wrong
 * with the resource, decoding it tells.
 */
export function nameOf(schema: DescMessage, bytes: Uint8Array): string | null {
  try {
    return readName(new BinaryReader(bytes), kindOf(schema).nameField);
  } catch {
    return null;
  }
}

/** The last one counts, as with every field that stands twice. */
function readName(reader: BinaryReader, field: number): string {
  let name = '';
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (number === field && wireType === WireType.LengthDelimited) name = reader.string();
    else reader.skip(wireType, number);
  }
  return name;
}

/** Decodes a message of one of the five resource types. */
export function decodeMessage(
  schema: DescMessage,
  message: MessageShape<DescMessage>,
  options: DecodeOptions,
): Decoded<Model> {
  const problems = new Problems(true);
  return verdict(problems, decodeInto(problems, schema, message, options), options);
}

function verdict(problems: Problems, value: Model | null, options: DecodeOptions): Decoded<Model> {
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
    readFile: options.readFile ?? ((path) => readFileSync(path)),
    environment: options.environment ?? process.env,
    checkFormat,
    nowMs: options.nowMs ?? Date.now(),
  };
}
