// The small service of the examples. It answers every request with its name and with who called, as its
// sidecar tells it; with $ASKS it first asks that service, by name, through its own sidecar, and passes the
// answer on. It knows nothing of certificates, addresses or retries: that is the sidecar's work.
//   NAME=web PORT=8080 ASKS=hello MESH=http://127.0.0.1:15001 scripts/run.sh examples/say.ts

import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';

const { NAME = 'hello', PORT = '9000', ASKS, MESH = 'http://127.0.0.1:15001' } = process.env;

/** x-forwarded-client-cert of the sidecar: `By=spiffe://us;Hash=...;URI=spiffe://the-caller`. */
function caller({ headers }: IncomingMessage): string {
  const uri = /(?:^|;)URI=([^;,]+)/.exec(String(headers['x-forwarded-client-cert'] ?? ''))?.[1];
  return uri === undefined ? '' : `, called by ${uri}`;
}

function say(incoming: IncomingMessage, response: ServerResponse): void {
  response.end(`${NAME}${caller(incoming)}\n`);
}

/** Headers of the caller's that belong to the whole journey go on. */
function passOn({ headers }: IncomingMessage, service: string): Record<string, string> {
  const kept = ['x-request-id', 'traceparent', 'x-beta'].flatMap((name) => {
    const value = headers[name];
    return typeof value === 'string' ? [[name, value]] : [];
  });
  return { ...Object.fromEntries(kept), host: service };
}

function ask(incoming: IncomingMessage, response: ServerResponse, service: string): void {
  const call = request(MESH, { path: incoming.url, headers: passOn(incoming, service) }, (answer) => {
    response.writeHead(answer.statusCode ?? 502);
    response.write(`${NAME} heard: `);
    answer.pipe(response);
  });
  call.on('error', (error) => response.writeHead(502).end(`${NAME} heard nothing: ${error.message}\n`));
  call.end();
}

const server = createServer((incoming, response) =>
  ASKS === undefined ? say(incoming, response) : ask(incoming, response, ASKS),
);
server.listen(Number(PORT), '127.0.0.1', () => process.stdout.write(`${NAME} listens on ${PORT}\n`));
process.on('SIGTERM', () => server.close());
