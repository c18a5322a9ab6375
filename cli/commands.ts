// The table of commands. One row each; what a row does is imported when it is asked for.

import { compile } from '../core/compiler.ts';
import { DISCOVERY_FLAGS } from '../discovery/flags.ts';
import { SIDECAR_FLAGS } from '../sidecar/flags.ts';
import type { Command, Flags, Program, Run } from './command.ts';
import { packageVersion } from './version.ts';

const OUTPUT = { type: 'string', short: 'o', value: 'table|json', help: 'how to print (default: for people)' } as const;
const NAMESPACE = { type: 'string', short: 'n', value: 'NAME', help: 'namespace (default "default")' } as const;
const XDS_ADDRESS = {
  type: 'string',
  value: 'HOST:PORT',
  help: 'where discovery listens for xDS (default 127.0.0.1:15010)',
} as const;

function lazily(load: () => Promise<{ run: Run }>): Run {
  return async (invocation) => {
    const { run } = await load();
    compile();
    return run(invocation);
  };
}

export const PROGRAMS: readonly Program[] = [
  {
    name: 'discovery',
    summary: 'run the control plane',
    flags: DISCOVERY_FLAGS,
    examples: [
      'fairlead discovery --config mesh.yaml',
      'fairlead discovery --config mesh.yaml --xds-address 127.0.0.1:0 --address-file /tmp/addresses.json',
    ],
    main: async () => {
      const { main } = await import('../discovery/main.ts');
      return (args) => main(args, packageVersion());
    },
  },
  {
    name: 'sidecar',
    summary: "run the proxy (takes Envoy's flags: -c FILE, --mode validate, ...)",
    flags: null,
    ownFlags: SIDECAR_FLAGS,
    examples: ['fairlead sidecar -c envoy.yaml', 'fairlead sidecar --mode validate -c envoy.yaml'],
    compilesItself: true,
    main: async () => (await import('../sidecar/main.ts')).main,
  },
  {
    name: 'demo',
    summary: 'run the tea shop: a whole mesh on this machine',
    flags: null,
    examples: ['fairlead demo', 'fairlead demo --auto'],
    main: async () => (await import('../examples/tea-shop/main.ts')).main,
  },
];

function command(
  name: string,
  summary: string,
  operands: string,
  flags: Flags,
  examples: readonly string[],
  load: () => Promise<{ run: Run }>,
): Command {
  return { name, summary, operands, flags, examples, run: lazily(load) };
}

