// The admin server of a program: a table of pages on a loopback port. It refuses what a web page in
// somebody's browser could send it (other Host: DNS rebinding; other Origin: cross-site requests), and
// changes anything only by POST.

import { rename, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { BlockList, isIP, type AddressInfo } from 'node:net';

export interface Page {
  readonly path: string;
  /** POST: it changes something, and GET is refused. GET pages take POST too, as Envoy's do. */
  readonly method: 'GET' | 'POST';
  readonly summary: string;
  /** Query parameters with what they mean, for /help. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Listed in /help or not. */
  readonly hidden?: boolean;
  handle(request: PageRequest): PageResponse | Promise<PageResponse>;
}

export interface PageRequest {
  readonly query: URLSearchParams;
  readonly method: string;
  /** At most MAX_BODY_BYTES. */
  readonly body: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface PageResponse {
  readonly status?: number;
  /** Default: text/plain; charset=UTF-8. */
  readonly contentType?: string;
  /** Text is UTF-8; pieces are sent as they come, with regard to what the client can take. */
  readonly body: string | Buffer | AsyncIterable<string>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Runs when the answer is on its way (to end the process, for one). */
  readonly afterwards?: () => void;
}

export interface AdminOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly pages: readonly Page[];
  /** Name in headings and in the `server` header. */
  readonly name: string;
  /** The bound address is written there, `host:port`. */
  readonly addressPath?: string | undefined;
  /** Other names under which this server may be called, e.g. in a container network. */
  readonly hostNames?: readonly string[];
  /** Binding elsewhere than on loopback is refused unless this is set. */
  readonly anyAddress?: boolean;
}

export interface Admin {
  readonly address: { readonly host: string; readonly port: number };
  close(): Promise<void>;
}

export const MAX_BODY_BYTES = 1024 * 1024;
const MAX_CONNECTIONS = 100;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;

export async function serveAdmin(options: AdminOptions): Promise<Admin> {
  if (options.anyAddress !== true && !isLoopback(options.host)) {
    throw new Error(`the admin server is for this machine only: ${options.host} is no loopback address`);
  }
  const table = new Map(withHelp(options).map((page) => [page.path, page]));
  const server = createServer(
    { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS },
    (request, response) => {
      answer(request, response, table, options).catch((error: unknown) => fail(response, error));
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  await listen(server, options);
  const bound = server.address() as AddressInfo;
  const address = { host: bound.address, port: bound.port };
  if (options.addressPath !== undefined) await writeAddress(options.addressPath, address);
  return { address, close: () => close(server) };
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

function isLoopback(host: string): boolean {
  if (host === 'localhost') return true;
  const version = isIP(host);
  return version !== 0 && LOOPBACK.check(host, version === 4 ? 'ipv4' : 'ipv6');
}

function listen(server: Server, { host, port }: AdminOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Whoever waits for the file never reads half of it. */
async function writeAddress(path: string, { host, port }: Admin['address']): Promise<void> {
  const text = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, text);
  await rename(temporary, path);
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  table: ReadonlyMap<string, Page>,
  options: AdminOptions,
): Promise<void> {
  const refusal = strangerRefusal(request, options);
  if (refusal !== null) return send(response, { status: 403, body: `${refusal}\n` }, request, options);
  const [path = '', query = ''] = splitTarget(request.url ?? '/');
  const page = table.get(path);
  if (page === undefined)
    return send(response, { status: 404, body: `invalid path. ${helpText(table)}` }, request, options);
  if (page.method === 'POST' && request.method !== 'POST') {
    const body = `Method ${request.method} not allowed, POST required.`;
    return send(response, { status: 405, body, headers: { allow: 'POST' } }, request, options);
  }
  const body = await readBody(request);
  if (body === null) return send(response, { status: 413, body: 'request body too large\n' }, request, options);
  const page_request = {
    query: new URLSearchParams(query),
    method: request.method ?? 'GET',
    body,
    headers: request.headers,
  };
  return send(response, await page.handle(page_request), request, options);
}

function splitTarget(target: string): [string, string] {
  const mark = target.indexOf('?');
  return mark < 0 ? [target, ''] : [target.slice(0, mark), target.slice(mark + 1)];
}

/** Why a request is not from a tool on this machine; null: it may be. */
function strangerRefusal(request: IncomingMessage, options: AdminOptions): string | null {
  const known = (authority: string) => {
    const host = authority
      .replace(/:\d+$/, '')
      .replace(/^\[(.*)\]$/, '$1')
      .toLowerCase();
    return isLoopback(host) || host === options.host || (options.hostNames ?? []).includes(host);
  };
  const { host, origin } = request.headers;
  if (host !== undefined && !known(host)) return `host ${JSON.stringify(host)} is not this server`;
  if (origin === undefined) return null;
  const found = /^https?:\/\/([^/]+)$/.exec(origin);
  return found !== null && known(found[1] as string) ? null : `origin ${JSON.stringify(origin)} may not ask here`;
}

/** null: too large. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > MAX_BODY_BYTES) return null;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

async function send(
  response: ServerResponse,
  page: PageResponse,
  request: IncomingMessage,
  options: AdminOptions,
): Promise<void> {
  response.writeHead(page.status ?? 200, {
    'content-type': page.contentType ?? 'text/plain; charset=UTF-8',
    'cache-control': 'no-cache, max-age=0',
    'x-content-type-options': 'nosniff',
    server: options.name,
    ...(page.status === 413 ? { connection: 'close' } : {}),
    ...page.headers,
  });
  if (page.afterwards !== undefined) response.once('finish', page.afterwards);
  if (request.method === 'HEAD') response.end();
  else if (typeof page.body === 'string' || Buffer.isBuffer(page.body)) response.end(page.body);
  else await sendPieces(response, page.body);
}

async function sendPieces(response: ServerResponse, pieces: AsyncIterable<string>): Promise<void> {
  for await (const piece of pieces) {
    if (response.destroyed) return;
    if (!response.write(piece)) await drained(response);
  }
  response.end();
}

/** Resolves when more may be written, or when nobody reads any more. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}

function fail(response: ServerResponse, error: unknown): void {
  if (response.headersSent) response.destroy();
  else response.writeHead(500, { 'content-type': 'text/plain; charset=UTF-8' }).end(`${(error as Error).message}\n`);
}

/** The pages of the program, and the two that list them. */
function withHelp(options: AdminOptions): Page[] {
  const pages: Page[] = [
    ...options.pages,
    {
      path: '/help',
      method: 'GET',
      summary: 'print out list of admin commands',
      handle: () => ({ body: helpText(table) }),
    },
    {
      path: '/',
      method: 'GET',
      summary: 'Admin home page',
      handle: () => ({
        contentType: 'text/html; charset=UTF-8',
        body: homePage(table, options.name),
        headers: { 'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'" },
      }),
    },
  ];
  const table = new Map(pages.map((page) => [page.path, page]));
  return pages;
}

function listed(table: ReadonlyMap<string, Page>): Page[] {
  return [...table.values()].filter(({ hidden }) => hidden !== true).sort((a, b) => (a.path < b.path ? -1 : 1));
}

function helpText(table: ReadonlyMap<string, Page>): string {
  const lines = listed(table).flatMap(({ path, method, summary, parameters = {} }) => [
    `  ${path}${method === 'POST' ? ' (POST)' : ''}: ${summary}`,
    ...Object.entries(parameters).map(([name, meaning]) => `      ${name}: ${meaning}`),
  ]);
  return `admin commands are:\n${lines.join('\n')}\n`;
}

function homePage(table: ReadonlyMap<string, Page>, name: string): string {
  const rows = listed(table).map(({ path, method, summary }) => {
    const link =
      method === 'POST'
        ? `<form method="post" action="${escaped(path)}"><button>${escaped(path)}</button></form>`
        : `<a href="${escaped(path)}">${escaped(path)}</a>`;
    return `<tr><td>${link}</td><td>${escaped(summary)}</td></tr>`;
  });
  const style =
    'body{font:14px/1.5 system-ui,sans-serif;margin:2rem;max-width:60rem}td{padding:.2rem 1rem .2rem 0;vertical-align:top}form{margin:0}';
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escaped(name)} admin</title><style>${style}</style></head><body><h1>${escaped(name)} admin</h1><table>${rows.join('')}</table></body></html>\n`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
