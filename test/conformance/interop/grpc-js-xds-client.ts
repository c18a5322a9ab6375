// A proxyless gRPC client, in a process of its own because its bootstrap is read once per process: dials the
// target of its first argument N times and prints the answers as JSON.

import { type Client, credentials, makeClientConstructor } from '@grpc/grpc-js';
import { register } from '@grpc/grpc-js-xds';
import { ECHO } from './grpc-echo.ts';

register();
const [target = '', times = '1', method = 'say'] = process.argv.slice(2);
const client = new (makeClientConstructor(ECHO, 'echo'))(target, credentials.createInsecure());

function call(): Promise<string> {
  const deadline = new Date(Date.now() + 10_000);
  return new Promise((resolve, reject) => {
    const run = (client as Client & Record<string, (...args: unknown[]) => void>)[method] as (
      ...args: unknown[]
    ) => void;
    run.call(client, Buffer.from('hello'), { deadline }, (error: Error | null, answer: Buffer) =>
      error === null ? resolve(answer.toString()) : reject(error),
    );
  });
}

const answers: string[] = [];
for (let i = 0; i < Number(times); i++) answers.push(await call());
process.stdout.write(`${JSON.stringify(answers)}\n`);
client.close();
