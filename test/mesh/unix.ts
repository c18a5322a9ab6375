// Unix sockets in tests: YAML of their addresses, an origin that says what it was asked, one request by path.

import { createServer, request } from 'node:http';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { pipePath } from '../../core/addresses.ts';
import { tempDir } from '../temp-dir.ts';
import type { Answer } from './call.ts';

export function pipeAddress(path: string, mode = 0): string {
  return `{pipe: {path: "${path}"${mode === 0 ? '' : `, mode: ${mode}`}}}`;
}

/** A static cluster in flow style whose one endpoint is a Unix socket. `more`: further fields. */
export function pipeCluster(name: string, path: string, more = 'connect_timeout: 1s'): string {
  return `{name: ${name}, type: STATIC, ${more}, load_assignment: {cluster_name: ${name}, endpoints: [{lb_endpoints: [{endpoint: {address: ${pipeAddress(path)}}}]}]}}`;
}

/** Answers with the fields of the request as JSON. */
export async function startPipeOrigin(t: TestContext, path = join(tempDir(t), 'app.sock')): Promise<string> {
  const server = createServer((asked, response) => response.end(JSON.stringify(asked.headers)));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.on('error', reject);
  server.listen({ path: pipePath(path) }, resolve);
  await promise;
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return path;
}

/** What `curl --unix-socket PATH http://app/` does, or `--abstract-unix-socket`. */
export function callPipe(path: string, target = '/', headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const options = { socketPath: pipePath(path), path: target, headers: { host: 'app', ...headers }, agent: false };
  const asked = request(options, (response) => {
    let body = '';
    response.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
  });
  asked.on('error', reject);
  asked.end();
  return promise;
}
