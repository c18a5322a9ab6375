// The flags of the bench: one table of them for each verb.

import { parseArgs } from 'node:util';

export const USAGE = `Usage: npm run bench -- [VERB] [FLAGS]

Without a verb: what a request costs us and our peers, side by side.
  --rounds N       rounds, peers taking turns in each; the median counts (default 5)
  --seconds N      length of one measurement (default 4)
  --quick          1 round of 1 second: does everything start?
  --only WORDS     of these scenarios and peers only, divided by commas: plain, pair, large, http2, grpc,
                   mesh, tcp, tcp-large, fairlead, envoy, nginx, haproxy, nghttpx
  --connections N  keep-alive connections (default 64)
  --json FILE      where the figures go (default .bench/result.json)

rate               latency at a fixed rate, side by side
  --per-second N   requests a second over all connections (default 11500)
  --rounds N       rounds, peers taking turns in each; the median counts (default 5)
  --seconds N      length of one measurement (default 10)
  --connections N  keep-alive connections (default 64)
  --only WORDS     of these peers only: fairlead, envoy, nginx, haproxy

concurrency        what a second worker thread gains: CPU per request of one and of two, and how connections spread
  --rounds N       rounds, one and two taking turns in each (default 7)
  --seconds N      length of one measurement (default 3)
  --connections N  keep-alive connections (default 64)

micro [NAME]       what the hot functions cost, one by one; NAME is part of a name

bodies             memory of the sidecar while a large body passes to a slow reader, each way
  --mib N          size of the body (default 1024)
  --slow-seconds N how long the reader is slow; then it reads freely (default 30)
  --rate N         bytes a second that it reads meanwhile (default 1000000)

idle               memory of idle connections, and what they cost the others
  --idle N         idle keep-alive connections (default 10000)
  --slow N         slow ones: a header byte now and then, or a slow reader (default 1000)
  --rounds N       how often the crowd comes (default 3)
  --pairs N        measurements while it is there, beside a proxy without it (default 10)
  --seconds N      length of one measurement (default 2)
  --rate N         requests a second of the others, with and without it each (default 1000)
  --only WORDS     of these peers only: fairlead, envoy

streams            memory of idle gRPC calls
  --calls N        server streams that are open at once (default 10000)
  --rounds N       how often they come (default 3)

windows            memory of the sidecar while streams with endless bodies, each way, are not read
  --streams N      on one connection (default 100)

soak               mixed load on a mesh that changes all the time: memory, handles and errors
  --minutes N      how long (default 20)
  --svg FILE       plot of memory over time (default .bench/soak.svg)

growth             CPU per request as connections, bodies, routes, clusters and endpoints grow
  --rounds N       rounds, peers taking turns in each (default 3)
  --seconds N      length of one measurement (default 2)
  --only WORDS     of these series and peers only: connections, bodies, routes, clusters, endpoints, fairlead, envoy, nginx
  --gib            bodies of 1 GiB as well
  --plots FOLDER   where the plots go (default .bench/plots)

endpoints          delay of the event loop while endpoints are applied, in the sidecar's process
  --count N        endpoints of the cluster (default 10000)
  --rounds N       how often they change (default 20)

Every verb but micro takes --json FILE (default .bench/VERB.json), and all --help.
`;

export interface MacroOptions {
  readonly kind: 'macro';
  readonly rounds: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly connections: number;
  readonly only: readonly string[];
  readonly json: string;
}

export interface RateOptions {
  readonly kind: 'rate';
  readonly perSecond: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
  readonly only: readonly string[];
  readonly json: string;
}

export interface ConcurrencyOptions {
  readonly kind: 'concurrency';
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
  readonly json: string;
}

export interface MicroOptions {
  readonly kind: 'micro';
  /** Part of a name; '' for all. */
  readonly only: string;
}

export interface BodiesOptions {
  readonly kind: 'bodies';
  readonly mib: number;
  readonly slowSeconds: number;
  readonly bytesPerSecond: number;
  readonly json: string;
}

