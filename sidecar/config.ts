// The sidecar's settings: flags over environment over defaults, and the bootstrap; read once, checked
// once, frozen. All mistakes at once.

import { readFileSync } from 'node:fs';
import { type ConfigError, fileError } from '../core/config-error.ts';
import { formatErrors } from '../core/config-error.ts';
import { defaultMaxBuffered, readMaxBuffered } from './buffered.ts';
import { defaultConcurrency, readConcurrency } from './concurrency.ts';
import { readDescriptorLimit } from './descriptors.ts';
import { reasonOf } from './errors.ts';
import type { FlagValues } from './flags.ts';
import { parseFlags, UsageError } from './flags.ts';
import type { ConnectionLimits } from './model/limits.ts';
import type { BootstrapText, StartingPoint } from './xds/bootstrap/read.ts';
import { readBootstrap } from './xds/bootstrap/read.ts';

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export interface Config extends Omit<StartingPoint, 'connectionLimits'> {
  readonly mode: 'serve' | 'validate';
  /** The file as it was named; null when everything came by --config-yaml. */
  readonly configPath: string | null;
  readonly logLevel: string;
  readonly componentLogLevel: string | null;
  readonly logPath: string | null;
  /** Threads that serve. 1: the only one there is; more: so many workers beside the primary. */
  readonly concurrency: number;
  /** Open connections of clients: as stated, and as the process's open files allow. */
  readonly connectionLimits: ConnectionLimits;
  /** Bytes of bodies that may wait in the process. */
  readonly maxBufferedBytes: number;
  readonly drainTimeMs: number;
  readonly drainStrategy: 'gradual' | 'immediate';
  readonly adminAddressPath: string | null;
  readonly fileFlushIntervalMs: number;
  readonly allowUnsupported: boolean;
  readonly stateDir: string | null;
  readonly joinTokenFile: string | null;
  readonly caAddress: HostPort | null;
  readonly caRoot: string | null;
  readonly register: boolean;
}

export type ConfigResult =
  | { readonly ok: true; readonly config: Config }
  /** `usage`: the command line; `bootstrap`: the file. The text is for people, one line or more. */
  | {
      readonly ok: false;
      readonly kind: 'usage' | 'bootstrap';
      readonly text: string;
      readonly errors: readonly ConfigError[];
    };

type Environment = Readonly<Record<string, string | undefined>>;

export function loadConfig(
  args: readonly string[],
  environment: Environment,
  readFile: (path: string) => Buffer = (path) => readFileSync(path),
): ConfigResult {
  try {
    const flags = parseFlags(args, environment);
    const settings = readSettings(flags);
    return withBootstrap(flags, settings, environment, readFile);
  } catch (error) {
    if (error instanceof UsageError) return { ok: false, kind: 'usage', text: error.message, errors: [] };
    throw error;
  }
}

function withBootstrap(
  flags: FlagValues,
  settings: Settings,
  environment: Environment,
  readFile: (path: string) => Buffer,
): ConfigResult {
  const texts = readTexts(flags, readFile);
  if (!Array.isArray(texts)) return refusal([texts]);
  const node = {
    ...one('id', text(flags, 'service-node')),
    ...one('cluster', text(flags, 'service-cluster')),
    ...one('zone', text(flags, 'service-zone')),
  };
  const options = {
    allowUnsupported: settings.allowUnsupported,
    allowUnknown: flags['allow-unknown-static-fields'] === true,
    node,
    readFile,
    environment,
  };
  const read = readBootstrap(texts, options);
  if (!read.ok) return refusal(read.errors);
  const concurrency = settings.concurrency ?? defaultConcurrency(read.value.node);
  const byDescriptors = readDescriptorLimit(readFile, concurrency);
  const connectionLimits = { ...read.value.connectionLimits, byDescriptors };
  return { ok: true, config: Object.freeze({ ...settings, ...read.value, concurrency, connectionLimits }) };
}

function refusal(errors: readonly ConfigError[]): ConfigResult {
  return { ok: false, kind: 'bootstrap', text: formatErrors(errors), errors };
}

function one<K extends string>(key: K, value: string | null): Partial<Record<K, string>> {
  return value === null ? {} : ({ [key]: value } as Partial<Record<K, string>>);
}

