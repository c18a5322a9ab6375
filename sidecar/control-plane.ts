// Everything that tells the proxy what to do besides its file: discovery over ADS, the identity loop, the
// last good configuration on disk, and the registration of this instance. With a file alone, none of it runs.

import { join } from 'node:path';
import type { Clock } from '../core/clock.ts';
import type { Logs } from '../core/log.ts';
import type { DumpSection } from './admin/config-dump.ts';
import type { Config } from './config.ts';
import { countUpdates, Staleness } from './control-plane-stats.ts';
import type { AuthorityAddress } from './identity/authority-client.ts';
import type { Certifier } from './identity/certify.ts';
import { type BoundListeners, instanceOf } from './identity/instance.ts';
import type { Registration } from './identity/register.ts';
import type { Snapshot } from './model/snapshot.ts';
import { Saving } from './save-last-good.ts';
import type { Stats } from './telemetry/stats.ts';
import type { AdsSource } from './xds/ads-source.ts';
import { dumpSections } from './xds/dump.ts';
import { type LastGood, openLastGood } from './xds/last-good.ts';
import { Resources } from './xds/resources.ts';
import type { Judge, Refusal, ResourceUpdate, Stop } from './xds/source.ts';

export interface ControlPlane {
  /** The first configuration is here, from discovery or from disk. */
  readonly configured: boolean;
  start(): Promise<void>;
  /** Tells discovery that this instance goes: nobody should start a request to it. */
  leave(): Promise<void>;
  stop(): void;
  dump(includeEndpoints: boolean): readonly DumpSection[];
  /** Since discovery was last there; 0 while it is, null where there is none to hear from. */
  readonly staleSeconds: number | null;
  /** What was delivered and is in force. */
  readonly updates: readonly ResourceUpdate[];
}

/** Who carries the traffic: the runtime of this thread, or the workers. */
export interface DataPlane extends BoundListeners {
  apply(next: Snapshot): void;
  /** Resolves when what was applied so far is bound. */
  settled(): Promise<void>;
  /** Hears of every update after it was judged and applied. */
  onUpdate?(update: ResourceUpdate, refusals: readonly Refusal[]): void;
}

export interface ControlPlaneContext {
  readonly config: Config;
  readonly clock: Clock;
  readonly logs: Logs;
  readonly stats: Stats;
  readonly dataPlane: DataPlane;
}

/** An empty full state after a restart of discovery is not believed for so long. */
const EMPTY_HOLD_MS = 60_000;

type Link = typeof import('./discovery-link.ts');

export async function connect(context: ControlPlaneContext): Promise<ControlPlane> {
  const { ads, caAddress } = context.config;
  const link = ads === null && caAddress === null ? null : await import('./discovery-link.ts');
  return new Connected(context, link);
}

class Connected implements ControlPlane {
  readonly #context: ControlPlaneContext;
  /** null: there is no discovery. */
  readonly #link: Link | null;
  readonly #resources: Resources;
  readonly #ads: AdsSource | null;
  readonly #staleness: Staleness | null;
  readonly #certifier: Certifier | null;
  readonly #lastGood: LastGood | null;
  readonly #saving: Saving | null;
  readonly #startedWallMs: number;
  #registration: Registration | null = null;
  #stopAds: Stop | null = null;
  #fromDisk = false;
  #left = false;

