// The small HTTP server under the admin pages and the registration API: loopback only, guarded against DNS
// rebinding and cross-site requests, bodies bounded, errors as JSON with a hint.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type HostPort, isLoopback } from './config.ts';

export const MAX_BODY_BYTES = 64 * 1024;
const HEADERS_TIMEOUT_MS = 5000;
const REQUEST_TIMEOUT_MS = 10_000;

export interface PageRequest {
  readonly path: string;
  readonly query: URLSearchParams;
  /** What the pattern's `:name` parts stood for. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface PageResponse {
  readonly status: number;
  readonly contentType?: string;
  readonly body: string;
}

export interface Page {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** `/v1/instances/:name`. */
  readonly path: string;
  readonly summary: string;
  readonly handle: (request: PageRequest) => PageResponse | Promise<PageResponse>;
}

export function json(status: number, value: unknown): PageResponse {
  return { status, contentType: 'application/json', body: `${JSON.stringify(value, null, 2)}\n` };
}

export function failure(status: number, error: string, hint: string): PageResponse {
  return json(status, { error, hint });
}

/** Starts serving; resolves with the server and its real address. */
export function servePages(
  address: HostPort,
  pages: readonly Page[],
  failed: (error: Error) => void,
): Promise<{ server: Server; address: HostPort }> {
  const server = createServer(
    { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS },
    (request, response) => {
      answer(request, pages).then(
        (page) => send(request, response, page),
        (error: Error) => {
          failed(error);
          send(request, response, failure(500, 'this page failed', 'the log of discovery says why'));
        },
      );
    },
  );
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(address.port, address.host, () => {
      server.off('error', reject);
      server.on('error', failed);
      resolve({ server, address: { host: address.host, port: (server.address() as AddressInfo).port } });
    });
  });
}

async function answer(request: IncomingMessage, pages: readonly Page[]): Promise<PageResponse> {
  const refusal = strangerProblem(request);
  if (refusal !== null) return failure(403, refusal, 'call it by a loopback name, from this machine');
  const url = new URL(request.url ?? '/', 'http://localhost');
  const matching = pages.flatMap((page) => {
    const parameters = matchPath(page.path, url.pathname);
    return parameters === null ? [] : [{ page, parameters }];
  });
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const found = matching.find(({ page }) => page.method === method);
  if (found === undefined && matching.length > 0)
    return failure(
      405,
      `${request.method} is not allowed here`,
      `use ${matching.map(({ page }) => page.method).join(' or ')}`,
    );
  if (found === undefined) return failure(404, `there is no page ${url.pathname}`, 'GET /help lists the pages');
  const body = await readBody(request);
  if (body === null) return failure(413, `the body is larger than ${MAX_BODY_BYTES / 1024} KiB`, 'send less');
  return found.page.handle({ path: url.pathname, query: url.searchParams, parameters: found.parameters, body });
}

/** A browser made to call us by another site's name, or by another site's script, is not the operator. */
function strangerProblem(request: IncomingMessage): string | null {
  const host = (request.headers.host ?? '').replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  if (!isLoopback(host)) return `Host ${JSON.stringify(request.headers.host ?? '')} is not a loopback name`;
  const { origin } = request.headers;
  if (origin === undefined) return null;
  const from = URL.canParse(origin) ? new URL(origin).host : '';
  return from === request.headers.host ? null : `requests from the origin ${origin} are refused`;
}

export function matchPath(pattern: string, path: string): Readonly<Record<string, string>> | null {
  const wanted = pattern.split('/');
  const given = path.split('/');
  if (wanted.length !== given.length) return null;
  const parameters: Record<string, string> = {};
  for (const [i, part] of wanted.entries()) {
    const value = given[i] as string;
    if (part.startsWith(':') && value !== '') parameters[part.slice(1)] = decodeURIComponent(value);
    else if (part !== value) return null;
  }
  return parameters;
}

async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function send(request: IncomingMessage, response: ServerResponse, page: PageResponse): void {
  response.writeHead(page.status, {
    ...(page.status === 204
      ? {}
      : {
          'content-type': page.contentType ?? 'text/plain; charset=utf-8',
          'content-length': Buffer.byteLength(page.body),
        }),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(request.method === 'HEAD' || page.status === 204 ? undefined : page.body);
}
