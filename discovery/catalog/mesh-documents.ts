// All documents of all files -> one part of the catalog, or every mistake in them. A document with a
// mistake is left out of the part; whoever sees errors does not use the part.

import type { ConfigError } from '../../core/config-error.ts';
import { type ConfigDocument, type ConfigPath, check, valueAt } from '../../core/config-file.ts';
import { ErrorList } from '../../core/error-list.ts';
import { nearest } from '../../core/spelling.ts';
import {
  type Named,
  parseShortInstance,
  toAllowList,
  toAuthorization,
  toBreaker,
  toGateway,
  toInstance,
  toMesh,
  toRetry,
  toRoute,
  toService,
  toTraffic,
} from './convert.ts';
import { type Documents, KINDS, type Kind, type ShortForm, type ShortService, shortForm } from './mesh-schema.ts';
import { checkProtocols } from './protocols.ts';
import { checkReferences } from './references.ts';
import {
  type AuthorizationPolicy,
  type CatalogPart,
  DEFAULT_MESH_POLICY,
  DEFAULT_NAMESPACE,
  type Gateway,
  type Instance,
  type MeshPolicy,
  NO_TRAFFIC_POLICY,
  type RetryPolicy,
  type Route,
  type Service,
  type TrafficPolicy,
} from './types.ts';

interface PolicyFor {
  readonly service: string;
  readonly traffic: TrafficPolicy;
  readonly retry: RetryPolicy | null;
}

/** What has been gathered so far; private to one call of `readMesh`. */
interface Draft {
  readonly services: Map<string, Service>;
  readonly instances: Map<string, Instance[]>;
  readonly gateways: Map<string, Gateway>;
  readonly routes: Map<string, Route>;
  readonly policies: Map<string, AuthorizationPolicy>;
  readonly policiesFor: PolicyFor[];
  mesh: MeshPolicy | null;
  readonly errors: ErrorList;
}

export type MeshResult = { readonly part: CatalogPart; readonly errors: readonly ConfigError[] };

export function readMesh(documents: readonly ConfigDocument[]): MeshResult {
  const draft = newDraft();
  for (const document of documents) readDocument(draft, document);
  checkReferences(documents, draft.errors);
  checkProtocols(documents, draft.errors);
  return { part: finish(draft), errors: draft.errors.all };
}

function newDraft(): Draft {
  return {
    services: new Map(),
    instances: new Map(),
    gateways: new Map(),
    routes: new Map(),
    policies: new Map(),
    policiesFor: [],
    mesh: null,
    errors: new ErrorList(),
  };
}

function readDocument(draft: Draft, document: ConfigDocument): void {
  const value = document.value;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    draft.errors.add(() =>
      document.error([], 'FL0107', 'expected a mapping: either kind/metadata/spec or the short form with services'),
    );
    return;
  }
  if (!('kind' in value) && !('apiVersion' in value) && !('spec' in value)) {
    readShort(draft, document);
    return;
  }
  const kind = valueAt(value, ['kind']);
  if (typeof kind !== 'string' || !Object.hasOwn(KINDS, kind)) {
    const message =
      kind === undefined
        ? 'required field is missing'
        : `unknown kind ${JSON.stringify(kind)}; known are ${Object.keys(KINDS).join(', ')}`;
    draft.errors.add(() => {
      const suggestion = typeof kind === 'string' ? nearest(kind, Object.keys(KINDS)) : null;
      return document.error(['kind'], kind === undefined ? 'FL0106' : 'FL0108', message, { suggestion });
    });
    return;
  }
  READERS[kind as Kind](draft, document);
}

/** Checks a document against its kind and hands it on when it is well formed. */
function reader<K extends Kind>(
  kind: K,
  take: (draft: Draft, document: ConfigDocument, named: Named, spec: Documents[K]['spec']) => void,
) {
  return (draft: Draft, document: ConfigDocument): void => {
    const result = check<Documents[K]>(document, KINDS[kind] as never);
    if (!result.ok) {
      for (const error of result.errors) draft.errors.add(() => error);
      return;
    }
    const { name, namespace } = result.value.metadata;
    take(draft, document, { name, namespace: namespace ?? DEFAULT_NAMESPACE }, result.value.spec);
  };
}

