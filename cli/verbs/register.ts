// `fairlead register --service NAME --port PORT [-- COMMAND ARGS]`: one instance in the registry, for as long
// as this command lives, or the command that it runs.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { type Registration, RegistrationError, type RegistrationOptions, register } from '../../client/registration.ts';
import { parseDuration } from '../../core/config-scalars.ts';
import { CommandError, EXIT, type Invocation, portFlag, requiredFlag, textFlag, type Values } from '../command.ts';

type Signal = 'SIGTERM' | 'SIGINT';

/** A shell's exit code for a program that a signal ended. */
const SIGNAL_BASE = 128;
const GRPC_UNAVAILABLE = 14;
const GRPC_DEADLINE_EXCEEDED = 4;

export async function run({ values, positionals, err }: Invocation): Promise<number> {
  const stopped = firstSignal();
  const giveUp = new AbortController();
  void stopped.then(() => giveUp.abort());
  const registration = await registered({ ...optionsOf(values, err), signal: giveUp.signal });
  const { name, service, address, port } = registration.instance;
  err(`registered ${name} of ${service} at ${address}:${port}\n`);
  const [command, ...args] = positionals;
  const code = await (command === undefined
    ? stopped.then(() => EXIT.ok)
    : runBeside(command, args, stopped, registration));
  await registration.leave();
  err(`${name} of ${service} has left\n`);
  return code;
}

function optionsOf(values: Values, err: (text: string) => void): RegistrationOptions {
  const rootFile = textFlag(values, 'ca-root');
  const tokenFile = textFlag(values, 'token-file');
  const lease = textFlag(values, 'lease');
  const target = textFlag(values, 'server') ?? (rootFile === null ? '127.0.0.1:15010' : '127.0.0.1:15012');
  return {
    target,
    instance: instanceOf(values),
    onTrouble: onChange((reason) => err(`fairlead register: discovery at ${target}: ${reason}; trying again\n`)),
    ...(lease === null ? {} : { leaseSeconds: wholeSeconds(lease) }),
    ...(rootFile === null ? {} : { rootFile: readable('ca-root', rootFile) }),
    // Read at each use, so that the file may be replaced before the token in it is too old.
    ...(tokenFile === null ? {} : { token: () => readFileSync(readable('token-file', tokenFile), 'utf8') }),
  };
}

/** The same trouble again and again is told once. */
function onChange(tell: (reason: string) => void): (reason: string) => void {
  let last = '';
  return (reason) => {
    if (reason !== last) tell(reason);
    last = reason;
  };
}

function instanceOf(values: Values): RegistrationOptions['instance'] {
  const service = requiredFlag(values, 'service');
  requiredFlag(values, 'port');
  const appPort = portFlag(values, 'app-port', null);
  const version = textFlag(values, 'version-label');
  const weight = textFlag(values, 'weight');
  return {
    service,
    namespace: textFlag(values, 'namespace') ?? 'default',
    name: textFlag(values, 'name') ?? '',
    address: textFlag(values, 'address') ?? '127.0.0.1',
    port: portFlag(values, 'port', null) as number,
    zone: textFlag(values, 'zone') ?? '',
    ...(appPort === null ? {} : { appPort }),
    ...(weight === null ? {} : { weight: weightOf(weight) }),
    ...(version === null ? {} : { labels: { version } }),
  };
}

function weightOf(text: string): number {
  if (!/^\d{1,3}$/.test(text))
    throw new CommandError(`--weight: ${JSON.stringify(text)} is not a number from 1 to 128`, EXIT.usage);
  return Number(text);
}

function wholeSeconds(text: string): number {
  const ms = parseDuration(text);
  if (ms === null || ms < 1000)
    throw new CommandError(`--lease: ${JSON.stringify(text)} is not a duration of at least 1s, like 30s`, EXIT.usage);
  return Math.round(ms / 1000);
}

/** The path, when there is a file that can be read. */
function readable(flag: string, file: string): string {
  try {
    readFileSync(file);
    return file;
  } catch (error) {
    throw new CommandError(`--${flag}: ${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`);
  }
}

async function registered(options: RegistrationOptions): Promise<Registration> {
  try {
    return await register(options);
  } catch (error) {
    if (!(error instanceof RegistrationError)) throw error;
    const away = error.code === GRPC_UNAVAILABLE || error.code === GRPC_DEADLINE_EXCEEDED;
    const advice = away ? '; is it running? name another with --server' : '';
    throw new CommandError(`${error.message}${advice}`, away ? EXIT.unreachable : EXIT.failure);
  }
}

function firstSignal(): Promise<Signal> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
  });
}

/** On a signal the instance leaves first, and then the command is told: nobody starts a request to it meanwhile. */
async function runBeside(
  command: string,
  args: readonly string[],
  stopped: Promise<Signal>,
  registration: Registration,
): Promise<number> {
  const child = spawn(command, args, { stdio: 'inherit' });
  void stopped.then(async (signal) => {
    await registration.leave();
    child.kill(signal);
  });
  return new Promise((resolve, reject) => {
    child.once('error', (error) => {
      void registration.leave().then(() => reject(new CommandError(`${command} cannot be started (${error.message})`)));
    });
    child.once('exit', (code, signal) => resolve(code ?? SIGNAL_BASE + constants.signals[signal as Signal]));
  });
}
