// Discovery's pages: is it ready, what is in the catalog, who is connected, which certificates; and
// registration over HTTP, for whoever has curl and no gRPC.

import type { ConfigError } from '../core/config-error.ts';
import { formatErrors } from '../core/config-error.ts';
import type { Registrations } from './catalog/registration-source.ts';
import { StoreError } from './catalog/store.ts';
import type { Catalog } from './catalog/types.ts';
import { failure, json, type Page, type PageRequest, type PageResponse } from './http.ts';
import type { ClientStatus } from './xds/status.ts';

export interface CertificateFacts {
  readonly subject: string;
  readonly serial: string;
  readonly notAfter: Date;
  readonly signing: boolean;
}

export interface AdminSources {
  readonly ready: () => boolean;
  readonly version: string;
  readonly catalog: () => Catalog;
  readonly errors: () => readonly ConfigError[];
  readonly clients: () => readonly ClientStatus[];
  readonly roots: () => readonly CertificateFacts[];
  readonly rootPem: () => string;
  readonly metrics: () => Promise<{ readonly contentType: string; readonly body: string }>;
  readonly reload: () => void;
  readonly registrations: Registrations;
}

export function discoveryPages(sources: AdminSources): readonly Page[] {
  const pages: Page[] = [...statePages(sources), ...registrationPages(sources.registrations)];
  const help = () =>
    `${pages.map((page) => `${page.method.padEnd(6)} ${page.path.padEnd(32)} ${page.summary}`).join('\n')}\n`;
  pages.push({ method: 'GET', path: '/help', summary: 'this list', handle: () => ({ status: 200, body: help() }) });
  pages.push({ method: 'GET', path: '/', summary: 'this list', handle: () => ({ status: 200, body: help() }) });
  return pages;
}

function statePages(sources: AdminSources): Page[] {
  const ready = (): PageResponse =>
    sources.ready() ? { status: 200, body: 'LIVE\n' } : { status: 503, body: 'not ready\n' };
  return [
    { method: 'GET', path: '/ready', summary: '200 once the catalog is loaded and the ports are open', handle: ready },
    { method: 'GET', path: '/healthz', summary: 'the same as /ready', handle: ready },
    {
      method: 'GET',
      path: '/livez',
      summary: '200 while the process runs',
      handle: () => ({ status: 200, body: 'LIVE\n' }),
    },
    {
      method: 'GET',
      path: '/version',
      summary: 'version of this program',
      handle: () => json(200, { version: sources.version }),
    },
    {
      method: 'GET',
      path: '/metrics',
      summary: 'figures for Prometheus',
      handle: async () => ({ status: 200, ...(await sources.metrics()) }),
    },
    {
      method: 'GET',
      path: '/clients',
      summary: 'who is connected, what they hold and refused',
      handle: () => json(200, { clients: sources.clients().map(clientJson) }),
    },
    {
      method: 'GET',
      path: '/catalog',
      summary: 'services, instances, routes and policies in force',
      handle: () => json(200, catalogJson(sources.catalog())),
    },
    {
      method: 'GET',
      path: '/errors',
      summary: 'mistakes in the mesh file; empty when it is in force',
      handle: (request) => errorsPage(request, sources.errors()),
    },
    {
      method: 'GET',
      path: '/certificates',
      summary: 'roots of the mesh',
      handle: () => json(200, { roots: sources.roots() }),
    },
    {
      method: 'GET',
      path: '/ca-root.pem',
      summary: 'the trust bundle',
      handle: () => ({ status: 200, contentType: 'application/x-pem-file', body: sources.rootPem() }),
    },
    { method: 'POST', path: '/reload', summary: 'read the mesh file again now', handle: () => reloadPage(sources) },
  ];
}

function errorsPage(request: PageRequest, errors: readonly ConfigError[]): PageResponse {
  return request.query.get('format') === 'text'
    ? { status: 200, body: errors.length === 0 ? '' : `${formatErrors(errors)}\n` }
    : json(200, { errors });
}

function reloadPage(sources: AdminSources): PageResponse {
  sources.reload();
  const errors = sources.errors();
  return errors.length === 0 ? json(200, { errors }) : json(422, { errors });
}

function clientJson(client: ClientStatus) {
  return {
    ...client,
    connectedSince: new Date(client.connectedSince).toISOString(),
    types: client.types.map(({ type, lastSent, lastAcked, refused, ...rest }) => ({
      type: type.shortName,
      typeUrl: type.typeUrl,
      ...rest,
      lastSent: timeOrNull(lastSent),
      lastAcked: timeOrNull(lastAcked),
      refused: refused.map((one) => ({ ...one, at: timeOrNull(one.at) })),
    })),
  };
}

