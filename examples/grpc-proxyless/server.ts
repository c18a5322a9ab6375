// A gRPC server that knows nothing of the mesh: NAME=one PORT=50052 scripts/run.sh examples/grpc-proxyless/server.ts

import { type sendUnaryData, Server, ServerCredentials, type ServerUnaryCall } from '@grpc/grpc-js';
import { Greeter, type GreetRequest, type GreetResponse } from './greeter.ts';

const { NAME = 'one', PORT = '50052' } = process.env;

const server = new Server();
server.addService(Greeter.service, {
  greet: (call: ServerUnaryCall<GreetRequest, GreetResponse>, done: sendUnaryData<GreetResponse>) =>
    done(null, { text: `hello, ${call.request.name}`, from: NAME }),
});
server.bindAsync(`127.0.0.1:${PORT}`, ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error;
  process.stdout.write(`${NAME} listens on ${PORT}\n`);
});
process.on('SIGTERM', () => server.tryShutdown(() => process.exit(0)));