export const COMMANDS: readonly Command[] = [
  command(
    'validate',
    'find every mistake in mesh files, offline',
    'FILE...',
    { output: OUTPUT },
    ['fairlead validate mesh.yaml', 'fairlead validate -o json mesh.yaml'],
    () => import('./verbs/validate.ts'),
  ),
  command(
    'status',
    'who is connected to discovery, what they hold and what they refused',
    '',
    {
      server: { type: 'string', value: 'HOST:PORT', help: 'admin address of discovery (default 127.0.0.1:15014)' },
      output: OUTPUT,
    },
    ['fairlead status', 'fairlead status -o json'],
    () => import('./verbs/status.ts'),
  ),
  command(
    'bootstrap',
    'print a bootstrap file for a sidecar or a gateway',
    '',
    {
      service: { type: 'string', value: 'NAME', help: 'the service that the sidecar stands beside' },
      gateway: { type: 'string', value: 'NAME', help: 'the gateway to be' },
      namespace: NAMESPACE,
      id: { type: 'string', value: 'ID', help: 'node id (default made from address and service)' },
      'app-port': { type: 'string', value: 'PORT', help: 'where the application listens on 127.0.0.1' },
      'app-address': {
        type: 'string',
        value: 'ADDRESS',
        help: 'another address of the application, or unix:/PATH of its Unix socket',
      },
      address: { type: 'string', value: 'IP', help: 'address at which peers reach this sidecar (default 127.0.0.1)' },
      'inbound-port': { type: 'string', value: 'PORT', help: 'port at which peers reach this sidecar (default 15006)' },
      'outbound-port': {
        type: 'string',
        value: 'PORT',
        help: 'port at which the application reaches the mesh (default 15001)',
      },
      'outbound-address': { type: 'string', value: 'IP', help: 'address of that port (default 127.0.0.1)' },
      'gateway-port': { type: 'string', value: 'PORT', help: 'port of the gateway (default as declared)' },
      'admin-port': { type: 'string', value: 'PORT', help: 'admin port on 127.0.0.1 (default 15000)' },
      zone: { type: 'string', value: 'NAME', help: 'zone of this proxy' },
      'no-identity': {
        type: 'boolean',
        help: 'this proxy has no certificate of the mesh; it gets plain-text clusters',
      },
      'xds-address': XDS_ADDRESS,
      'xds-root': {
        type: 'string',
        value: 'FILE',
        help: 'PEM file by which discovery is recognised: speak TLS (then the port is 15012)',
      },
      output: { ...OUTPUT, value: 'yaml|json' },
    },
    [
      'fairlead bootstrap --service web --app-port 8080 > web.yaml',
      'fairlead bootstrap --gateway edge --gateway-port 8080',
    ],
    () => import('./verbs/bootstrap.ts'),
  ),
  command(
    'grpc-bootstrap',
    'print the bootstrap of a proxyless gRPC client',
    '',
    {
      'xds-address': XDS_ADDRESS,
      id: { type: 'string', value: 'ID', help: 'node id' },
      service: { type: 'string', value: 'NAME', help: "the client's own service" },
    },
    ['GRPC_XDS_BOOTSTRAP_CONFIG="$(fairlead grpc-bootstrap)" node client.js'],
    () => import('./verbs/grpc-bootstrap.ts'),
  ),
  command(
    'token',
    'make a join token, by which a workload gets its first certificate',
    '',
    {
      service: { type: 'string', value: 'NAME', help: 'the workload' },
      namespace: NAMESPACE,
      ttl: { type: 'string', value: 'DURATION', help: 'how long it can be used (default 24h)' },
      'data-dir': { type: 'string', value: 'DIR', help: 'data folder of discovery (default ./.fairlead)' },
    },
    ['fairlead token --service web --data-dir /var/lib/fairlead > web.token'],
    () => import('./verbs/token.ts'),
  ),
  command(
    'register',
    'register an instance with discovery for as long as this command, or the one after --, lives',
    '[-- COMMAND ARGS]',
    {
      service: { type: 'string', value: 'NAME', help: 'the service that the instance belongs to' },
      port: { type: 'string', value: 'PORT', help: 'port that peers dial' },
      address: { type: 'string', value: 'IP', help: 'address that peers dial (default 127.0.0.1)' },
      'app-port': {
        type: 'string',
        value: 'PORT',
        help: 'the application, where --port is that of a sidecar before it',
      },
      name: { type: 'string', value: 'NAME', help: 'name of the instance (default made up by discovery)' },
      namespace: NAMESPACE,
      'version-label': { type: 'string', value: 'VERSION', help: 'version by which routes may choose it' },
      zone: { type: 'string', value: 'NAME', help: 'zone of the instance' },
      weight: { type: 'string', value: 'N', help: 'share of traffic, 1 to 128 (default 1)' },
      lease: { type: 'string', value: 'DURATION', help: 'how long it stays when renewals stop coming (default 30s)' },
      server: {
        type: 'string',
        value: 'HOST:PORT',
        variable: 'FAIRLEAD_REGISTRY',
        help: 'discovery (default 127.0.0.1:15010; with --ca-root 127.0.0.1:15012); also $FAIRLEAD_REGISTRY',
      },
      'token-file': { type: 'string', value: 'FILE', help: 'join token of the service (see `fairlead token`)' },
      'ca-root': { type: 'string', value: 'FILE', help: 'PEM file by which discovery is recognised: speak TLS' },
    },
    [
      'fairlead register --service web --port 8080 --version-label v1',
      'fairlead register --service web --port 8080 -- node server.js',
    ],
    () => import('./verbs/register.ts'),
  ),
  command(
    'schema',
    'print the JSON Schema of mesh.yaml',
    '',
    {},
    ['fairlead schema > mesh.schema.json'],
    () => import('./verbs/schema.ts'),
  ),
  command(
    'health',
    'exit 0 when a program of this machine is ready',
    '[URL]',
    {
      local: { type: 'boolean', help: 'ask this machine (the default; for image health checks)' },
      url: {
        type: 'string',
        value: 'URL',
        help: 'page to ask, or tcp://HOST:PORT to connect to (default http://127.0.0.1:15014/ready)',
      },
      wait: { type: 'string', value: 'DURATION', help: 'ask again for so long until it is ready (default 0s)' },
    },
    ['fairlead health --local', 'fairlead health --wait 30s http://127.0.0.1:15000/ready'],
    () => import('./verbs/health.ts'),
  ),
  command(
    'version',
    'print the version',
    '',
    { output: OUTPUT },
    ['fairlead version'],
    () => import('./verbs/version.ts'),
  ),
];
