// Who is measured: for each, whether it is here, its version, and the command that runs one hop.

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NODE_FLAGS } from '../../../core/node-flags.ts';
import { packageVersion } from '../../../cli/version.ts';
import { findEnvoy } from '../../mesh/envoy.ts';
import type { ScenarioName } from '../scenarios.ts';
import { bootstrapOf, type Hop } from './envoy-bootstrap.ts';
import { haproxyConfig } from './haproxy-config.ts';
import { nginxConfig } from './nginx-config.ts';

export interface Peer {
  readonly name: string;
  /** null: it is not installed. */
  readonly version: string | null;
  /** What it can play; absent: what is played over HTTP/1.1. */
  readonly plays?: readonly ScenarioName[];
  /** Writes what it needs into the folder; the command line that runs it in the foreground. */
  readonly command: (folder: string, hop: Hop) => readonly string[];
}

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
/** Compiled, as it is shipped; out of the way of `npm run build`. */
const BUILT = join(ROOT, '.bench', 'dist');
/** Where Debian keeps what is not for every user. */
const SBIN = '/usr/sbin:/sbin';

function versionOf(command: string, args: readonly string[], pattern: RegExp): string | null {
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:${SBIN}` };
  const { stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', env });
  return error === undefined ? (pattern.exec(stdout + stderr)?.[1] ?? 'unknown') : null;
}

function write(folder: string, name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** Throws with what the compiler said. */
export function buildOurs(): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(ROOT, 'scripts', 'build.ts'), BUILT], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the sidecar could not be built: ${stdout}${stderr}`);
}

/** The same bootstrap for Envoy and for us. */
function bootstrapFile(folder: string, hop: Hop): string {
  return write(folder, `${hop.name}.json`, JSON.stringify(bootstrapOf(hop)));
}

/** Our sidecar, compiled, with a bootstrap file. */
export function sidecarCommand(
  file: string,
  nodeFlags: readonly string[] = [],
  more: readonly string[] = [],
): readonly string[] {
  return [
    process.execPath,
    ...NODE_FLAGS,
    ...nodeFlags,
    join(BUILT, 'cli', 'main.js'),
    'sidecar',
    '-c',
    file,
    '-l',
    'warn',
    '--drain-time-s',
    '0',
    ...more,
  ];
}

function fairlead(): Peer {
  return {
    name: 'fairlead',
    version: `${packageVersion()} on Node ${process.versions.node}`,
    command: (folder, hop) => sidecarCommand(bootstrapFile(folder, hop)),
  };
}

function envoy(): Peer {
  const binary = findEnvoy();
  return {
    name: 'envoy',
    version: binary === null ? null : versionOf(binary, ['--version'], /[0-9a-f]{40}\/(\d+\.\d+\.\d+)\//),
    command: (folder, hop) => [
      binary ?? 'envoy',
      '-c',
      bootstrapFile(folder, hop),
      '--use-dynamic-base-id',
      '--concurrency',
      '1',
      '-l',
      'warning',
    ],
  };
}

function nginx(): Peer {
  return {
    name: 'nginx',
    version: versionOf('nginx', ['-v'], /nginx\/(\S+)/),
    command: (folder, hop) => ['nginx', '-c', write(folder, `${hop.name}.conf`, nginxConfig(folder, hop))],
  };
}

function haproxy(): Peer {
  return {
    name: 'haproxy',
    version: versionOf('haproxy', ['-v'], /version (\d[\d.]*)/),
    command: (folder, hop) => ['haproxy', '-db', '-f', write(folder, `${hop.name}.cfg`, haproxyConfig(hop))],
  };
}

function nghttpx(): Peer {
  return {
    name: 'nghttpx',
    version: versionOf('nghttpx', ['--version'], /nghttp2\/(\d[\d.]*)/),
    plays: ['http2', 'grpc'],
    command: (folder, { name, listenPort, targetPort }) => [
      'nghttpx',
      '--conf=/dev/null',
      `--frontend=127.0.0.1,${listenPort};no-tls`,
      `--backend=127.0.0.1,${targetPort};;proto=h2`,
      '--single-process',
      '--workers=1',
      '--add-x-forwarded-for',
      '--accesslog-file=',
      `--errorlog-file=${join(folder, `${name}.err`)}`,
    ],
  };
}

const EVERYTHING: readonly ScenarioName[] = ['plain', 'pair', 'large', 'http2', 'grpc', 'mesh', 'tcp', 'tcp-large'];

/** In the order of the table. */
export function allPeers(): readonly Peer[] {
  return [
    { ...fairlead(), plays: EVERYTHING },
    nginx(),
    { ...haproxy(), plays: ['plain', 'pair', 'large', 'http2', 'grpc', 'tcp', 'tcp-large'] },
    nghttpx(),
    { ...envoy(), plays: EVERYTHING },
  ];
}

export function loadGeneratorVersion(): string | null {
  return versionOf('wrk', ['-v'], /wrk\s+(?:debian\/)?([\d.]+)/);
}

/** Those that are compared over HTTP/1.1. */
export function http1Peers(): readonly Peer[] {
  return allPeers().filter(({ name }) => name !== 'nghttpx');
}

export function http2OriginVersion(): string | null {
  return versionOf('nghttpd', ['--version'], /nghttp2\/(\d[\d.]*)/);
}

export function rateGeneratorVersion(): string | null {
  return versionOf('h2load', ['--version'], /nghttp2\/(\d[\d.]*)/);
}
