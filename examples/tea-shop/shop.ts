// The tea shop as processes: discovery, nine small programs, and a sidecar beside each; started together on
// free loopback ports, without root and without Docker.

import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { workloadId } from '../../core/identity.ts';
import { bootstrapOf } from '../../cli/verbs/bootstrap.ts';
import { makeToken, tokenKey } from '../../discovery/ca/tokens.ts';
import { ask, until } from './ask.ts';
import { Child } from './child.ts';
import { freePorts, preferPort } from './free-ports.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
/** `.ts` in a checkout, `.js` in the package. */
const EXTENSION = extname(import.meta.url);
const CLI = fileURLToPath(new URL(`../../cli/main${EXTENSION}`, import.meta.url));
const TOKEN_LIFE_S = 24 * 3600;
/** Time that a sidecar gives to what is under way when it ends or a listener of its goes. */
export const DRAIN_TIME_S = 5;
const TRUST_DOMAIN = 'cluster.local';

export interface MemberPlan {
  /** Name of the instance; of the app's process. */
  readonly name: string;
  readonly service: string;
  /** Module under apps/; null: the gateway, a sidecar alone. */
  readonly app: string | null;
  readonly env: Readonly<Record<string, string>>;
  readonly version: string;
}

export const MEMBERS: readonly MemberPlan[] = [
  { name: 'shop', service: 'shop', app: null, env: {}, version: '' },
  { name: 'web-a', service: 'web', app: 'web', env: {}, version: 'v1' },
  { name: 'catalog-v1-a', service: 'catalog', app: 'catalog', env: { VERSION: 'v1' }, version: 'v1' },
  { name: 'catalog-v1-b', service: 'catalog', app: 'catalog', env: { VERSION: 'v1' }, version: 'v1' },
  { name: 'catalog-v2-a', service: 'catalog', app: 'catalog', env: { VERSION: 'v2' }, version: 'v2' },
  { name: 'reviews-a', service: 'reviews', app: 'reviews', env: {}, version: 'v1' },
  { name: 'reviews-b', service: 'reviews', app: 'reviews', env: { FAULTY: 'true' }, version: 'v1' },
  { name: 'stock-a', service: 'stock', app: 'stock', env: {}, version: 'v1' },
  { name: 'brewing-a', service: 'brewing', app: 'brewing', env: {}, version: 'v1' },
  { name: 'ticker-a', service: 'ticker', app: 'ticker', env: {}, version: 'v1' },
];

/** Each of them is answered through other sidecars than those before it. */
const PAGES = ['/api/teas/sencha', '/api/stock', '/api/recipes/sencha', '/prices'];

export interface Ports {
  readonly app: number;
  readonly inbound: number;
  readonly outbound: number;
  readonly admin: number;
}

export interface Member {
  readonly plan: MemberPlan;
  readonly ports: Ports;
  readonly spiffeId: string;
  app: Child | null;
  sidecar: Child;
}

export interface DiscoveryPorts {
  readonly xds: number;
  readonly secureXds: number;
  readonly admin: number;
}

export interface ShopOptions {
  readonly dir: string;
  /** Wanted port of the page; another is taken when it is in use. */
  readonly port: number;
  readonly showLogs: boolean;
  /** Longest life of certificates, e.g. `20s`; null: as mesh.yaml says. */
  readonly leafTtl: string | null;
}

export class Shop {
  readonly dir: string;
  readonly meshFile: string;
  readonly gatewayPort: number;
  /** Of web's sidecar, and leads to stock. */
  readonly stockPort: number;
  readonly discoveryPorts: DiscoveryPorts;
  readonly members: Member[] = [];
  discovery: Child;
  readonly #options: ShopOptions;

  private constructor(options: ShopOptions, gatewayPort: number, stockPort: number, discoveryPorts: DiscoveryPorts) {
    this.#options = options;
    this.dir = options.dir;
    this.gatewayPort = gatewayPort;
    this.stockPort = stockPort;
    this.discoveryPorts = discoveryPorts;
    this.meshFile = join(options.dir, 'mesh.yaml');
    copyFileSync(join(HERE, 'mesh.yaml'), this.meshFile);
    this.discovery = this.startDiscovery();
  }

  /** Resolves when all that the page shows is answered through the whole mesh. */
  static async open(options: ShopOptions): Promise<Shop> {
    mkdirSync(join(options.dir, 'logs'), { recursive: true });
    const [xds, secureXds, admin, stockPort, ...rest] = await freePorts(4 + MEMBERS.length * 4);
    const gatewayPort = await preferPort(options.port);
    const shop = new Shop(options, gatewayPort, stockPort as number, {
      xds: xds as number,
      secureXds: secureXds as number,
      admin: admin as number,
    });
    try {
      await shop.#start(rest);
    } catch (error) {
      await shop.close();
      throw error;
    }
    return shop;
  }