const READERS: { readonly [K in Kind]: (draft: Draft, document: ConfigDocument) => void } = {
  Service: reader('Service', (draft, document, named, spec) =>
    takeService(draft, document, ['spec'], named, spec, ['metadata', 'name']),
  ),
  HTTPRoute: reader('HTTPRoute', (draft, document, named, spec) =>
    takeRoute(draft, document, ['spec'], named, spec, ['metadata', 'name']),
  ),
  Gateway: reader('Gateway', (draft, document, named, spec) =>
    put(draft, draft.gateways, document, ['metadata', 'name'], named.name, toGateway(named, spec)),
  ),
  MeshPolicy: reader('MeshPolicy', (draft, document, _named, spec) => takeMesh(draft, document, [], toMesh(spec))),
  AuthorizationPolicy: reader('AuthorizationPolicy', (draft, document, named, spec) =>
    put(draft, draft.policies, document, ['metadata', 'name'], named.name, toAuthorization(named, spec)),
  ),
  TrafficPolicy: reader('TrafficPolicy', (draft, _document, _named, spec) =>
    addPolicy(draft, spec.targetRefs, toTraffic(spec), spec.retry === undefined ? null : toRetry(spec.retry)),
  ),
  CircuitBreaker: reader('CircuitBreaker', (draft, _document, _named, spec) =>
    addPolicy(draft, spec.targetRefs, toBreaker(spec), null),
  ),
  RetryPolicy: reader('RetryPolicy', (draft, _document, _named, spec) =>
    addPolicy(draft, spec.targetRefs, NO_TRAFFIC_POLICY, toRetry(spec)),
  ),
};

function readShort(draft: Draft, document: ConfigDocument): void {
  const result = check<ShortForm>(document, shortForm);
  if (!result.ok) {
    for (const error of result.errors) draft.errors.add(() => error);
    return;
  }
  const { mesh, services, routes, gateways } = result.value;
  if (mesh !== undefined) takeMesh(draft, document, ['mesh'], toMesh(mesh));
  for (const [name, spec] of Object.entries(services ?? {})) takeShortService(draft, document, name, spec);
  for (const [name, spec] of Object.entries(gateways ?? {})) {
    put(
      draft,
      draft.gateways,
      document,
      ['gateways', name],
      name,
      toGateway({ name, namespace: DEFAULT_NAMESPACE }, spec),
    );
  }
  for (const [name, spec] of Object.entries(routes ?? {}))
    takeRoute(draft, document, ['routes', name], { name, namespace: DEFAULT_NAMESPACE }, spec, ['routes', name]);
}

function takeShortService(draft: Draft, document: ConfigDocument, name: string, spec: ShortService): void {
  const named = { name, namespace: spec.namespace ?? DEFAULT_NAMESPACE };
  const instances = spec.instances?.map((one) => (typeof one === 'string' ? parseShortInstance(one) : one));
  takeService(draft, document, ['services', name], named, { ...spec, instances }, ['services', name]);
  if (spec.allow === undefined) return;
  put(draft, draft.policies, document, ['services', name, 'allow'], `${name}-allow`, toAllowList(named, spec.allow));
}

function takeService(
  draft: Draft,
  document: ConfigDocument,
  base: ConfigPath,
  named: Named,
  spec: Documents['Service']['spec'],
  nameAt: ConfigPath,
): void {
  if (!put(draft, draft.services, document, nameAt, named.name, toService(named, spec))) return;
  const instances = new Map<string, Instance>();
  spec.instances?.forEach((fields, i) => {
    const instance = toInstance(named, fields, i);
    put(draft, instances, document, [...base, 'instances', i], instance.name, instance);
  });
  draft.instances.set(named.name, [...instances.values()]);
}

