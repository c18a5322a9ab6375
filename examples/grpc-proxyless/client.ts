// A gRPC client that finds its servers by xDS, without a proxy: it asks twenty times a second, and says each
// second who answered. The target is `xds:///SERVICE:PORT`; discovery stands in $GRPC_XDS_BOOTSTRAP_CONFIG.

import { type Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { register } from '@grpc/grpc-js-xds';
import { Greeter, type GreetRequest, type GreetResponse } from './greeter.ts';

type Greet = (
  request: GreetRequest,
  options: { readonly deadline: number },
  done: (error: ServiceError | null, response?: GreetResponse) => void,
) => void;

const EVERY_MS = 50;
const DEADLINE_MS = 5000;

register();
const target = process.argv[2] ?? 'xds:///greeter:50051';
const client = new Greeter(target, credentials.createInsecure()) as unknown as Client & { readonly greet: Greet };

let answers = new Map<string, number>();

function count(what: string): void {
  answers.set(what, (answers.get(what) ?? 0) + 1);
}

function ask(): void {
  client.greet({ name: 'mesh' }, { deadline: Date.now() + DEADLINE_MS }, (error, response) =>
    count(error === null ? (response?.from ?? '') : `failed: ${error.details}`),
  );
}

function tell(): void {
  const parts = [...answers].sort().map(([what, times]) => `${what} ${times}`);
  process.stdout.write(`${parts.join(', ') || 'no answer yet'}\n`);
  answers = new Map();
}

setInterval(ask, EVERY_MS);
setInterval(tell, 1000);
