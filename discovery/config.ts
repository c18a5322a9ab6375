// Discovery's settings: flags over environment over defaults, checked once, frozen.

import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { parseDuration } from '../core/config-scalars.ts';
import { CONFIG_PLACES } from './catalog/file-source.ts';

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export interface DiscoveryConfig {
  readonly meshFiles: readonly string[];
  readonly xds: HostPort;
  readonly insecureXds: boolean;
  /** null: no encrypted port, and no certificates issued. */
  readonly secureXds: HostPort | null;
  readonly secureNames: readonly string[];
  readonly admin: HostPort;
  readonly dataDir: string;
  /** null: as the mesh says. */
  readonly leafTtlMs: number | null;
  readonly logLevel: string;
  readonly addressFile: string | null;
}

export class UsageError extends Error {}

type Values = Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>;
type Environment = Readonly<Record<string, string | undefined>>;

/** `values` as node:util parseArgs gives them. Throws UsageError naming the flag. */
export function discoveryConfig(values: Values, environment: Environment): DiscoveryConfig {
  const one = (flag: string): string | null => {
    const value = values[flag] ?? environment[environmentName(flag)];
    return typeof value === 'string' && value !== '' ? value : null;
  };
  const several = (flag: string): readonly string[] => {
    const value = values[flag] ?? environment[environmentName(flag)]?.split(',');
    return Array.isArray(value) ? value.map(String) : [];
  };
  const yes = (flag: string) =>
    values[flag] === true || ['1', 'true', 'yes'].includes(environment[environmentName(flag)] ?? '');
  const secure = one('secure-xds-address') ?? '127.0.0.1:15012';
  const leafTtl = one('leaf-ttl');
  const config: DiscoveryConfig = {
    meshFiles: meshFiles(several('config')),
    xds: parseHostPort('xds-address', one('xds-address') ?? '127.0.0.1:15010'),
    insecureXds: yes('insecure-xds'),
    secureXds: secure === 'off' ? null : parseHostPort('secure-xds-address', secure),
    secureNames: several('secure-name'),
    admin: parseHostPort('admin-address', one('admin-address') ?? '127.0.0.1:15014'),
    dataDir: one('data-dir') ?? '.fairlead',
    leafTtlMs: leafTtl === null ? null : durationFlag('leaf-ttl', leafTtl),
    logLevel: one('log-level') ?? environment['LOG_LEVEL'] ?? 'info',
    addressFile: one('address-file'),
  };
  requireLoopback('admin-address', config.admin, '');
  if (!config.insecureXds)
    requireLoopback('xds-address', config.xds, '; use --secure-xds-address for the network, or say --insecure-xds');
  return Object.freeze(config);
}

export function environmentName(flag: string): string {
  return `FAIRLEAD_${flag.toUpperCase().replaceAll('-', '_')}`;
}

/** The files named, or the first of the usual places that is there. */
function meshFiles(named: readonly string[]): readonly string[] {
  return named.length > 0 ? named : CONFIG_PLACES.filter((place) => existsSync(place)).slice(0, 1);
}

export function parseHostPort(flag: string, text: string): HostPort {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s]+))?:(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65535)
    throw new UsageError(`--${flag}: ${JSON.stringify(text)} is not HOST:PORT, like 127.0.0.1:15010 or [::1]:0`);
  return { host: match[1] ?? match[2] ?? '0.0.0.0', port };
}

export function printHostPort({ host, port }: HostPort): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function requireLoopback(flag: string, address: HostPort, advice: string): void {
  if (!isLoopback(address.host))
    throw new UsageError(`--${flag}: ${printHostPort(address)} is not a loopback address${advice}`);
}

function durationFlag(flag: string, text: string): number {
  const ms = parseDuration(text);
  if (ms === null || ms <= 0)
    throw new UsageError(`--${flag}: ${JSON.stringify(text)} is not a duration, like 15m or 24h`);
  return ms;
}
