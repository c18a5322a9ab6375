// `fairlead grpc-bootstrap`: the file of $GRPC_XDS_BOOTSTRAP by which a proxyless gRPC client finds discovery.

import { hostname } from 'node:os';
import { EXIT, type Invocation, textFlag } from '../command.ts';

export async function run({ values, out }: Invocation): Promise<number> {
  const bootstrap = {
    xds_servers: [
      {
        server_uri: textFlag(values, 'xds-address') ?? '127.0.0.1:15010',
        channel_creds: [{ type: 'insecure' }],
        server_features: ['xds_v3'],
      },
    ],
    // grpc-js-xds refuses a node without locality, although an empty one is enough.
    node: {
      id: textFlag(values, 'id') ?? `grpc~${hostname()}~${process.pid}`,
      cluster: textFlag(values, 'service') ?? 'grpc-client',
      locality: {},
      metadata: { GENERATOR: 'grpc' },
    },
  };
  out(`${JSON.stringify(bootstrap, null, 2)}\n`);
  return EXIT.ok;
}
