// The control plane, wired: sources -> catalog -> snapshots -> streams, and the certificate authority
// beside them. Reads top to bottom.

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Clock, systemClock } from '../core/clock.ts';
import { type ConfigError, formatErrors } from '../core/config-error.ts';
import type { Environment } from '../core/config-file.ts';
import { parseSpiffeId } from '../core/identity.ts';
import { createLifecycle } from '../core/lifecycle.ts';
import { createLogs, type Log, parseLevels } from '../core/log.ts';
import { type ReadWatch, Watch } from '../core/watch.ts';
import { discoveryPages } from './admin.ts';
import { Authority } from './ca/authority.ts';
import { authenticate, certificateIdentity, isService } from './ca/caller.ts';
import { type CaEvents, caService } from './ca/service.ts';
import { ServingIdentity } from './ca/serving.ts';
import { tokenKey } from './ca/tokens.ts';
import { Vault } from './ca/vault.ts';
import { watchCatalog } from './catalog/catalog.ts';
import { type FileSource, watchMeshFiles } from './catalog/file-source.ts';
import { Registrations } from './catalog/registration-source.ts';
import { openStore } from './catalog/store.ts';
import type { Catalog } from './catalog/types.ts';
import { type DiscoveryConfig, discoveryConfig, type HostPort, printHostPort, UsageError } from './config.ts';
import { DISCOVERY_FLAGS } from './flags.ts';
import { servePages } from './http.ts';
import { discoveryMetrics, type Metrics } from './metrics.ts';
import { openPort, plaintext, tls } from './ports.ts';
import { Snapshots } from './snapshots.ts';
import { type Authorize, registryService } from './xds/registry-service.ts';
import { AdsHub, type GrpcService } from './xds/server.ts';
import { csdsService, healthService, statusService } from './xds/services.ts';

/** A running discovery: its real addresses, and how to end it. */
export interface Discovery {
  readonly xds: HostPort;
  readonly secureXds: HostPort | null;
  readonly admin: HostPort;
  stop(): void;
}

export interface Surroundings {
  readonly clock: Clock;
  readonly log: Log;
  readonly environment: Environment;
  readonly version: string;
}

/** The mesh file has mistakes and nothing good came before it. `message` is what to show. */
export class MeshFileError extends Error {}

type Stops = (() => void)[];

/** Throws MeshFileError, StoreError, AuthorityError, or what the ports said. */
export async function startDiscovery(config: DiscoveryConfig, surroundings: Surroundings): Promise<Discovery> {
  const stops: Stops = [];
  const ready = new Watch(false);
  try {
    const sources = openSources(config, surroundings, stops);
    const trust = await openTrust(config, surroundings, sources.catalog, stops);
    const metrics = metricsOf(sources, () => hub.size);
    const hub: AdsHub = openHub(surroundings, sources.catalog, trust, metrics);
    stops.push(
      sources.catalog.subscribe(() => hub.announce()),
      trust.authority.bundle.subscribe(() => hub.announce()),
      trust.onKeys(() => hub.announce()),
    );

    const common = [statusService(hub), csdsService(hub), healthService(ready, SERVED)];
    const open = await openPort(
      config.xds,
      [hub.service(false), ...common, registryService(sources.registrations, () => null)],
      plaintext(),
      '--xds-address',
    );
    stops.push(open.stop);
    const secureXds = await openSecurePort(
      config,
      surroundings,
      { hub, common, trust, metrics, registrations: sources.registrations },
      stops,
    );
    const admin = await openAdmin(config, surroundings, { ready, sources, hub, trust, metrics }, stops);
    ready.set(true);
    return { xds: open.address, secureXds, admin, stop: () => stopAll(ready, stops) };
  } catch (error) {
    stopAll(ready, stops);
    throw error;
  }
}

interface Sources {
  readonly files: FileSource;
  readonly registrations: Registrations;
  readonly catalog: ReadWatch<Catalog>;
}

/** Files and registrations -> the catalog as it is told to clients. */
function openSources(config: DiscoveryConfig, { clock, log, environment }: Surroundings, stops: Stops): Sources {
  const files = watchMeshFiles({ paths: config.meshFiles, environment, clock });
  stops.push(files.stop);
  if (files.errors.value.length > 0) throw new MeshFileError(formatErrors(files.errors.value));
  files.errors.subscribe((errors) => reportErrors(log, errors));

  const store = openStore(config.dataDir);
  stops.push(() => store.close());
  const registrations = new Registrations({ clock, store });
  stops.push(() => registrations.stop());

  const { catalog, stop } = watchCatalog({ declared: files.catalog, registered: registrations.instances }, clock);
  stops.push(stop);
  return { files, registrations, catalog };
}

