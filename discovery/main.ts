// The control plane, wired: sources -> catalog -> snapshots -> streams, and the certificate authority
// beside them. Reads top to bottom.

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { type Clock, systemClock } from '../core/clock.ts';
import { formatErrors } from '../core/config-error.ts';
import { parseSpiffeId } from '../core/identity.ts';
import { Watch } from '../core/watch.ts';
import { ADS } from '../proto/ads.ts';
import { discoveryPages } from './admin.ts';
import { Authority } from './ca/authority.ts';
import { authenticate, certificateIdentity, isService } from './ca/caller.ts';
import { caService } from './ca/service.ts';
import { ServingIdentity } from './ca/serving.ts';
import { tokenKey } from './ca/tokens.ts';
import { Vault } from './ca/vault.ts';
import { watchCatalog } from './catalog/catalog.ts';
import { watchMeshFiles } from './catalog/file-source.ts';
import { Registrations } from './catalog/registration-source.ts';
import { openStore } from './catalog/store.ts';
import { DISCOVERY_FLAGS, type DiscoveryConfig, discoveryConfig, type HostPort, printHostPort } from './config.ts';
import { servePages } from './http.ts';
import { discoveryMetrics } from './metrics.ts';
import { openPort, plaintext, tls } from './ports.ts';
import { publishCatalog } from './publish.ts';
import { Snapshots } from './snapshots.ts';
import { registryService } from './xds/registry-service.ts';
import { AdsHub } from './xds/server.ts';
import { csdsService, type GrpcService, healthService, statusService } from './xds/services.ts';

/** A running discovery: its real addresses, and how to end it. */
export interface Discovery {
  readonly xds: HostPort;
  readonly secureXds: HostPort | null;
  readonly admin: HostPort;
  stop(): void;
}

export type Log = Pick<ReturnType<typeof pino>, 'info' | 'warn' | 'error' | 'debug'>;

export interface Surroundings {
  readonly clock: Clock;
  readonly log: Log;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly version: string;
}

/** The mesh file has mistakes and nothing good came before it. `message` is what to show. */
export class MeshFileError extends Error {}

