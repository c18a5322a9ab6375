// What is measured: one proxy, or two with mutual TLS between them. A contestant is a peer that plays a
// scenario with its processes up.

import { connect } from 'node:net';
import { freePorts } from '../../examples/tea-shop/free-ports.ts';
import { call } from '../mesh/call.ts';
import type { Certificates } from './certificates.ts';
import type { Hop } from './peers/envoy-bootstrap.ts';
import { LARGE_PATH } from './peers/nginx-config.ts';
import { GRPC_PATH } from './peers/nghttpd.ts';
import type { Peer } from './peers/peers.ts';
import { PROXY_CORE, type Running, start } from './processes.ts';

export type ScenarioName = 'plain' | 'pair' | 'large' | 'http2' | 'grpc' | 'mesh' | 'tcp' | 'tcp-large';

export const SCENARIOS: Readonly<Record<ScenarioName, string>> = {
  plain: 'HTTP/1.1 plaintext proxy',
  pair: 'mTLS pair: HTTP/1.1 in, TLS 1.3 between two proxies, HTTP/1.1 out (both processes)',
  large: 'HTTP/1.1 plaintext proxy, answers of 1 MiB: a request is a MiB',
  http2: 'HTTP/2 in and out, plaintext, 8 connections of 16 streams',
  grpc: 'unary gRPC over HTTP/2, plaintext, 8 connections of 16 streams',
  mesh: 'mTLS pair: HTTP/1.1 in, HTTP/2 over TLS 1.3 between two proxies, HTTP/1.1 out (both processes)',
  tcp: 'TCP proxy, a small exchange each way',
  'tcp-large': 'TCP proxy, answers of 1 MiB: a request is a MiB',
};

/** Those that a peer plays which does not say otherwise. */
const HTTP1: readonly ScenarioName[] = ['plain', 'pair', 'large'];

export function plays({ plays: own }: Peer, scenario: ScenarioName): boolean {
  return (own ?? HTTP1).includes(scenario);
}

export type Origin = 'http1' | 'http2' | 'grpc';

/** Who answers. */
export function originOf(scenario: ScenarioName): Origin {
  return scenario === 'http2' || scenario === 'grpc' ? scenario : 'http1';
}

/** What the load generator asks for. */
export function pathOf(scenario: ScenarioName): string {
  if (scenario === 'grpc') return GRPC_PATH;
  return scenario === 'large' || scenario === 'tcp-large' ? LARGE_PATH : '/';
}

export interface Contestant {
  readonly scenario: ScenarioName;
  readonly peer: Peer;
  readonly port: number;
  readonly processes: readonly Running[];
}

/** Ten thousand clusters take their time. */
const READY_MS = 60_000;
const PROBE_MS = 50;

/** Resolves when the first request went through. Throws with what a process said when it ended. */
export async function enter(
  scenario: ScenarioName,
  peer: Peer,
  folder: string,
  originPort: number,
  certificates: Certificates,
  more: Partial<Hop> = {},
): Promise<Contestant> {
  const [first = 0, second = 0] = await freePorts(2);
  const hops = hopsOf(scenario, peer.name, first, second, originPort, certificates);
  const processes = hops.map((hop) => start(hop.name, folder, PROXY_CORE, peer.command(folder, { ...hop, ...more })));
  try {
    if (originOf(scenario) === 'http1') await answering(first, processes);
    else await listening(first, processes);
  } catch (error) {
    await Promise.all(processes.map((one) => one.stop()));
    throw error;
  }
  return { scenario, peer, port: first, processes };
}

function hopsOf(
  scenario: ScenarioName,
  peer: string,
  first: number,
  second: number,
  originPort: number,
  { root, client, server }: Certificates,
): Hop[] {
  const one = { name: `${peer}-${scenario}`, listenPort: first, targetPort: originPort };
  if (scenario === 'http2' || scenario === 'grpc') return [{ ...one, listens: 'http2', speaks: 'http2' }];
  if (scenario === 'tcp' || scenario === 'tcp-large') return [{ ...one, listens: 'tcp' }];
  if (scenario !== 'pair' && scenario !== 'mesh') return [one];
  const between = scenario === 'mesh' ? 'http2' : undefined;
  return [
    {
      name: `${peer}-${scenario}-out`,
      listenPort: first,
      targetPort: second,
      ...(between === undefined ? {} : { speaks: between }),
      dial: { own: client, peerId: server.id, root },
    },
    {
      name: `${peer}-${scenario}-in`,
      listenPort: second,
      targetPort: originPort,
      ...(between === undefined ? {} : { listens: between }),
      accept: { own: server, peerId: client.id, root },
    },
  ];
}

/** Resolves when the port takes connections. Throws with what a process said when it ended. */
export async function listening(port: number, processes: readonly Running[]): Promise<void> {
  const deadline = performance.now() + READY_MS;
  while (!(await accepts(port))) {
    for (const one of processes) {
      const words = one.ended();
      if (words !== null) throw new Error(`${one.name} ${words}`);
    }
    if (performance.now() > deadline) throw new Error(`nobody listens at port ${port} within ${READY_MS / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, PROBE_MS));
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

/** Resolves when the port answers 200. Throws with what a process said when it ended. */
export async function answering(port: number, processes: readonly Running[]): Promise<void> {
  const deadline = performance.now() + READY_MS;
  for (;;) {
    for (const one of processes) {
      const words = one.ended();
      if (words !== null) throw new Error(`${one.name} ${words}`);
    }
    const status = await call(`127.0.0.1:${port}`, '/').then(
      (answer) => answer.status,
      () => 0,
    );
    if (status === 200) return;
    if (performance.now() > deadline) throw new Error(`port ${port} gave no 200 within ${READY_MS / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, PROBE_MS));
  }
}
