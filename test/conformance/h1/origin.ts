// The origin behind the proxy: keeps exactly what it saw, by connection, and reads it strictly, so that
// anything two readers could understand differently is a fault. Answers each whole request with its
// number, unless the entry says what it answers.

import { createServer, type Server, type Socket } from 'node:net';
import { BodyReader } from './body-reader.ts';
import type { Changes } from './changes.ts';
import { framingOf, type ReadHead, readHead } from './head-reader.ts';

/** Requests to such targets are the runner's own and always answered. */
export const CANARY = '/canary/';

export interface SeenRequest {
  readonly n: number;
  /** The request before it once more, after the connection of that one had ended. */
  readonly again: boolean;
  readonly connection: number;
  /** Its head, as it came. */
  readonly text: string;
  readonly head: ReadHead;
  readonly body: BodyReader;
  readonly canary: boolean;
  /** What came after a switch of protocols. */
  tunnel: string;
}

export class Origin {
  readonly requests: SeenRequest[] = [];
  readonly faults: string[] = [];
  /** The entry says the answers. */
  scripted = false;
  /** What was said so far to the request that is asked, or will be said to the first. */
  #said = '';
  #ended: 'fin' | 'reset' | null = null;
  readonly #connections = new Map<number, Connection>();
  #accepted = 0;
  readonly #changes: Changes;
  readonly #server: Server;

  constructor(changes: Changes) {
    this.#changes = changes;
    this.#server = createServer({ noDelay: true }, (socket) => {
      const number = ++this.#accepted;
      this.#connections.set(number, new Connection(socket, number, this));
    });
  }

  listen(): Promise<number> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', () => resolve((this.#server.address() as { port: number }).port));
    });
  }

  touch(): void {
    this.#changes.touch();
  }

  /** Forgets what was seen, for the next play. Numbers go on. */
  forget(): void {
    this.requests.length = 0;
    this.faults.length = 0;
    this.#said = '';
    this.#ended = null;
    for (const [number, connection] of this.#connections) {
      connection.count = 0;
      if (connection.over) this.#connections.delete(number);
    }
  }

  /** The request that the entry is about: the last that is none of the runner's own. */
  get asked(): SeenRequest | undefined {
    return this.requests.findLast(({ canary }) => !canary);
  }

  /** Requests that came whole. */
  get wholes(): number {
    return this.requests.filter(({ body }) => body.done).length;
  }

  /** Says it to the request that is asked; held until there is one. */
  say(text: string): void {
    this.#said += text;
    if (this.asked === undefined) return;
    const connection = this.#connections.get(this.asked.connection);
    if (this.#said.startsWith(SWITCH)) connection?.switchTo(this.asked);
    connection?.socket.write(text, 'latin1');
  }

  end(how: 'fin' | 'reset'): void {
    if (this.asked === undefined) return;
    this.#ended = how;
    const socket = this.#connections.get(this.asked.connection)?.socket;
    if (how === 'fin') socket?.end();
    else socket?.resetAndDestroy();
  }

  /** Whether a head is the last request's again, whose connection is over: then it gets the same answer. */
  repeats(text: string): boolean {
    const { asked } = this;
    return asked !== undefined && asked.text === text && this.over(asked);
  }

  onWhole(request: SeenRequest, socket: Socket): void {
    if (request.canary || !this.scripted) socket.write(echoOf(request));
    else if (request.again || this.requests.length === 1) this.#sayAgain(socket);
  }

  #sayAgain(socket: Socket): void {
    if (this.#said !== '') socket.write(this.#said, 'latin1');
    if (this.#ended === 'fin') socket.end();
    if (this.#ended === 'reset') socket.resetAndDestroy();
  }

  over(request: SeenRequest): boolean {
    return this.#connections.get(request.connection)?.over ?? true;
  }

  /** Beginnings of requests on connections that are open. */
  get hanging(): boolean {
    return this.#any(({ over, unfinished }) => !over && unfinished);
  }

  /** Bytes of a request that are no whole head, on any connection of this play. */
  get unfinished(): boolean {
    return this.#any(({ count, unfinished }) => count > 0 && unfinished);
  }

  #any(is: (connection: Connection) => boolean): boolean {
    return [...this.#connections.values()].some(is);
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      for (const { socket } of this.#connections.values()) socket.destroy();
      this.#server.close(() => resolve());
    });
  }
}

const SWITCH = 'HTTP/1.1 101 ';
let numbers = 0;

class Connection {
  readonly socket: Socket;
  over = false;
  /** Bytes of this play. */
  count = 0;
  #rest = '';
  #open: SeenRequest | null = null;
  #tunnel: SeenRequest | null = null;
  readonly #number: number;
  readonly #origin: Origin;

  constructor(socket: Socket, number: number, origin: Origin) {
    this.socket = socket;
    this.#number = number;
    this.#origin = origin;
    socket.on('data', (bytes) => this.#read(bytes.toString('latin1')));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.over = true;
      origin.touch();
    });
  }

  get unfinished(): boolean {
    return this.#open !== null || this.#rest !== '';
  }

  /** From now on bytes are bytes. Before, none of them may have come: the switch could have been declined. */
  switchTo(request: SeenRequest): void {
    if (this.#tunnel === null && this.unfinished)
      this.#origin.faults.push('bytes of a tunnel that was not granted yet');
    this.#tunnel = request;
  }

  #read(text: string): void {
    this.count += text.length;
    if (this.#tunnel === null) this.#readRequests(text);
    else this.#tunnel.tunnel += text;
    this.#origin.touch();
  }

  #readRequests(text: string): void {
    this.#rest += text;
    while (this.#rest !== '' && (this.#open === null ? this.#takeHead() : this.#takeBody()));
  }

  #takeHead(): boolean {
    const end = this.#rest.indexOf('\r\n\r\n');
    if (end === -1) return false;
    const text = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end + 4);
    const head = readHead(text);
    const faults = [...head.faults, ...requestFaults(head)];
    const body = new BodyReader(framingOf(head, faults));
    this.#origin.faults.push(...faults);
    const canary = head.line.includes(` ${CANARY}`);
    const again = !canary && this.#origin.repeats(text);
    this.#open = { n: ++numbers, again, connection: this.#number, text, head, body, canary, tunnel: '' };
    this.#origin.requests.push(this.#open);
    return this.#takeBody();
  }

  #takeBody(): boolean {
    const open = this.#open as SeenRequest;
    this.#rest = open.body.feed(this.#rest);
    this.#origin.faults.push(...open.body.faults.splice(0));
    if (!open.body.done) return false;
    this.#open = null;
    this.#origin.onWhole(open, this.socket);
    return this.#rest !== '';
  }
}

const REQUEST_LINE = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [\x21-\x7e\x80-\xff]+ HTTP\/1\.[01]$/;

function requestFaults({ line, fields }: ReadHead): string[] {
  const faults = REQUEST_LINE.test(line) ? [] : [`a request line of ${JSON.stringify(line.slice(0, 80))}`];
  const hosts = fields.get('host')?.length ?? 0;
  if (hosts > 1 || (hosts === 0 && line.endsWith('1.1'))) faults.push(`${hosts} Host fields`);
  return faults;
}

function echoOf({ n, head }: SeenRequest): string {
  const body = `#${n}`;
  const text = `HTTP/1.1 200 OK\r\nx-seen: ${n}\r\ncontent-length: ${body.length}\r\n\r\n`;
  return head.line.startsWith('HEAD ') ? text : text + body;
}
