// The command line of the sidecar: Envoy's names, so that a start script moves over unchanged, and our
// own. Each flag has an environment variable FAIRLEAD_<FLAG>; the flag wins.

import { parseArgs } from 'node:util';
import { nearest } from '../core/spelling.ts';

interface FlagRow {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  readonly multiple?: boolean;
  readonly value?: string;
  readonly help: string;
  /** Envoy has it, nothing here corresponds to it. */
  readonly ignored?: true;
}

/** Every flag, once: the parser, `--help` and the docs are made from this. */
export const SIDECAR_FLAGS = {
  'config-path': { type: 'string', short: 'c', value: 'FILE', help: 'Envoy v3 bootstrap, YAML or JSON' },
  'config-yaml': { type: 'string', value: 'YAML', help: 'bootstrap text merged over the file' },
  mode: { type: 'string', value: 'MODE', help: 'serve (default), or validate: check the bootstrap and exit' },
  'log-level': {
    type: 'string',
    short: 'l',
    value: 'LEVEL',
    help: 'trace, debug, info (default), warn, error, critical, off',
  },
  'component-log-level': { type: 'string', value: 'LIST', help: 'levels by component, e.g. xds:debug,upstream:trace' },
  'log-path': { type: 'string', value: 'FILE', help: 'write application logs to FILE' },
  'service-node': { type: 'string', value: 'ID', help: 'node id, over the bootstrap' },
  'service-cluster': { type: 'string', value: 'NAME', help: 'node cluster, over the bootstrap' },
  'service-zone': { type: 'string', value: 'ZONE', help: 'zone, over the bootstrap' },
  concurrency: {
    type: 'string',
    value: 'N',
    help: 'threads that serve (default 1; in a gateway of `fairlead bootstrap` one for each core)',
  },
  'max-buffered-mib': {
    type: 'string',
    value: 'MIB',
    help: 'bytes of bodies that may wait in the process (default a quarter of the memory)',
  },
  'drain-time-s': { type: 'string', value: 'SECONDS', help: 'time for draining (default 600)' },
  'drain-strategy': { type: 'string', value: 'STRATEGY', help: 'gradual (default) or immediate' },
  'parent-shutdown-time-s': {
    type: 'string',
    value: 'SECONDS',
    help: 'accepted; there is no hot restart',
    ignored: true,
  },
  'admin-address-path': { type: 'string', value: 'FILE', help: 'write the admin address to FILE' },
  'file-flush-interval-msec': {
    type: 'string',
    value: 'MS',
    help: 'longest wait before access logs are written (default 10000)',
  },
  'allow-unknown-static-fields': { type: 'boolean', help: 'pass over fields of the bootstrap that nobody knows' },
  'base-id': { type: 'string', value: 'N', help: 'accepted; several sidecars run side by side anyway', ignored: true },
  'use-dynamic-base-id': { type: 'boolean', help: 'accepted, as --base-id', ignored: true },
  'base-id-path': { type: 'string', value: 'FILE', help: 'accepted, as --base-id', ignored: true },
  'restart-epoch': { type: 'string', value: 'N', help: 'accepted; there is no hot restart', ignored: true },
  'disable-hot-restart': { type: 'boolean', help: 'accepted; there is no hot restart', ignored: true },
  'log-format': { type: 'string', value: 'FORMAT', help: 'accepted; the program logs JSON lines', ignored: true },
  'log-format-escaped': { type: 'boolean', help: 'accepted, as --log-format', ignored: true },
  'enable-fine-grain-logging': { type: 'boolean', help: 'accepted', ignored: true },
  'bootstrap-version': { type: 'string', value: 'N', help: 'accepted; 3 is the only version' },
  'local-address-ip-version': { type: 'string', value: 'V', help: 'accepted', ignored: true },
  'file-flush-min-size-kb': { type: 'string', value: 'KB', help: 'accepted', ignored: true },
  'cpuset-threads': { type: 'boolean', help: 'accepted', ignored: true },
  'enable-mutex-tracing': { type: 'boolean', help: 'accepted', ignored: true },
  'enable-core-dump': { type: 'boolean', help: 'accepted', ignored: true },
  'socket-path': { type: 'string', value: 'PATH', help: 'accepted; there is no hot restart', ignored: true },
  'socket-mode': { type: 'string', value: 'MODE', help: 'accepted; there is no hot restart', ignored: true },
  'skip-deprecated-logs': { type: 'boolean', help: 'accepted', ignored: true },
  'reject-unknown-dynamic-fields': {
    type: 'boolean',
    help: 'accepted; unknown fields are refused unless --allow-unsupported',
    ignored: true,
  },
  'ignore-unknown-dynamic-fields': { type: 'boolean', help: 'accepted', ignored: true },
  'stats-tag': { type: 'string', multiple: true, value: 'TAG:VALUE', help: 'accepted', ignored: true },
  'allow-unsupported': {
    type: 'boolean',
    help: 'warn of fields that are not honoured instead of refusing them, except where that would weaken security',
  },
  'state-dir': {
    type: 'string',
    value: 'DIR',
    help: 'keep the last good configuration in DIR, for a start without discovery',
  },
  'join-token-file': { type: 'string', value: 'FILE', help: 'token by which this sidecar gets its first certificate' },
  'ca-address': { type: 'string', value: 'HOST:PORT', help: 'certificate authority (discovery, port 15012)' },
  'ca-root': { type: 'string', value: 'FILE', help: 'PEM bundle by which the certificate authority is recognised' },
  register: { type: 'boolean', help: 'register the service instance of the bootstrap with discovery' },
} as const satisfies Record<string, FlagRow>;