  constructor(context: ControlPlaneContext, link: Link | null) {
    this.#context = context;
    this.#link = link;
    const { config, clock, logs } = context;
    this.#startedWallMs = clock.wall();
    const identity = config.caAddress === null ? null : link;
    this.#resources = new Resources({
      fixed: config.snapshot,
      allowUnsupported: config.allowUnsupported,
      clock,
      wildcard: { listeners: config.ads?.listeners ?? false, clusters: config.ads?.clusters ?? false },
      ownSecrets: new Set(identity === null ? [] : [identity.OWN_SECRET]),
      warn: (resource, problem) =>
        logs.child('xds').warn({ resource, field: problem.field, reason: problem.reason }, 'passed over'),
    });
    this.#lastGood =
      config.stateDir === null ? null : openLastGood(config.stateDir, (message) => logs.child('xds').warn(message));
    this.#saving = this.#lastGood === null ? null : new Saving(this.#lastGood, this.#resources, clock);
    this.#ads = config.ads === null || link === null ? null : this.#createAds(link);
    this.#staleness = this.#ads === null ? null : new Staleness(this.#ads.status, clock);
    this.#certifier = identity === null ? null : this.#createCertifier(identity);
  }

  #createAds({ createAdsSource, credentialsOf, targetOf, AUTHORITY_NAME }: Link): AdsSource {
    const { config, clock, logs } = this.#context;
    const { ads, snapshot } = config;
    const cluster = snapshot.clusters.get(ads?.cluster ?? '');
    if (ads === null || cluster === undefined)
      throw new Error('the cluster of ads_config is not among the static clusters');
    return createAdsSource({
      target: targetOf(cluster),
      authority: ads.authority,
      serverName: cluster.tls?.sni || AUTHORITY_NAME,
      metadata: ads.metadata,
      credentials: () => credentialsOf(cluster, this.#resources.snapshot.value.secrets),
      node: config.node,
      clock,
      initialFetchTimeoutMs: ads.initialFetchTimeoutMs,
      emptyHoldMs: EMPTY_HOLD_MS,
      prepare: this.#resources.prepare,
      inForce: (type) => this.#resources.holds(type),
      hasEndpoints: (name) => hasEndpoints(this.#resources.snapshot.value, name),
      log: logs.child('xds'),
    });
  }

  #createCertifier({ Certifier }: Link): Certifier {
    const { config, clock, logs } = this.#context;
    return new Certifier(
      {
        authority: this.#authority(),
        file: config.stateDir === null ? null : join(config.stateDir, 'identity.pem'),
        clock,
        log: logs.child('identity'),
        service: serviceOf(config),
        onRenewed: () => {},
      },
      this.#judge,
    );
  }

  /** The judge whom every source is given. */
  get #judge(): Judge {
    const { dataPlane } = this.#context;
    if (dataPlane.onUpdate === undefined) return this.#resources.judge;
    return (update) => {
      const refusals = this.#resources.judge(update);
      dataPlane.onUpdate?.(update, refusals);
      return refusals;
    };
  }

  /** Discovery's TLS port where one is given; otherwise the address of its stream. */
  #authority(): AuthorityAddress {
    const { config } = this.#context;
    const { caAddress, caRoot, joinTokenFile, ads, snapshot } = config;
    if (caAddress !== null) {
      return { target: `dns:${caAddress.host}:${caAddress.port}`, rootFile: caRoot, tokenFile: joinTokenFile };
    }
    const cluster = snapshot.clusters.get(ads?.cluster ?? '');
    return {
      target: cluster === undefined ? '' : (this.#link?.targetOf(cluster) ?? ''),
      rootFile: null,
      tokenFile: null,
    };
  }

  get configured(): boolean {
    if (this.#ads === null || this.#fromDisk) return true;
    return [...this.#ads.status.value.types.values()].some(
      ({ type, version }) => type.shortName === 'CDS' && version !== '',
    );
  }

  async start(): Promise<void> {
    const { dataPlane, stats, config } = this.#context;
    this.#resources.snapshot.subscribe((next) => {
      dataPlane.apply(next);
      this.#saving?.soon();
      this.#registerWhenBound();
    });
    if (this.#ads === null) return;
    await this.#certifier?.start();
    this.#loadFromDisk();
    countUpdates(this.#ads.status, stats);
    this.#stopAds = this.#ads.source(this.#judge, this.#resources.wanted);
    if (config.register) this.#registerWhenBound();
  }

  /** What was in force before serves until discovery says otherwise. */
  #loadFromDisk(): void {
    const updates = this.#lastGood?.load() ?? [];
    if (updates.length === 0) return;
    const log = this.#context.logs.child('xds');
    const judge = this.#judge;
    for (const update of updates) {
      for (const { name, field, reason } of judge(update)) log.warn({ name, field, reason }, 'not taken from disk');
    }
    this.#fromDisk = true;
    log.info(
      { resources: updates.reduce((sum, { changed }) => sum + changed.length, 0) },
      'serving the last good configuration until discovery answers',
    );
  }

  /** Registers once the inbound listener has a port that others can be told. */
  #registerWhenBound(): void {
    const { config, dataPlane, clock, logs } = this.#context;
    const link = this.#link;
    if (!config.register || link === null || this.#registration !== null || this.#left) return;
    void dataPlane.settled().then(() => {
      const instance = instanceOf(config.node, dataPlane);
      if (instance === null || this.#registration !== null || this.#left) return;
      this.#registration = new link.Registration({
        authority: this.#authority(),
        instance,
        identity: () => this.#certifier?.pair ?? null,
        clock,
        log: logs.child('registration'),
      });
      this.#registration.start();
    });
  }

  async leave(): Promise<void> {
    this.#left = true;
    await this.#registration?.leave();
  }

  stop(): void {
    this.#stopAds?.();
    this.#certifier?.stop();
  }

  get staleSeconds(): number | null {
    return this.#staleness?.seconds ?? null;
  }

  get updates(): readonly ResourceUpdate[] {
    return this.#resources.updates.filter(({ changed }) => changed.length > 0);
  }

  dump(includeEndpoints: boolean): readonly DumpSection[] {
    const { config } = this.#context;
    return dumpSections(
      {
        bootstrap: config.bootstrap,
        startedWallMs: this.#startedWallMs,
        held: this.#resources.held,
        refused: this.#resources.refused,
        versions: new Map(
          [...(this.#ads?.status.value.types.values() ?? [])].map(({ type, version }) => [type, version]),
        ),
      },
      includeEndpoints,
    ) as readonly DumpSection[];
  }
}

function hasEndpoints({ endpoints }: Snapshot, name: string): boolean {
  return endpoints.get(name)?.localities.some((locality) => locality.endpoints.length > 0) === true;
}

/** Whom the bootstrap says this sidecar stands for; '' where it does not. */
function serviceOf({ node }: Config): string {
  const own = node.metadata['fairlead'];
  const service = typeof own === 'object' && own !== null && !Array.isArray(own) ? own['service'] : undefined;
  return typeof service === 'string' ? service : '';
}
