// Bootstraps of the fields that are honoured, in YAML or JSON, mostly valid, and changes to them: by the
// schema of their messages, to the values, to the way they are written, and to the text.

import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { BootstrapSchema } from '../../../proto/gen/envoy/config/bootstrap/v3/bootstrap_pb.ts';
import type { Random } from '../random.ts';
import { pickSeed } from '../seeds.ts';
import { type Dictionary, howManyChanges, mutateText } from '../text-mutation.ts';
import { ADS, cluster, listener, secret } from '../xds/resources.ts';
import { sprinkle } from '../xds/sprinkle.ts';
import { maybe } from '../xds/words.ts';
import { extreme, OF_EXTREMES } from './extremes.ts';
import { printJson, printYaml } from './print.ts';
import { changeTree, type Tree, toTree } from './tree.ts';
import { YAML_WORDS } from './yaml-words.ts';

const WORDS: readonly string[] = [
  ...['node', 'id', 'cluster', 'admin', 'address', 'static_resources', 'dynamic_resources', 'listeners', 'clusters'],
  ...['secrets', 'name', 'typed_config', '@type', 'filter_chains', 'route_config', 'virtual_hosts', 'connectTimeout'],
  ...['STATIC', 'static', 'strict-dns', 'Round_Robin', '1s', '0.5s', '-1s', 'web', 'discovery'],
];

const DICTIONARY: Dictionary = { ...YAML_WORDS, words: [...YAML_WORDS.words, ...WORDS] };
const OF_SEEDS = 0.35;
const CHANGED_AS_TEXT = 0.4;
/** Many times as long as the rest, and what stands in it is the matter of xds-decode. */
const WITH_LISTENER = 0.02;

export function generateBootstrap(random: Random, seeds: readonly Buffer[]): Buffer {
  const begin = () => start(random, seeds);
  let text = begin();
  const changes = random.chance(CHANGED_AS_TEXT) ? howManyChanges(random) : 0;
  for (let i = changes; i > 0; i--) text = mutateText(text, random, DICTIONARY, begin);
  return Buffer.from(text);
}

function start(random: Random, seeds: readonly Buffer[]): string {
  if (random.chance(OF_EXTREMES)) return extreme(random);
  if (seeds.length > 0 && random.chance(OF_SEEDS)) return pickSeed(random, seeds).toString();
  let json = bootstrap(random);
  if (random.chance(0.3)) json = sprinkle(BootstrapSchema, json, random);
  let tree: Tree = toTree(json);
  if (random.chance(0.3)) for (let i = random.between(1, 3); i > 0; i--) tree = changeTree(tree, random, WORDS);
  return random.chance(0.2) ? printJson(tree) : printYaml(tree, random);
}

function bootstrap(random: Random): JsonObject {
  const listeners = random.chance(WITH_LISTENER) ? [listener(random, 'listener-0', 0)] : [];
  const names = [...namesIn(listeners), ...(random.chance(0.12) ? ['extra'] : [])];
  const asks = random.chance(0.12) ? { dynamic_resources: dynamic(random) } : {};
  return {
    ...maybe(random, 0.95, () => ({ node: node(random) })),
    ...maybe(random, 0.2, () => ({ admin: { address: ADMIN } })),
    static_resources: {
      listeners,
      clusters: [
        ...('dynamic_resources' in asks ? [DISCOVERY] : []),
        ...[...new Set(names)].map((name) => cluster(random, name)),
      ],
      ...maybe(random, 0.2, () => ({ secrets: [secret(random, 'web')] })),
    },
    ...asks,
    ...maybe(random, 0.1, () => ({ layered_runtime: { layers: [{ name: 'a', static_layer: { re2: { max: 1 } } }] } })),
    ...maybe(random, 0.1, () => ({ stats_flush_interval: '5s' })),
  };
}

const DISCOVERY: JsonObject = {
  name: 'discovery',
  type: 'STRICT_DNS',
  connect_timeout: '1s',
  load_assignment: {
    cluster_name: 'discovery',
    endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 'd', port_value: 15010 } } } }] }],
  },
};

const ADMIN: JsonObject = { socket_address: { address: '127.0.0.1', port_value: 15000 } };

function node(random: Random): JsonObject {
  const locality = { region: 'r', zone: 'z' };
  return { id: 'n', cluster: 'web', ...maybe(random, 0.3, () => ({ locality, metadata: { a: { b: [1, null] } } })) };
}

function dynamic(random: Random): JsonObject {
  const services: JsonObject[] = [{ envoy_grpc: { cluster_name: 'discovery' } }];
  return {
    ads_config: { api_type: 'GRPC', transport_api_version: 'V3', grpc_services: services },
    ...maybe(random, 0.3, () => ({ cds_config: ADS })),
    ...maybe(random, 0.3, () => ({ lds_config: ADS })),
  };
}

/** The clusters that routes name: without them they would be refused. */
function namesIn(value: JsonValue): string[] {
  if (Array.isArray(value)) return value.flatMap(namesIn);
  if (typeof value !== 'object' || value === null) return [];
  const named = value['cluster'] ?? (value['weight'] === undefined ? undefined : value['name']);
  const own = typeof named === 'string' && named !== 'discovery' ? [named] : [];
  return [...own, ...Object.values(value).flatMap(namesIn)];
}