export type FlagName = keyof typeof SIDECAR_FLAGS;
export type FlagValues = Readonly<Partial<Record<FlagName, string | boolean>>>;

/** A mistake on the command line, said to the user as it is. */
export class UsageError extends Error {}

type Environment = Readonly<Record<string, string | undefined>>;

const ROWS = SIDECAR_FLAGS as Readonly<Record<string, FlagRow>>;

/** Throws UsageError: an unknown flag, a flag given twice, a missing value, a word that is no flag. */
export function parseFlags(args: readonly string[], environment: Environment): FlagValues {
  const options = Object.fromEntries(
    Object.entries(ROWS).map(([name, { type, short }]) => [
      name,
      short === undefined ? { type, multiple: true } : { type, short, multiple: true },
    ]),
  );
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true, allowPositionals: true });
  const values: Record<string, string | boolean> = {};
  for (const token of tokens) {
    if (token.kind === 'positional')
      throw new UsageError(`"${token.value}" is no flag; the bootstrap is given by --config-path`);
    if (token.kind === 'option') readOption(token, values);
  }
  return { ...fromEnvironment(environment), ...values };
}

function readOption(
  token: { readonly name: string; readonly rawName: string; readonly value?: string | undefined },
  values: Record<string, string | boolean>,
): void {
  const row = ROWS[token.name];
  if (row === undefined) throw new UsageError(`unknown flag ${token.rawName}${suggestion(token.name)}`);
  if (Object.hasOwn(values, token.name) && row.multiple !== true)
    throw new UsageError(`${token.rawName} is given twice`);
  values[token.name] = row.type === 'boolean' ? booleanValue(token) : textValue(token);
}

function suggestion(name: string): string {
  const near = nearest(name, Object.keys(ROWS));
  return near === null ? '' : ` (did you mean --${near}?)`;
}

function booleanValue({ rawName, value }: { readonly rawName: string; readonly value?: string | undefined }): boolean {
  if (value === undefined || value === 'true' || value === '1') return true;
  if (value === 'false' || value === '0') return false;
  throw new UsageError(`${rawName} takes no value but true and false`);
}

function textValue({ rawName, value }: { readonly rawName: string; readonly value?: string | undefined }): string {
  if (value === undefined) throw new UsageError(`${rawName} needs a value`);
  return value;
}

function fromEnvironment(environment: Environment): Record<string, string | boolean> {
  const values: Record<string, string | boolean> = {};
  for (const [name, { type }] of Object.entries(ROWS)) {
    const variable = `FAIRLEAD_${name.toUpperCase().replaceAll('-', '_')}`;
    const value = environment[variable];
    if (value === undefined || value === '') continue;
    values[name] = type === 'boolean' ? booleanValue({ rawName: variable, value }) : value;
  }
  return values;
}