  async #start(ports: readonly number[]): Promise<void> {
    const apps = MEMBERS.map((plan, i) => {
      const [app, inbound, outbound, admin] = ports.slice(i * 4, i * 4 + 4) as [number, number, number, number];
      const own = { app, inbound, outbound, admin };
      return { plan, own, app: plan.app === null ? null : this.#startApp(plan, own) };
    });
    await until(
      'discovery',
      async () => (await ask({ port: this.discoveryPorts.admin, path: '/ready' })).status === 200,
    );
    for (const { plan, own, app } of apps) {
      const spiffeId = workloadId(TRUST_DOMAIN, 'default', plan.service).uri;
      this.members.push({ plan, ports: own, spiffeId, app, sidecar: this.startSidecar(plan, own) });
    }
    for (const { plan, ports: own } of this.members) {
      await until(
        `the sidecar of ${plan.name}`,
        async () => (await ask({ port: own.admin, path: '/ready' })).status === 200,
      );
    }
    for (const page of PAGES) await until(page, async () => (await this.get(page)).status === 200);
  }

  startDiscovery(): Child {
    const { xds, secureXds, admin } = this.discoveryPorts;
    const { leafTtl } = this.#options;
    const argv = [
      CLI,
      'discovery',
      '--config',
      this.meshFile,
      '--data-dir',
      join(this.dir, 'discovery'),
      '--xds-address',
      `127.0.0.1:${xds}`,
      '--secure-xds-address',
      `127.0.0.1:${secureXds}`,
      '--admin-address',
      `127.0.0.1:${admin}`,
      ...(leafTtl === null ? [] : ['--leaf-ttl', leafTtl]),
    ];
    return this.#child('discovery', argv, { STOCK_PORT: String(this.stockPort) });
  }

  #startApp(plan: MemberPlan, own: Ports): Child {
    return this.#child(plan.name, [join(HERE, 'apps', `${plan.app}${EXTENSION}`)], {
      ...plan.env,
      PORT: String(own.app),
      INSTANCE: plan.name,
      MESH: `http://127.0.0.1:${own.outbound}`,
      ...(plan.service === 'web' ? { STOCK: `127.0.0.1:${this.stockPort}` } : {}),
    });
  }

  /** Its first certificate comes for a join token; from then on it proves who it is by the last one. */
  startSidecar(plan: MemberPlan, own: Ports): Child {
    const file = (suffix: string) => join(this.dir, `${plan.name}.${suffix}`);
    const claims = { sub: `ns/default/sa/${plan.service}`, exp: Math.floor(Date.now() / 1000) + TOKEN_LIFE_S };
    writeFileSync(file('token'), `${makeToken(tokenKey(join(this.dir, 'discovery')), claims)}\n`, { mode: 0o600 });
    writeFileSync(file('yaml'), stringify(this.#bootstrap(plan, own)));
    const argv = [
      CLI,
      'sidecar',
      '-c',
      file('yaml'),
      '--join-token-file',
      file('token'),
      '--ca-address',
      `127.0.0.1:${this.discoveryPorts.secureXds}`,
      '--ca-root',
      join(this.dir, 'discovery', 'ca-root.pem'),
      '--state-dir',
      file('state'),
      '--drain-time-s',
      String(DRAIN_TIME_S),
      '-l',
      'info',
      // The whole shop shares this machine; a gateway that has its own takes every core.
      ...(plan.app === null ? ['--concurrency', '1'] : ['--register']),
    ];
    return this.#child(`${plan.name}-sidecar`, argv);
  }

  #bootstrap(plan: MemberPlan, own: Ports): Record<string, unknown> {
    const common = { 'admin-port': String(own.admin), 'xds-address': `127.0.0.1:${this.discoveryPorts.xds}` };
    if (plan.app === null)
      return bootstrapOf({ ...common, gateway: plan.service, 'gateway-port': String(this.gatewayPort) });
    const bootstrap = bootstrapOf({
      ...common,
      service: plan.service,
      id: `sidecar~127.0.0.1~${plan.name}.default~default.svc.cluster.local`,
      'app-port': String(own.app),
      'inbound-port': String(own.inbound),
      'outbound-port': String(own.outbound),
    });
    const { metadata } = bootstrap['node'] as { metadata: { fairlead: Record<string, unknown> } };
    Object.assign(metadata.fairlead, { instance: plan.name, labels: { version: plan.version } });
    return bootstrap;
  }

  #child(name: string, argv: readonly string[], env: Readonly<Record<string, string>> = {}): Child {
    return new Child({ name, argv, env, logFile: join(this.dir, 'logs', `${name}.log`), show: this.#options.showLogs });
  }

  get(path: string, headers: Readonly<Record<string, string>> = {}): ReturnType<typeof ask> {
    return ask({ port: this.gatewayPort, path, headers });
  }

  member(name: string): Member {
    const found = this.members.find(({ plan }) => plan.name === name);
    if (found === undefined) throw new Error(`no member "${name}"`);
    return found;
  }

  /** Changes the mesh while it runs. */
  editMesh(change: (text: string) => string): void {
    writeFileSync(this.meshFile, change(readFileSync(this.meshFile, 'utf8')));
  }

  /** Sidecars first, so that nothing is retried against programs that are gone. */
  async close(): Promise<void> {
    await Promise.all(this.members.map(({ sidecar }) => sidecar.stop()));
    await Promise.all(this.members.map(({ app }) => app?.stop()));
    await this.discovery.stop();
  }
}
