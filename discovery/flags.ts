// Discovery's flags: apart from what reads them, so that the command line knows them without loading it.

/** Every flag, once: the parser, `--help` and the docs are made from this. */
export const DISCOVERY_FLAGS = {
  config: {
    type: 'string',
    multiple: true,
    value: 'FILE',
    help: 'mesh file or folder; may be given several times (default ./mesh.yaml, /etc/fairlead/mesh.yaml)',
  },
  'xds-address': {
    type: 'string',
    value: 'HOST:PORT',
    help: 'plaintext xDS, loopback only (default 127.0.0.1:15010; port 0: any free one)',
  },
  'insecure-xds': {
    type: 'boolean',
    help: 'allow plaintext xDS off loopback: anybody on the network can read the configuration',
  },
  'secure-xds-address': {
    type: 'string',
    value: 'HOST:PORT',
    help: 'xDS and certificate authority over TLS; "off" for none (default 127.0.0.1:15012)',
  },
  'secure-name': {
    type: 'string',
    multiple: true,
    value: 'NAME',
    help: 'further name or address for the certificate of the TLS port',
  },
  'admin-address': {
    type: 'string',
    value: 'HOST:PORT',
    help: 'admin pages and registration over HTTP, loopback only (default 127.0.0.1:15014)',
  },
  'data-dir': { type: 'string', value: 'DIR', help: 'certificate authority and registrations (default ./.fairlead)' },
  'leaf-ttl': {
    type: 'string',
    value: 'DURATION',
    help: 'longest life of a workload certificate (default: as MeshPolicy says, 24h)',
  },
  'log-level': {
    type: 'string',
    value: 'LEVEL',
    help: 'info, or debug, warn, ... ; also by component: info,xds:debug (default info)',
  },
  'address-file': { type: 'string', value: 'FILE', help: 'write the real addresses to FILE as JSON once ready' },
} as const;
