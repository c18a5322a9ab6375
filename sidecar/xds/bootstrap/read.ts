// From the texts of a bootstrap (the file, and what --config-yaml merges over it) to what the program
// starts with, or every mistake with its line.

import { clone, create, merge } from '@bufbuild/protobuf';
import type { ConfigError } from '../../../core/config-error.ts';
import { formatError } from '../../../core/config-error.ts';
import { ErrorList } from '../../../core/error-list.ts';
import type { Bootstrap } from '../../../proto/gen/envoy/config/bootstrap/v3/bootstrap_pb.ts';
import { BootstrapSchema } from '../../../proto/gen/envoy/config/bootstrap/v3/bootstrap_pb.ts';
import { fromProtoJson } from '../../../proto/registry.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import type { Problem } from '../decode/problems.ts';
import { isFatal } from '../decode/problems.ts';
import type { DecodeOptions } from '../decode/resource.ts';
import type { DecodedBootstrap } from './bootstrap.ts';
import { decodeBootstrap } from './bootstrap.ts';
import { errorAt } from './source-map.ts';
import type { PlacedProblem, StaticMessages } from './static-resources.ts';
import { decodeStatic } from './static-resources.ts';
import type { Places } from './typed.ts';
import { readTyped } from './typed.ts';
import type { Source } from './yaml.ts';
import { parseTree } from './yaml.ts';

export interface BootstrapText {
  /** Shown in errors; one ending in .json is read by JSON's rules for scalars. */
  readonly file: string;
  readonly text: string;
}

export interface ReadOptions extends DecodeOptions {
  /** Unknown fields are passed over, as with Envoy's --allow-unknown-static-fields. */
  readonly allowUnknown: boolean;
  /** What flags say about the node, over what the file says. */
  readonly node: { readonly id?: string; readonly cluster?: string; readonly zone?: string };
}

export interface StartingPoint extends Omit<DecodedBootstrap, 'problems'> {
  readonly snapshot: Snapshot;
  /** The whole file as a message, for /config_dump. */
  readonly bootstrap: Bootstrap;
  readonly warnings: readonly string[];
}

export type ReadBootstrap =
  | { readonly ok: true; readonly value: StartingPoint }
  | { readonly ok: false; readonly errors: readonly ConfigError[] };

interface Part {
  readonly source: Source;
  readonly places: Places;
  readonly message: Bootstrap;
}

export function readBootstrap(texts: readonly BootstrapText[], options: ReadOptions): ReadBootstrap {
  const errors: ConfigError[] = [];
  const parts = texts.map((text) => readPart(text, options, errors)).filter((part) => part !== null);
  if (errors.length > 0) return { ok: false, errors };
  const bootstrap = create(BootstrapSchema);
  for (const part of parts) merge(BootstrapSchema, bootstrap, clone(BootstrapSchema, part.message));
  return decodeParts(parts, bootstrap, options);
}

function readPart({ file, text }: BootstrapText, options: ReadOptions, errors: ConfigError[]): Part | null {
  const { source, tree, errors: syntax } = parseTree(text, file);
  errors.push(...syntax);
  if (tree === null) return null;
  const typed = readTyped(BootstrapSchema, tree, source, options.allowUnknown);
  errors.push(...typed.errors);
  if (typed.errors.length > 0) return null;
  try {
    return { source, places: typed.places, message: fromProtoJson(BootstrapSchema, typed.json) };
  } catch (error) {
    errors.push(source.error(0, 'FL0107', '', (error as Error).message));
    return null;
  }
}

function decodeParts(parts: readonly Part[], bootstrap: Bootstrap, options: ReadOptions): ReadBootstrap {
  const { problems, ...decoded } = decodeBootstrap(bootstrap, options);
  const { snapshot, problems: placed } = decodeStatic(collect(parts), options, decoded.ads !== null);
  const node = withFlags(decoded.node, options.node);
  const start = { ...decoded, node, snapshot, bootstrap };
  const all = [
    ...[...problems, ...checkAds(start)].map((problem) => ({ ...problem, text: lastPartWith(parts, problem.field) })),
    ...placed,
  ];
  const errors = new ErrorList();
  for (const problem of all) if (isFatal(problem, options.allowUnsupported)) errors.add(() => toError(parts, problem));
  if (!errors.isEmpty) return { ok: false, errors: errors.all };
  const warnings = all.map((problem) => formatError({ ...toError(parts, problem), sourceLine: '' }));
  return { ok: true, value: { ...start, warnings } };
}

function withFlags(node: DecodedBootstrap['node'], flags: ReadOptions['node']): DecodedBootstrap['node'] {
  return { ...node, id: flags.id ?? node.id, cluster: flags.cluster ?? node.cluster, zone: flags.zone ?? node.zone };
}

/** Discovery is one of the static clusters, and it must know who asks. */
function checkAds({ ads, snapshot, node }: Pick<StartingPoint, 'ads' | 'snapshot' | 'node'>): Problem[] {
  if (ads === null) return [];
  const problems: Problem[] = [];
  const services = 'dynamic_resources.ads_config.grpc_services';
  const cluster = snapshot.clusters.get(ads.cluster);
  if (cluster === undefined)
    problems.push({
      kind: 'invalid',
      field: `${services}[0].envoy_grpc.cluster_name`,
      reason: `unknown cluster "${ads.cluster}": discovery must be one of static_resources.clusters`,
    });
  if (cluster?.discovery.kind === 'eds')
    problems.push({
      kind: 'invalid',
      field: `${services}[0].envoy_grpc.cluster_name`,
      reason: `the cluster "${ads.cluster}" cannot get its endpoints from the discovery that it leads to`,
    });
  if (node.id === '' || node.cluster === '') {
    problems.push({
      kind: 'invalid',
      field: 'node',
      reason: "'id' and 'cluster' are required; set them here or by --service-node and --service-cluster",
    });
  }
  return problems;
}

function collect(parts: readonly Part[]): StaticMessages {
  const list = <K extends 'clusters' | 'listeners' | 'secrets'>(name: K) =>
    parts.flatMap(({ message }, text) =>
      (message.staticResources?.[name] ?? []).map((resource, index) => ({
        message: resource,
        path: `static_resources.${name}[${index}]`,
        text,
      })),
    );
  return { clusters: list('clusters'), listeners: list('listeners'), secrets: list('secrets') } as StaticMessages;
}

/** The last text that says something at a path holds, as texts are merged in order. */
function lastPartWith(parts: readonly Part[], path: string): number {
  const found = parts.findLastIndex(({ places }) => places.has(path));
  return Math.max(found, 0);
}

function toError(parts: readonly Part[], problem: PlacedProblem): ConfigError {
  const part = parts[problem.text];
  if (part === undefined)
    return {
      file: '',
      line: 0,
      column: 0,
      path: problem.field,
      message: problem.reason,
      suggestion: null,
      code: 'FL0107',
      sourceLine: '',
    };
  return errorAt(part.source, part.places, problem.field, 'FL0107', problem.reason);
}