interface Trust {
  readonly authority: Authority;
  readonly joinKey: Buffer;
  readonly vault: Vault;
  readonly longestLeafMs: () => number;
  /** Hears when a certificate for SDS was made. */
  readonly onKeys: (listener: () => void) => () => void;
}

async function openTrust(
  config: DiscoveryConfig,
  { clock, log }: Surroundings,
  catalog: ReadWatch<Catalog>,
  stops: Stops,
): Promise<Trust> {
  const authority = await Authority.open({
    dataDir: config.dataDir,
    trustDomain: catalog.value.mesh.trustDomain,
    clock,
  });
  const longestLeafMs = () => config.leafTtlMs ?? catalog.value.mesh.leafTtlMs;
  const made = new Watch(0);
  const vault = new Vault({
    authority,
    clock,
    longestMs: longestLeafMs,
    changed: () => made.set(made.value + 1),
    failed: (error) => log.error({ error }, 'a certificate for SDS could not be made'),
  });
  stops.push(() => vault.stop());
  return {
    authority,
    joinKey: tokenKey(config.dataDir),
    vault,
    longestLeafMs,
    onKeys: (listener) => made.subscribe(listener),
  };
}

function metricsOf({ catalog, files }: Sources, clients: () => number): Metrics {
  return discoveryMetrics({
    clients,
    services: () => catalog.value.services.size,
    instances: () => [...catalog.value.instances.values()].reduce((sum, list) => sum + list.length, 0),
    fileErrors: () => files.errors.value.length,
  });
}

function openHub(
  { clock, log }: Surroundings,
  catalog: ReadWatch<Catalog>,
  { authority, vault }: Trust,
  metrics: Metrics,
): AdsHub {
  const keysFor = (identity: string) => {
    const id = parseSpiffeId(identity);
    return id === null ? null : vault.pairOf(id);
  };
  const snapshots = new Snapshots({ catalog, bundle: authority.bundle, keysFor });
  const events = {
    ...metrics.events,
    refused: (...[type, nodeId, reason]: Parameters<Metrics['events']['refused']>) => {
      metrics.events.refused(type, nodeId, reason);
      log.warn({ node: nodeId, type: type.shortName, reason }, 'a client refused a response');
    },
  };
  return new AdsHub({
    clock,
    events,
    snapshotFor: (node, peer) => snapshots.snapshotFor(node, peer),
    identityOf: (call) => {
      const proven = certificateIdentity(call, authority.trustDomain);
      return proven === null ? null : { uri: proven.id.uri, untilMs: proven.untilMs };
    },
  });
}

interface SecureParts {
  readonly hub: AdsHub;
  readonly common: readonly GrpcService[];
  readonly trust: Trust;
  readonly metrics: Metrics;
  readonly registrations: Registrations;
}

/** The TLS port: everything of the plain one, certificates, and registration for who proves to be the service. */
async function openSecurePort(
  config: DiscoveryConfig,
  { clock, log }: Surroundings,
  parts: SecureParts,
  stops: Stops,
): Promise<HostPort | null> {
  if (config.secureXds === null) return null;
  const { authority, joinKey, longestLeafMs } = parts.trust;
  const serving = new ServingIdentity(authority, config.secureNames, clock, (error) =>
    log.error({ error }, 'the certificate of the TLS port could not be renewed'),
  );
  await serving.start();
  stops.push(() => serving.stop());
  const ca = caService({
    authority,
    tokenKey: joinKey,
    clock,
    longestMs: longestLeafMs,
    events: certificateEvents(log, parts.metrics),
  });
  const mayRegister: Authorize = (call, service, namespace) => {
    const caller = authenticate(call, authority.trustDomain, joinKey, clock);
    if (!caller.ok) return caller.reason;
    return isService(caller.identity, namespace, service)
      ? null
      : `${caller.identity.uri} may not act for the service "${service}" in "${namespace}"`;
  };
  const services = [parts.hub.service(true), ...parts.common, ca, registryService(parts.registrations, mayRegister)];
  const { address, stop } = await openPort(config.secureXds, services, tls(serving), '--secure-xds-address');
  stops.push(stop);
  return address;
}

