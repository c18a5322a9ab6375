// mesh.yaml of every kind of document, mostly valid, and changes to it: to the values, to the way they are
// written, and to the text.

import { KINDS, shortForm } from '../../../discovery/catalog/mesh-schema.ts';
import type { Random } from '../random.ts';
import { pickSeed } from '../seeds.ts';
import { type Dictionary, howManyChanges, mutateText } from '../text-mutation.ts';
import { extreme, OF_EXTREMES } from './extremes.ts';
import { printJson, printYaml } from './print.ts';
import { changeTree, type Tree, toTree } from './tree.ts';
import { YAML_WORDS } from './yaml-words.ts';
import { valueFor } from './zod-values.ts';

const SERVICES = ['web', 'cart', 'pay'];
const GATEWAY = 'shop';

const WORDS: readonly string[] = [
  ...Object.keys(KINDS),
  ...['apiVersion', 'kind', 'metadata', 'spec', 'name', 'namespace', 'services', 'routes', 'gateways', 'mesh', 'port'],
  ...['instances', 'rules', 'backendRefs', 'filters', 'matches', 'traffic', 'retry', 'allow', 'STRICT', 'web', 'shop'],
];

const DICTIONARY: Dictionary = { ...YAML_WORDS, words: [...YAML_WORDS.words, ...WORDS] };
const OF_SEEDS = 0.25;
const CHANGED = 0.4;
const CHANGED_AS_TEXT = 0.4;

export function generateMesh(random: Random, seeds: readonly Buffer[]): Buffer {
  const begin = () => start(random, seeds);
  let text = begin();
  const changes = random.chance(CHANGED_AS_TEXT) ? howManyChanges(random) : 0;
  for (let i = changes; i > 0; i--) text = mutateText(text, random, DICTIONARY, begin);
  return Buffer.from(text);
}

function start(random: Random, seeds: readonly Buffer[]): string {
  if (random.chance(OF_EXTREMES)) return extreme(random);
  if (seeds.length > 0 && random.chance(OF_SEEDS)) return pickSeed(random, seeds).toString();
  const documents = (random.chance(0.4) ? [short(random)] : long(random)).map(toTree);
  const at = random.below(documents.length);
  if (random.chance(CHANGED)) documents[at] = change(documents[at] as Tree, random);
  return documents.map((tree) => print(tree, random)).join('---\n');
}

function print(tree: Tree, random: Random): string {
  return random.chance(0.1) ? `${printJson(tree)}\n` : printYaml(tree, random);
}

function change(tree: Tree, random: Random): Tree {
  let changed = tree;
  for (let i = random.between(1, 3); i > 0; i--) changed = changeTree(changed, random, WORDS);
  return changed;
}

/** Of the fields that may be left out: few mostly, as each document has one mistake more often than two. */
const SHARES = [0.03, 0.06, 0.12, 0.4];

/** The short form with all that it refers to. */
function short(random: Random): unknown {
  const share = random.pick(SHARES);
  const value = mend(valueFor(shortForm, random, share), '') as Record<string, unknown>;
  const service = shortForm.shape.services.unwrap().valueType;
  const services = namedIn(value, SERVICES).map((name) => [name, valueFor(service, random, share / 2)]);
  return { ...value, services: Object.fromEntries(services), ...gateways(value) };
}

/** Of the names, those that stand somewhere in a document; what it does not speak of only makes a text longer. */
function namedIn(document: unknown, names: readonly string[]): readonly string[] {
  const text = JSON.stringify(document);
  return names.filter((name) => text.includes(`"${name}"`));
}

function gateways(document: unknown): object {
  const listeners = [{ name: 'http', port: 8080 }];
  return namedIn(document, [GATEWAY]).length === 0 ? {} : { gateways: { [GATEWAY]: { listeners } } };
}

/** A document of some kind beside the services and the gateway that it refers to. */
function long(random: Random): unknown[] {
  const kinds = Object.values(KINDS).filter((schema) => schema !== KINDS.Service && schema !== KINDS.Gateway);
  const one = mend(
    random.chance(0.2) ? service(random) : valueFor(random.pick(kinds), random, random.pick(SHARES)),
    '',
  );
  const services = namedIn(one, SERVICES).map((name) => ({
    kind: 'Service',
    metadata: { name },
    spec: { port: 8080 },
  }));
  const gateway = gateways(one);
  return [...services, ...(Object.keys(gateway).length > 0 ? [gateway] : []), named(one, 'other')];
}

function service(random: Random): unknown {
  return valueFor(random.pick([KINDS.Service, KINDS.Gateway]), random, random.pick(SHARES));
}

function named(document: unknown, name: string): unknown {
  return { ...(document as object), metadata: { name } };
}

/** Names that must be those of others are, and ports are left to those; a route has a place and an end. */
function mend(value: unknown, under: string): unknown {
  if (Array.isArray(value)) return value.map((item) => mend(item, under));
  if (typeof value !== 'object' || value === null) return value;
  const mended = Object.entries(value).map(([key, inner]) => [key, mend(inner, key)] as const);
  const object = Object.fromEntries(mended);
  if (REFERENCES.has(under)) return refer(object, under);
  if ('rules' in object && !('action' in object)) return { hostnames: ['shop.example'], ...object };
  return under === 'rules' && !('from' in object || 'to' in object) ? answered(object) : object;
}

/** A rule forwards, unless it answers itself. */
function answered(rule: Record<string, unknown>): Record<string, unknown> {
  const filters = (rule['filters'] ?? []) as readonly { readonly type?: unknown }[];
  const answers = filters.filter(({ type }) => type === 'RequestRedirect' || type === 'DirectResponse').slice(0, 1);
  const { backendRefs: refs = [{ name: SERVICES[0] }], ...rest } = rule;
  return answers.length > 0 ? { ...rest, filters: answers } : { ...rest, backendRefs: refs };
}

const REFERENCES: ReadonlySet<string> = new Set([
  'parentRefs',
  'backendRefs',
  'targetRefs',
  'upstreams',
  'from',
  'allow',
]);

function refer(object: Record<string, unknown>, under: string): Record<string, unknown> {
  const { port: _, ...rest } = object;
  if (under === 'upstreams') return { service: SERVICES[1], port: 9000 };
  if (under === 'from') return 'service' in rest ? { ...rest, service: SERVICES[0] } : rest;
  const isGateway = under === 'parentRefs' && rest['kind'] !== 'Service';
  return { ...rest, name: isGateway ? GATEWAY : SERVICES[0] };
}