export interface IdleOptions {
  readonly kind: 'idle';
  readonly idle: number;
  readonly slow: number;
  readonly rounds: number;
  readonly pairs: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly only: readonly string[];
  readonly json: string;
}

export interface StreamsOptions {
  readonly kind: 'streams';
  readonly calls: number;
  readonly rounds: number;
  readonly json: string;
}

export interface WindowsOptions {
  readonly kind: 'windows';
  readonly streams: number;
  readonly json: string;
}

export interface SoakOptions {
  readonly kind: 'soak';
  readonly minutes: number;
  readonly svg: string;
  readonly json: string;
}

export interface GrowthOptions {
  readonly kind: 'growth';
  readonly rounds: number;
  readonly seconds: number;
  readonly only: readonly string[];
  readonly gib: boolean;
  readonly plots: string;
  readonly json: string;
}

export interface EndpointsOptions {
  readonly kind: 'endpoints';
  readonly count: number;
  readonly rounds: number;
  readonly json: string;
}

export type Options =
  | MacroOptions
  | RateOptions
  | ConcurrencyOptions
  | MicroOptions
  | BodiesOptions
  | IdleOptions
  | StreamsOptions
  | WindowsOptions
  | SoakOptions
  | GrowthOptions
  | EndpointsOptions;

/** null: help was asked for. Throws for what is no verb, no flag or no number. */
export function readOptions(args: readonly string[]): Options | null {
  if (args.includes('--help') || args.includes('-h')) return null;
  const [first = ''] = args;
  if (first === '' || first.startsWith('-')) return macroOptions(args);
  const read = VERBS[first];
  if (read === undefined) throw new Error(`${first}? There are ${Object.keys(VERBS).join(', ')}`);
  return read(args.slice(1));
}

const VERBS: Readonly<Record<string, (args: readonly string[]) => Options>> = {
  rate: rateOptions,
  concurrency: concurrencyOptions,
  micro: ([only = '']) => ({ kind: 'micro', only }),
  bodies: bodiesOptions,
  idle: idleOptions,
  streams: streamsOptions,
  windows: windowsOptions,
  soak: soakOptions,
  growth: growthOptions,
  endpoints: endpointsOptions,
};

/** Flags with their defaults; those without one are switches. */
function flags<T extends Readonly<Record<string, string>>, S extends string = never>(
  args: readonly string[],
  defaults: T,
  ...switches: readonly S[]
): { readonly text: Readonly<Record<keyof T, string>>; readonly on: (name: S) => boolean } {
  const options = Object.fromEntries([
    ...Object.entries(defaults).map(([name, value]) => [name, { type: 'string', default: value }] as const),
    ...switches.map((name) => [name, { type: 'boolean' }] as const),
  ]);
  const { values } = parseArgs({ args: [...args], options });
  return {
    text: values as Record<keyof T, string>,
    on: (name: string) => (values as Readonly<Record<string, unknown>>)[name] === true,
  };
}

function macroOptions(args: readonly string[]): MacroOptions {
  const defaults = { rounds: '5', seconds: '4', connections: '64', only: '', json: '.bench/result.json' };
  const { text, on } = flags(args, defaults, 'quick');
  const quick = on('quick');
  return {
    kind: 'macro',
    rounds: quick ? 1 : wholeNumber('rounds', text.rounds),
    seconds: quick ? 1 : wholeNumber('seconds', text.seconds),
    warmupSeconds: quick ? 1 : 5,
    connections: wholeNumber('connections', text.connections),
    only: words(text.only),
    json: text.json,
  };
}