function takeRoute(
  draft: Draft,
  document: ConfigDocument,
  base: ConfigPath,
  named: Named,
  spec: Documents['HTTPRoute']['spec'],
  nameAt: ConfigPath,
): void {
  put(draft, draft.routes, document, nameAt, named.name, toRoute(named, spec));
  if ((spec.parentRefs ?? []).length === 0 && (spec.hostnames ?? []).length === 0) {
    draft.errors.add(() =>
      document.error(
        [...base, 'hostnames'],
        'FL0106',
        'a route needs parentRefs or hostnames, or nothing would use it',
      ),
    );
  }
  for (const [i, rule] of spec.rules.entries()) checkRule(draft, document, [...base, 'rules', i], rule);
}

/** What a rule says must fit together: something answers, and only one thing does. */
function checkRule(
  draft: Draft,
  document: ConfigDocument,
  base: ConfigPath,
  rule: Documents['HTTPRoute']['spec']['rules'][number],
): void {
  const types = (rule.filters ?? []).map((filter) => filter.type);
  const answers = types.filter((type) => type === 'RequestRedirect' || type === 'DirectResponse');
  const refs = rule.backendRefs ?? [];
  if (answers.length + (refs.length > 0 ? 1 : 0) > 1) {
    draft.errors.add(() =>
      document.error(
        [...base, 'filters'],
        'FL0112',
        'a rule either redirects, or answers directly, or forwards to backendRefs',
      ),
    );
  }
  if (answers.length === 0 && refs.length === 0) {
    draft.errors.add(() =>
      document.error(
        [...base, 'backendRefs'],
        'FL0106',
        'required field is missing; or add a RequestRedirect or DirectResponse filter',
      ),
    );
  }
  if (refs.length > 0 && refs.every((ref) => ref.weight === 0)) {
    draft.errors.add(() =>
      document.error([...base, 'backendRefs'], 'FL0112', 'the weights add up to 0, so nothing could be chosen'),
    );
  }
}

function takeMesh(draft: Draft, document: ConfigDocument, path: ConfigPath, mesh: MeshPolicy): void {
  if (draft.mesh !== null)
    draft.errors.add(() => document.error(path, 'FL0111', 'the mesh policy is given twice', { at: 'key' }));
  draft.mesh = mesh;
}

function put<T>(
  draft: Draft,
  into: Map<string, T>,
  document: ConfigDocument,
  path: ConfigPath,
  name: string,
  value: T,
): boolean {
  if (into.has(name)) {
    draft.errors.add(() => document.error(path, 'FL0111', `the name "${name}" is given twice`));
    return false;
  }
  into.set(name, value);
  return true;
}

function addPolicy(
  draft: Draft,
  targets: readonly { readonly name: string }[],
  traffic: TrafficPolicy,
  retry: RetryPolicy | null,
): void {
  for (const target of targets) draft.policiesFor.push({ service: target.name, traffic, retry });
}

function finish(draft: Draft): CatalogPart {
  for (const { service, traffic, retry } of draft.policiesFor) {
    const target = draft.services.get(service);
    if (target !== undefined)
      draft.services.set(service, {
        ...target,
        traffic: mergeTraffic(target.traffic, traffic),
        retry: retry ?? target.retry,
      });
  }
  return {
    services: draft.services,
    instances: draft.instances,
    gateways: draft.gateways,
    routes: [...draft.routes.values()],
    policies: [...draft.policies.values()],
    mesh: draft.mesh ?? DEFAULT_MESH_POLICY,
  };
}

/** Field by field; what the later document says wins. */
function mergeTraffic(first: TrafficPolicy, later: TrafficPolicy): TrafficPolicy {
  const given = Object.entries(later).filter(([, value]) => value !== null);
  return { ...first, ...Object.fromEntries(given) };
}
