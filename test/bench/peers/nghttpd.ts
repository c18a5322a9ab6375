// The origin that answers over HTTP/2: nghttpd, for gRPC with the trailers that end a call.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Of the method that is called. */
export const GRPC_PATH = '/bench.Echo/Unary';
const MESSAGE = Buffer.from('0123456789'.repeat(10));

/** A message with its prefix, as calls and answers have it. */
export const GRPC_MESSAGE: Buffer = Buffer.concat([Buffer.from([0, 0, 0, 0, MESSAGE.length]), MESSAGE]);

/** Answers `/` with 100 bytes, and the method with a message of 100 bytes. */
export function nghttpdCommand(folder: string, port: number, grpc: boolean): readonly string[] {
  const root = join(folder, 'nghttpd');
  mkdirSync(join(root, 'bench.Echo'), { recursive: true });
  writeFileSync(join(root, 'index.html'), MESSAGE);
  writeFileSync(join(root, GRPC_PATH), GRPC_MESSAGE);
  const trailers = grpc ? ['--trailer=grpc-status: 0'] : [];
  return ['nghttpd', '--no-tls', '-a', '127.0.0.1', '-d', root, '-n', '1', ...trailers, String(port)];
}