/** The bootstrap's texts in the order of merging, or why the file cannot be read. */
function readTexts(flags: FlagValues, readFile: (path: string) => Buffer): BootstrapText[] | ConfigError {
  const path = text(flags, 'config-path');
  const inline = text(flags, 'config-yaml');
  if (path === null && inline === null)
    throw new UsageError('a bootstrap is needed: --config-path FILE or --config-yaml YAML');
  const over: BootstrapText[] = inline === null ? [] : [{ file: '--config-yaml', text: inline }];
  if (path === null) return over;
  try {
    return [{ file: path, text: readFile(path).toString('utf8') }, ...over];
  } catch (error) {
    return fileError(path, 'FL0100', `cannot be read: ${reasonOf(error)}`);
  }
}

interface Settings extends Omit<Config, keyof StartingPoint | 'concurrency' | 'connectionLimits'> {
  /** null: as many as befit the node. */
  readonly concurrency: number | null;
}

const LEVELS: Readonly<Record<string, string>> = {
  trace: 'trace',
  debug: 'debug',
  info: 'info',
  warn: 'warn',
  warning: 'warn',
  error: 'error',
  critical: 'fatal',
  off: 'silent',
};

function readSettings(flags: FlagValues): Settings {
  const caAddress = text(flags, 'ca-address');
  if (caAddress !== null && text(flags, 'ca-root') === null) {
    throw new UsageError(
      '--ca-address needs --ca-root FILE: the root certificate by which the authority is recognised (discovery writes it to DATA_DIR/ca-root.pem)',
    );
  }
  return {
    mode: choice(flags, 'mode', ['serve', 'validate']),
    configPath: text(flags, 'config-path'),
    logLevel: logLevel(flags),
    componentLogLevel: text(flags, 'component-log-level'),
    logPath: text(flags, 'log-path'),
    concurrency: readConcurrency(text(flags, 'concurrency')),
    maxBufferedBytes: readMaxBuffered(text(flags, 'max-buffered-mib')) ?? defaultMaxBuffered(),
    drainTimeMs: count(flags, 'drain-time-s', 600) * 1000,
    drainStrategy: choice(flags, 'drain-strategy', ['gradual', 'immediate']),
    adminAddressPath: text(flags, 'admin-address-path'),
    fileFlushIntervalMs: count(flags, 'file-flush-interval-msec', 10_000),
    allowUnsupported: flags['allow-unsupported'] === true,
    stateDir: text(flags, 'state-dir'),
    joinTokenFile: text(flags, 'join-token-file'),
    caAddress: caAddress === null ? null : hostPort('ca-address', caAddress),
    caRoot: text(flags, 'ca-root'),
    register: flags.register === true,
  };
}

function text(flags: FlagValues, name: keyof FlagValues): string | null {
  const value = flags[name];
  return typeof value === 'string' && value !== '' ? value : null;
}

function logLevel(flags: FlagValues): string {
  const given = text(flags, 'log-level') ?? 'info';
  const level = LEVELS[given];
  if (level === undefined) throw new UsageError(`--log-level: "${given}" is none of ${Object.keys(LEVELS).join(', ')}`);
  return level;
}

function choice<T extends string>(flags: FlagValues, name: keyof FlagValues, choices: readonly [T, ...T[]]): T {
  const given = text(flags, name) ?? choices[0];
  const found = choices.find((word) => word === given);
  if (found === undefined) throw new UsageError(`--${name}: "${given}" is none of ${choices.join(', ')}`);
  return found;
}

function count(flags: FlagValues, name: keyof FlagValues, absent: number): number {
  const given = text(flags, name);
  if (given === null) return absent;
  if (!/^\d{1,9}$/.test(given)) throw new UsageError(`--${name}: "${given}" is not a whole number of 0 and more`);
  return Number(given);
}

function hostPort(name: string, given: string): HostPort {
  const found = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(given);
  const port = Number(found?.[3]);
  if (found === null || port > 65_535) throw new UsageError(`--${name}: "${given}" is not HOST:PORT`);
  return { host: found[1] ?? found[2] ?? '', port };
}
