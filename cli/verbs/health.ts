// `fairlead health --local [URL]`: a health check without curl, for container images, and a way to wait in scripts.
// A program that has no page to ask (gRPC, plain connections) is ready when it takes a connection.

import { connect } from 'node:net';
import { systemClock } from '../../core/clock.ts';
import { parseDuration } from '../../core/config-scalars.ts';
import { CommandError, EXIT, type Invocation, textFlag } from '../command.ts';
import { fetchPage, type Page } from '../fetch.ts';

const DISCOVERY_READY = 'http://127.0.0.1:15014/ready';
const TCP = 'tcp://';
const TIMEOUT_MS = 3000;
/** Between two questions while waiting. */
const PAUSE_MS = 200;

export async function run({ positionals, values, out }: Invocation): Promise<number> {
  const url = positionals[0] ?? textFlag(values, 'url') ?? DISCOVERY_READY;
  if (!URL.canParse(url))
    throw new CommandError(`${JSON.stringify(url)} is not a URL, like ${DISCOVERY_READY}`, EXIT.usage);
  if (url.startsWith(TCP) && new URL(url).port === '')
    throw new CommandError(`${JSON.stringify(url)} names no port, like tcp://127.0.0.1:9000`, EXIT.usage);
  const end = systemClock.now() + waitMs(textFlag(values, 'wait'));
  let page = await get(url);
  while (page.status !== 200 && systemClock.now() < end) {
    await new Promise<void>((resolve) => systemClock.after(PAUSE_MS, resolve));
    page = await get(url);
  }
  const said = page.status === 0 ? `${url} does not answer (${page.body}); is the program running?` : page.body.trim();
  out(`${said || page.status}\n`);
  return page.status === 200 ? EXIT.ok : EXIT.failure;
}

function waitMs(text: string | null): number {
  if (text === null) return 0;
  const ms = parseDuration(text);
  if (ms === null) throw new CommandError(`--wait: ${JSON.stringify(text)} is not a duration, like 30s`, EXIT.usage);
  return ms;
}

/** Status 0 and the reason where there was no answer. */
function get(url: string): Promise<Page> {
  const answer = url.startsWith(TCP) ? accepted(new URL(url)) : fetchPage(url, TIMEOUT_MS);
  return answer.catch((error: Error) => ({ status: 0, body: error.message }));
}

/** Nothing is sent: what the program speaks is its own affair. */
function accepted({ hostname, port }: URL): Promise<Page> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port), timeout: TIMEOUT_MS });
    socket.on('connect', () => {
      socket.destroy();
      resolve({ status: 200, body: 'takes connections' });
    });
    socket.on('timeout', () => socket.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
    socket.on('error', (error: NodeJS.ErrnoException) => reject(new Error(error.message || error.code)));
  });
}