/** Throws MeshFileError, StoreError, AuthorityError, or what the ports said. */
export async function startDiscovery(config: DiscoveryConfig, { clock, log, environment, version }: Surroundings): Promise<Discovery> {
  const stops: (() => void)[] = [];
  const ready = new Watch(false);
  try {
    const files = watchMeshFiles({ paths: config.meshFiles, environment, clock });
    stops.push(files.stop);
    if (files.errors.value.length > 0) throw new MeshFileError(formatErrors(files.errors.value));
    files.errors.subscribe((errors) => reportErrors(log, errors));

    const store = openStore(config.dataDir);
    stops.push(() => store.close());
    const registrations = new Registrations({ clock, store });
    stops.push(() => registrations.stop());

    const { catalog, stop: stopCatalog } = watchCatalog({ declared: files.catalog, registered: registrations.instances });
    const { published, stop: stopPublishing } = publishCatalog(catalog, clock);
    stops.push(stopCatalog, stopPublishing);

    const trustDomain = published.value.mesh.trustDomain;
    const authority = await Authority.open({ dataDir: config.dataDir, trustDomain, clock });
    const longestLeafMs = () => config.leafTtlMs ?? published.value.mesh.leafTtlMs;
    const joinKey = tokenKey(config.dataDir);
    const vault = new Vault({ authority, clock, longestMs: longestLeafMs, changed: () => hub.announce(), failed: (error) => log.error({ err: error }, 'a certificate for SDS could not be made') });

    const snapshots = new Snapshots({
      catalog: published,
      bundle: authority.bundle,
      keysFor: (identity) => {
        const id = parseSpiffeId(identity);
        return id === null ? null : vault.pairOf(id);
      },
    });
    const metrics = discoveryMetrics({
      clients: () => hub.size,
      services: () => published.value.services.size,
      instances: () => [...published.value.instances.values()].reduce((sum, list) => sum + list.length, 0),
      fileErrors: () => files.errors.value.length,
    });
    const hub = new AdsHub({
      clock,
      events: {
        ...metrics.events,
        refused: (type, nodeId, reason) => {
          metrics.events.refused(type, nodeId, reason);
          log.warn({ node: nodeId, type: type.shortName, reason }, 'a client refused a response');
        },
      },
      snapshotFor: (node, peer) => snapshots.snapshotFor(node, peer),
      identityOf: (call) => certificateIdentity(call, trustDomain)?.uri ?? null,
    });
    stops.push(published.subscribe(() => hub.announce()), authority.bundle.subscribe(() => hub.announce()));

    const common = [statusService(hub), csdsService(hub), healthService(ready, SERVED)];
    const ads = (secure: boolean): GrpcService => ({ definition: ADS, implementation: hub.handlers(secure) });
    const open = await openPort(config.xds, [ads(false), ...common, registryService(registrations, () => null)], plaintext());
    stops.push(open.stop);

    let secureXds: HostPort | null = null;
    if (config.secureXds !== null) {
      const serving = new ServingIdentity(authority, config.secureNames, clock, (error) => log.error({ err: error }, 'the certificate of the TLS port could not be renewed'));
      await serving.start();
      const ca = caService({
        authority,
        tokenKey: joinKey,
        clock,
        longestMs: longestLeafMs,
        events: {
          issued: (identity, serial, notAfter) => {
            metrics.certificateIssued();
            log.info({ identity, serial, notAfter: notAfter.toISOString() }, 'issued a certificate');
          },
          refused: (reason) => {
            metrics.certificateRefused();
            log.warn({ reason }, 'refused a certificate request');
          },
        },
      });
      const mayRegister = registryService(registrations, (call, service, namespace) => {
        const caller = authenticate(call, trustDomain, joinKey, clock);
        if (!caller.ok) return caller.reason;
        return isService(caller.identity, namespace, service) ? null : `${caller.identity.uri} may not act for the service "${service}" in "${namespace}"`;
      });
      const secure = await openPort(config.secureXds, [ads(true), ...common, ca, mayRegister], tls(serving));
      secureXds = secure.address;
      stops.push(secure.stop, () => serving.stop());
    }

    const pages = discoveryPages({
      ready: () => ready.value,
      version,
      catalog: () => published.value,
      errors: () => files.errors.value,
      clients: () => hub.clients(),
      roots: () =>
        authority.bundle.value.roots.map((root) => ({
          subject: root.subject,
          serial: root.serialNumber,
          notAfter: root.notAfter,
          signing: root.serialNumber === authority.signer.certificate.serialNumber,
        })),
      rootPem: () => authority.bundle.value.pem,
      metrics: metrics.render,
      reload: files.reload,
      registrations,
    });
    const admin = await servePages(config.admin, pages, (error) => log.error({ err: error }, 'an admin page failed'));
    stops.push(() => {
      admin.server.close();
      admin.server.closeAllConnections();
    });
    ready.set(true);
    return { xds: open.address, secureXds, admin: admin.address, stop: () => stopAll(ready, stops) };
  } catch (error) {
    stopAll(ready, stops);
    throw error;
  }
}

const SERVED: ReadonlySet<string> = new Set([
  'envoy.service.discovery.v3.AggregatedDiscoveryService',
  'fairlead.registry.v1.Registry',
  'fairlead.status.v1.Status',
]);

/** Not ready first, so that nobody new comes; then in the reverse order of starting. */
function stopAll(ready: Watch<boolean>, stops: (() => void)[]): void {
  ready.set(false);
  for (const stop of stops.splice(0).reverse()) stop();
}

function reportErrors(log: Log, errors: readonly import('../core/config-error.ts').ConfigError[]): void {
  if (errors.length === 0) log.info('the mesh file is good again and in force');
  else log.error({ errors: errors.length }, `the mesh file has mistakes; the last good one stays in force\n${formatErrors(errors)}`);
}

/** `fairlead discovery ...`. */
export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: DISCOVERY_FLAGS, strict: true });
  const config = discoveryConfig(values, process.env);
  const log = pino({ level: config.logLevel, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } }, pino.destination(2));
  const running = await startDiscovery(config, { clock: systemClock, log, environment: process.env, version: '0.1.0' });
  const addresses = { xds: printHostPort(running.xds), secureXds: running.secureXds === null ? null : printHostPort(running.secureXds), admin: printHostPort(running.admin) };
  if (config.addressFile !== null) writeFileSync(config.addressFile, `${JSON.stringify({ ...addresses, pid: process.pid })}\n`);
  process.stdout.write(`discovery is ready: xds ${addresses.xds}, secure xds ${addresses.secureXds ?? 'off'}, admin ${addresses.admin}\n`);
  if (config.meshFiles.length === 0) log.warn('no mesh file found; services come from registration alone');
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
  running.stop();
}