function rateOptions(args: readonly string[]): RateOptions {
  const defaults = { 'per-second': '11500', rounds: '5', seconds: '10', connections: '64', only: '' };
  const { text } = flags(args, { ...defaults, json: '.bench/rate.json' });
  return {
    kind: 'rate',
    perSecond: wholeNumber('per-second', text['per-second']),
    rounds: wholeNumber('rounds', text.rounds),
    seconds: wholeNumber('seconds', text.seconds),
    connections: wholeNumber('connections', text.connections),
    only: words(text.only),
    json: text.json,
  };
}

function concurrencyOptions(args: readonly string[]): ConcurrencyOptions {
  const { text } = flags(args, { rounds: '7', seconds: '3', connections: '64', json: '.bench/concurrency.json' });
  return {
    kind: 'concurrency',
    rounds: wholeNumber('rounds', text.rounds),
    seconds: wholeNumber('seconds', text.seconds),
    connections: wholeNumber('connections', text.connections),
    json: text.json,
  };
}

function bodiesOptions(args: readonly string[]): BodiesOptions {
  const defaults = { mib: '1024', 'slow-seconds': '30', rate: '1000000', json: '.bench/bodies.json' };
  const { text } = flags(args, defaults);
  return {
    kind: 'bodies',
    mib: wholeNumber('mib', text.mib),
    slowSeconds: wholeNumber('slow-seconds', text['slow-seconds']),
    bytesPerSecond: wholeNumber('rate', text.rate),
    json: text.json,
  };
}

function idleOptions(args: readonly string[]): IdleOptions {
  const defaults = { idle: '10000', slow: '1000', rounds: '3', pairs: '10', seconds: '2', rate: '1000', only: '' };
  const { text } = flags(args, { ...defaults, json: '.bench/idle.json' });
  return {
    kind: 'idle',
    idle: wholeNumber('idle', text.idle),
    slow: wholeNumber('slow', text.slow),
    rounds: wholeNumber('rounds', text.rounds),
    pairs: wholeNumber('pairs', text.pairs),
    seconds: wholeNumber('seconds', text.seconds),
    perSecond: wholeNumber('rate', text.rate),
    only: words(text.only),
    json: text.json,
  };
}

function streamsOptions(args: readonly string[]): StreamsOptions {
  const { text } = flags(args, { calls: '10000', rounds: '3', json: '.bench/streams.json' });
  const [calls, rounds] = [wholeNumber('calls', text.calls), wholeNumber('rounds', text.rounds)];
  return { kind: 'streams', calls, rounds, json: text.json };
}

function windowsOptions(args: readonly string[]): WindowsOptions {
  const { text } = flags(args, { streams: '100', json: '.bench/windows.json' });
  return { kind: 'windows', streams: wholeNumber('streams', text.streams), json: text.json };
}

function soakOptions(args: readonly string[]): SoakOptions {
  const { text } = flags(args, { minutes: '20', svg: '.bench/soak.svg', json: '.bench/soak.json' });
  return { kind: 'soak', minutes: wholeNumber('minutes', text.minutes), svg: text.svg, json: text.json };
}

function growthOptions(args: readonly string[]): GrowthOptions {
  const defaults = { rounds: '3', seconds: '2', only: '', plots: '.bench/plots', json: '.bench/growth.json' };
  const { text, on } = flags(args, defaults, 'gib');
  return {
    kind: 'growth',
    rounds: wholeNumber('rounds', text.rounds),
    seconds: wholeNumber('seconds', text.seconds),
    only: words(text.only),
    gib: on('gib'),
    plots: text.plots,
    json: text.json,
  };
}

function endpointsOptions(args: readonly string[]): EndpointsOptions {
  const { text } = flags(args, { count: '10000', rounds: '20', json: '.bench/endpoints.json' });
  return {
    kind: 'endpoints',
    count: wholeNumber('count', text.count),
    rounds: wholeNumber('rounds', text.rounds),
    json: text.json,
  };
}

function words(text: string): readonly string[] {
  return text.split(',').filter((word) => word !== '');
}

function wholeNumber(flag: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`--${flag}: "${text}" is not a whole number of 1 and more`);
  return value;
}
