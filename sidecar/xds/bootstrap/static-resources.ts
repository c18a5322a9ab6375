// Static resources: decoded like those from discovery, then checked against each other, because nothing
// can arrive later that would mend them.

import type { Cluster as ClusterMessage } from '../../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts';
import { ClusterSchema } from '../../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts';
import type { Listener as ListenerMessage } from '../../../proto/gen/envoy/config/listener/v3/listener_pb.ts';
import { ListenerSchema } from '../../../proto/gen/envoy/config/listener/v3/listener_pb.ts';
import type { Secret as SecretMessage } from '../../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts';
import { SecretSchema } from '../../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts';
import type { Cluster } from '../../model/cluster.ts';
import type { Listener } from '../../model/listener.ts';
import { routesOf, secretsOf, secretsOfListener } from '../../model/references.ts';
import type { Secret } from '../../model/secret.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import { EMPTY_SNAPSHOT } from '../../model/snapshot.ts';
import type { Problem } from '../decode/problems.ts';
import { join } from '../decode/problems.ts';
import type { DecodeOptions, Model } from '../decode/resource.ts';
import { decodeMessage } from '../decode/resource.ts';

/** A resource and its place: the path in the text of that number. */
export interface Placed<T> {
  readonly message: T;
  readonly path: string;
  readonly text: number;
}

export interface PlacedProblem extends Problem {
  readonly text: number;
}

export interface StaticMessages {
  readonly clusters: readonly Placed<ClusterMessage>[];
  readonly listeners: readonly Placed<ListenerMessage>[];
  readonly secrets: readonly Placed<SecretMessage>[];
}

export interface DecodedStatic {
  readonly snapshot: Snapshot;
  /** Findings with the paths of the places in front. */
  readonly problems: readonly PlacedProblem[];
}

/**
 * Clusters first: routes that stand in listeners may only name clusters that exist. `dynamic`: discovery
 * can bring what the file only names.
 */
export function decodeStatic(messages: StaticMessages, options: DecodeOptions, dynamic: boolean): DecodedStatic {
  const problems: PlacedProblem[] = [];
  const secrets = decodeAll<Secret>(SecretSchema, messages.secrets, options, problems);
  const clusters = decodeAll<Cluster>(ClusterSchema, messages.clusters, options, problems);
  const named = { ...options, clusters: new Set(messages.clusters.map(({ message }) => message.name)) };
  const listeners = decodeAll<Listener>(ListenerSchema, messages.listeners, named, problems);
  checkAddresses(listeners, problems);
  const snapshot = {
    ...EMPTY_SNAPSHOT,
    secrets: byName('secret', secrets, problems),
    clusters: byName('cluster', clusters, problems),
    listeners: byName('listener', listeners, problems),
  };
  if (!dynamic) checkReferences(snapshot, clusters, listeners, problems);
  return { snapshot, problems };
}

function decodeAll<M extends Model>(
  schema: Parameters<typeof decodeMessage>[0],
  placed: readonly Placed<Parameters<typeof decodeMessage>[1]>[],
  options: DecodeOptions,
  problems: PlacedProblem[],
): Placed<M>[] {
  return placed.flatMap(({ message, path, text }) => {
    const decoded = decodeMessage(schema, message, options);
    const found = decoded.ok ? decoded.warnings : decoded.problems;
    problems.push(
      ...found.map((problem) => ({ ...problem, text, field: problem.field === '' ? path : join(path, problem.field) })),
    );
    return decoded.ok && decoded.value !== null ? [{ message: decoded.value as M, path, text }] : [];
  });
}

function byName<M extends { readonly name: string }>(
  what: string,
  placed: readonly Placed<M>[],
  problems: PlacedProblem[],
): ReadonlyMap<string, M> {
  const map = new Map<string, M>();
  for (const { message, path, text } of placed) {
    if (map.has(message.name))
      problems.push({
        kind: 'invalid',
        text,
        field: join(path, 'name'),
        reason: `duplicate ${what} "${message.name}"`,
      });
    else map.set(message.name, message);
  }
  return map;
}

/** Port 0 is another port each time. */
function checkAddresses(listeners: readonly Placed<Listener>[], problems: PlacedProblem[]): void {
  const taken = new Map<string, string>();
  for (const { message, path, text } of listeners) {
    for (const { host, port } of message.bindToPort ? message.addresses : []) {
      const key = `${host}:${port}`;
      const other = taken.get(key);
      if (port !== 0 && other !== undefined)
        problems.push({
          kind: 'invalid',
          text,
          field: join(path, 'address'),
          reason: `${key} is the address of listener "${other}" already`,
        });
      taken.set(key, message.name);
    }
  }
}

const NOBODY = 'and dynamic_resources.ads_config, which would bring it, is missing';

/** Without discovery every name must be in the file. */
function checkReferences(
  snapshot: Snapshot,
  clusters: readonly Placed<Cluster>[],
  listeners: readonly Placed<Listener>[],
  problems: PlacedProblem[],
): void {
  const lacking = (names: readonly string[]) => names.filter((name) => !snapshot.secrets.has(name));
  for (const { message, path, text } of clusters) {
    if (message.discovery.kind === 'eds')
      problems.push({
        kind: 'invalid',
        text,
        field: join(path, 'eds_cluster_config'),
        reason: `needs endpoints from discovery, ${NOBODY}`,
      });
    for (const name of lacking(secretsOf(message.tls)))
      problems.push({
        kind: 'invalid',
        text,
        field: join(path, 'transport_socket'),
        reason: `needs the secret "${name}", ${NOBODY}`,
      });
  }
  for (const { message, path, text } of listeners) {
    for (const name of routesOf(message))
      problems.push({
        kind: 'invalid',
        text,
        field: join(path, 'filter_chains'),
        reason: `needs the routes "${name}", ${NOBODY}`,
      });
    for (const name of lacking(secretsOfListener(message)))
      problems.push({
        kind: 'invalid',
        text,
        field: join(path, 'filter_chains'),
        reason: `needs the secret "${name}", ${NOBODY}`,
      });
  }
}
