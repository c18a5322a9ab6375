// Two services with a sidecar each, as processes of their own, whose certificates and configuration come
// from a discovery of the test: what travels between them is the mesh hop.

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { stringify } from 'yaml';
import { bootstrapOf } from '../../cli/verbs/bootstrap.ts';
import { freePorts } from '../../examples/tea-shop/free-ports.ts';
import { type AdminPages, runSidecar } from '../sidecar/concurrency/process.ts';
import { tempDir } from '../temp-dir.ts';
import { joinToken } from './certificates.ts';
import { eventually, runDiscovery, type TestDiscovery } from './discovery.ts';

export interface MeshMember {
  readonly pages: AdminPages;
  readonly inbound: number;
  readonly outbound: number;
  /** What another one in its place is made of, the ports included. */
  readonly plan: MemberPlan;
  /** Asks it to go; resolves with its exit code. */
  end(): Promise<number | null>;
}

export interface MemberPlan {
  readonly service: string;
  readonly appPort: number;
  readonly inbound: number;
  readonly outbound?: number;
  /** Where the application is, if not on 127.0.0.1. */
  readonly appAddress?: string | undefined;
}

/** A sidecar with an identity; resolves when it is ready. */
export async function meshMember(t: TestContext, discovery: TestDiscovery, plan: MemberPlan): Promise<MeshMember> {
  const outbound = plan.outbound ?? ((await freePorts(1))[0] as number);
  const { admin: _admin, ...bootstrap } = bootstrapOf({
    service: plan.service,
    'xds-address': discovery.xds,
    'app-port': String(plan.appPort),
    'inbound-port': String(plan.inbound),
    'outbound-port': String(outbound),
    ...(plan.appAddress === undefined ? {} : { 'app-address': plan.appAddress }),
  });
  const folder = tempDir(t);
  const token = join(folder, 'token');
  writeFileSync(token, joinToken(discovery, plan.service));
  const identity = ['--join-token-file', token, '--ca-address', discovery.secureXds];
  const roots = ['--ca-root', join(discovery.dataDir, 'ca-root.pem'), '--state-dir', join(folder, 'state')];
  const { pages, child, exitCode } = await runSidecar(t, stringify(bootstrap), [...identity, ...roots]);
  for (const port of [outbound, plan.inbound]) await eventually(() => listens(port));
  const end = () => {
    child.kill('SIGTERM');
    return exitCode;
  };
  return { pages, inbound: plan.inbound, outbound, plan: { ...plan, outbound }, end };
}

/** Ready is said when all of the configuration is there, and a moment before the listeners are. */
async function listens(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.destroy();
}

export interface MeshPair {
  readonly discovery: TestDiscovery;
  /** Beside the caller, `web`. */
  readonly web: MeshMember;
  /** Beside the service, `shop`. */
  readonly shop: MeshMember;
  /** Rewrites the mesh file; `more` stands in it after the two services. */
  mesh(pieces: MeshPieces): void;
}

export interface MeshPieces {
  /** YAML lines of the mesh file, after the services. */
  readonly more?: string;
  /** Fields of the service that is called, in flow style. */
  readonly shop?: string;
  /** Fields of the one that calls. */
  readonly web?: string;
  /** Where the application of `shop` is, if not on 127.0.0.1; counts at the start. */
  readonly appAddress?: string;
}

/** `appPort`: where the application of `shop` listens. */
export async function runMeshPair(t: TestContext, appPort: number, first: MeshPieces = {}): Promise<MeshPair> {
  const [inbound, webInbound] = (await freePorts(2)) as [number, number];
  const text = ({ more = '', shop = 'protocol: http', web = 'hosts: []' }: MeshPieces) => `services:
  web: {port: 80, ${web}}
  shop: {port: 9000, instances: [{address: 127.0.0.1, port: ${inbound}, appPort: ${appPort}}], ${shop}}
${more}
`;
  const discovery = await runDiscovery(t, text(first));
  const shop = await meshMember(t, discovery, { service: 'shop', appPort, inbound, appAddress: first.appAddress });
  const web = await meshMember(t, discovery, { service: 'web', appPort: 1, inbound: webInbound });
  return { discovery, web, shop, mesh: (pieces) => discovery.mesh(text(pieces)) };
}

/** The figure of a cluster towards `shop`, in the caller's sidecar. */
export function shopStat({ web }: Pick<MeshPair, 'web'>, name: string): Promise<number> {
  return web.pages.stat(`cluster.outbound|9000||shop.default.svc.cluster.local.${name}`);
}

export async function untilStat(pair: MeshPair, name: string, value: number): Promise<void> {
  await eventually(async () => {
    const now = await shopStat(pair, name);
    if (now !== value) throw new Error(`${name} is ${now} and not ${value}`);
  });
}