function certificateEvents(log: Log, metrics: Metrics): CaEvents {
  return {
    issued: (identity, serial, notAfter) => {
      metrics.certificateIssued();
      log.info({ identity, serial, notAfter: notAfter.toISOString() }, 'issued a certificate');
    },
    refused: (reason) => {
      metrics.certificateRefused();
      log.warn({ reason }, 'refused a certificate request');
    },
  };
}

interface AdminParts {
  readonly ready: ReadWatch<boolean>;
  readonly sources: Sources;
  readonly hub: AdsHub;
  readonly trust: Trust;
  readonly metrics: Metrics;
}

async function openAdmin(
  config: DiscoveryConfig,
  { log, version }: Surroundings,
  { ready, sources, hub, trust, metrics }: AdminParts,
  stops: Stops,
): Promise<HostPort> {
  const { authority } = trust;
  const isSigning = (serial: string) => serial === authority.signer.certificate.serialNumber;
  const pages = discoveryPages({
    ready: () => ready.value,
    version,
    catalog: () => sources.catalog.value,
    errors: () => sources.files.errors.value,
    clients: () => hub.clients(),
    roots: () =>
      authority.bundle.value.roots.map(({ subject, serialNumber, notAfter }) => ({
        subject,
        serial: serialNumber,
        notAfter,
        signing: isSigning(serialNumber),
      })),
    rootPem: () => authority.bundle.value.pem,
    metrics: metrics.render,
    reload: sources.files.reload,
    registrations: sources.registrations,
  });
  const { server, address } = await servePages(config.admin, pages, (error) =>
    log.error({ error }, 'an admin page failed'),
  );
  stops.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return address;
}

/** Names that grpc.health.v1 answers for. */
const SERVED: ReadonlySet<string> = new Set([
  'envoy.service.discovery.v3.AggregatedDiscoveryService',
  'fairlead.registry.v1.Registry',
  'fairlead.status.v1.Status',
]);

/** Not ready first, so that nobody new comes; then in the reverse order of starting. */
function stopAll(ready: Watch<boolean>, stops: Stops): void {
  ready.set(false);
  for (const stop of stops.splice(0).reverse()) stop();
}

function reportErrors(log: Log, errors: readonly ConfigError[]): void {
  if (errors.length === 0) log.info('the mesh file is good again and in force');
  else
    log.error(
      { mistakes: errors.length },
      `the mesh file has mistakes; the last good one stays in force\n${formatErrors(errors)}`,
    );
}

/** `fairlead discovery ...`: runs until a signal. */
export async function main(args: string[], version = 'unreleased'): Promise<void> {
  const { values } = parseArgs({ args, options: DISCOVERY_FLAGS, strict: true });
  const config = discoveryConfig(values, process.env);
  const levels = parseLevels(config.logLevel);
  if (typeof levels === 'string') throw new UsageError(`--log-level: ${levels}`);
  const log = createLogs({ levels }).child('discovery');
  const lifecycle = createLifecycle({
    onTrouble: (part, error) => log.error({ part, error }, 'could not be stopped in order'),
  });
  let running: Discovery | null = null;
  await lifecycle.start([
    {
      name: 'discovery',
      start: async () => {
        running = await startDiscovery(config, { clock: systemClock, log, environment: process.env, version });
        announce(config, running, log);
      },
      stop: () => running?.stop(),
    },
  ]);
  await lifecycle.ended;
}

function announce(config: DiscoveryConfig, running: Discovery, log: Log): void {
  const secureXds = running.secureXds === null ? null : printHostPort(running.secureXds);
  const addresses = { xds: printHostPort(running.xds), secureXds, admin: printHostPort(running.admin) };
  if (config.addressFile !== null)
    writeFileSync(config.addressFile, `${JSON.stringify({ ...addresses, pid: process.pid })}\n`);
  process.stdout.write(
    `discovery is ready: xds ${addresses.xds}, secure xds ${secureXds ?? 'off'}, admin ${addresses.admin}\n`,
  );
  if (config.meshFiles.length === 0) log.warn('no mesh file found; services come from registration alone');
}
