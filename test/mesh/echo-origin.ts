// An HTTP origin that says its name and what it was asked.

import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

export interface Echo {
  readonly origin: string;
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

/** Resolves with its port. */
export function runEchoOrigin(t: TestContext, name: string): Promise<number> {
  const server = createServer((request, response) => {
    const { method = '', url: path = '', headers } = request;
    const echo: Echo = { origin: name, method, path, headers };
    response.setHeader('content-type', 'application/json').end(JSON.stringify(echo));
  });
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));
}