function timeOrNull(wall: number): string | null {
  return wall === 0 ? null : new Date(wall).toISOString();
}

function catalogJson(catalog: Catalog) {
  return {
    services: [...catalog.services.values()].map((service) => ({
      ...service,
      instances: catalog.instances.get(service.name) ?? [],
    })),
    routes: catalog.routes,
    gateways: [...catalog.gateways.values()],
    authorizationPolicies: catalog.policies,
    mesh: catalog.mesh,
  };
}

function registrationPages(registrations: Registrations): Page[] {
  const one = '/v1/instances/:name';
  return [
    {
      method: 'GET',
      path: '/v1/instances',
      summary: 'registered instances',
      handle: () => json(200, { instances: registrations.list().map(registrationJson) }),
    },
    {
      method: 'PUT',
      path: one,
      summary: 'register an instance, or replace it',
      handle: (request) => guarded(() => put(registrations, request)),
    },
    { method: 'GET', path: one, summary: 'one registered instance', handle: (request) => show(registrations, request) },
    {
      method: 'POST',
      path: `${one}/renew`,
      summary: 'renew its lease',
      handle: (request) => withLease(registrations, request, (lease) => renew(registrations, lease)),
    },
    {
      method: 'DELETE',
      path: one,
      summary: 'leave at once',
      handle: (request) =>
        guarded(() =>
          withLease(registrations, request, (lease) => {
            registrations.leave(lease);
            return { status: 204, body: '' };
          }),
        ),
    },
  ];
}

function registrationJson({ instance, remainingSeconds }: ReturnType<Registrations['list']>[number]) {
  return { ...instance, remainingSeconds };
}

/** The disk may refuse: the caller hears of it, everything else goes on. */
function guarded(run: () => PageResponse): PageResponse {
  try {
    return run();
  } catch (error) {
    if (error instanceof StoreError)
      return failure(507, error.message, 'free some space in the data folder and try again');
    throw error;
  }
}

const EXAMPLE = `curl -X PUT localhost:15014/v1/instances/web-1 -d '{"service":"web","address":"127.0.0.1","port":15006,"appPort":8080}'`;

function put(registrations: Registrations, request: PageRequest): PageResponse {
  const fields = parseObject(request.body);
  if (fields === null) return failure(400, 'the body is not a JSON object', EXAMPLE);
  const name = request.parameters['name'] as string;
  if (fields['name'] !== undefined && fields['name'] !== name)
    return failure(
      400,
      `the body names ${JSON.stringify(fields['name'])}, the address ${JSON.stringify(name)}`,
      'leave the name out of the body',
    );
  const existed =
    registrations.leasesNamed(name, typeof fields['service'] === 'string' ? fields['service'] : null).length > 0;
  const result = registrations.register({ ...fields, name });
  if (!result.ok) return failure(400, result.reason, EXAMPLE);
  const { leaseId, seconds, instance } = result.granted;
  return json(existed ? 200 : 201, {
    instance,
    leaseId,
    leaseSeconds: seconds,
    renew: `POST ${request.path}/renew within ${seconds} s`,
  });
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

function show(registrations: Registrations, request: PageRequest): PageResponse {
  const found = registrations.list().filter(({ instance }) => instance.name === request.parameters['name']);
  return found.length === 0 ? notRegistered(request) : json(200, { instances: found.map(registrationJson) });
}

function renew(registrations: Registrations, lease: string): PageResponse {
  const granted = registrations.renew(lease);
  return granted === null
    ? failure(404, 'the lease is over', 'register again with PUT')
    : json(200, { instance: granted.instance.name, leaseSeconds: granted.seconds });
}

function withLease(
  registrations: Registrations,
  request: PageRequest,
  run: (leaseId: string) => PageResponse,
): PageResponse {
  const leases = registrations.leasesNamed(request.parameters['name'] as string, request.query.get('service'));
  const [lease] = leases;
  if (lease === undefined) return notRegistered(request);
  return leases.length === 1
    ? run(lease)
    : failure(409, 'several services have an instance of this name', 'add ?service=NAME');
}

function notRegistered(request: PageRequest): PageResponse {
  return failure(404, `no instance ${JSON.stringify(request.parameters['name'])} is registered`, EXAMPLE);
}
