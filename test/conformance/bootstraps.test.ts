// The project's own bootstraps, each run live beside Envoy: both proxies get the same file, the same requests
// and origins with the same script, and what clients, origins and the access log saw has to be the same.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { parse } from 'yaml';
import { openClient } from '../mesh/client.ts';
import { eventually } from '../mesh/discovery.ts';
import { envoyOrSkip, runEnvoy } from '../mesh/envoy.ts';
import { type Origin, startOrigin } from '../mesh/origin.ts';
import { startProxy } from '../mesh/proxy.ts';
import { tempDir } from '../temp-dir.ts';
import { normalMessage } from './normal-message.ts';

const FOLDER = join(import.meta.dirname, 'bootstraps');

interface Case {
  readonly about: string;
  /** The bootstrap's `static_resources`; `$o1` is the port of origin o1, `$log` a file, `$dead` a closed port. */
  readonly static_resources: unknown;
  /** Name -> answers in their order, the last for all further requests; `close` ends the connection, `silence` waits. */
  readonly origins: Readonly<Record<string, readonly string[]>>;
  /** Raw requests, each on a connection of its own that the proxy ends. */
  readonly requests: readonly string[];
  /** Number of lines that the access log has in the end; default: none is looked at. */
  readonly log_lines?: number;
}

interface Outcome {
  readonly answers: readonly string[];
  readonly seen: Readonly<Record<string, readonly string[]>>;
  readonly log: readonly string[];
}

const caseNames = readdirSync(FOLDER).sort();

describe('bootstraps, live beside Envoy', envoyOrSkip(), () => {
  for (const name of caseNames)
    it(name.replace('.yaml', ''), async (t) => {
      const text = readFileSync(join(FOLDER, name), 'utf8');
      const envoy = await outcome(t, text, startEnvoy);
      const ours = await outcome(t, text, startOurs);
      assert.ok(envoy.answers.length > 0);
      assert.deepEqual(ours, envoy);
    });
});

type Start = (t: TestContext, staticResources: unknown) => Promise<number>;

const startEnvoy: Start = async (t, staticResources) => {
  const admin = { address: { socket_address: { address: '127.0.0.1', port_value: 0 } } };
  const envoy = await runEnvoy(t, { admin, static_resources: staticResources });
  return Number((await envoy.listener('main')).split(':')[1]);
};

const startOurs: Start = async (t, staticResources) => {
  const proxy = await startProxy(JSON.stringify({ static_resources: staticResources }));
  t.after(() => proxy.close());
  return proxy.port();
};

async function outcome(t: TestContext, text: string, start: Start): Promise<Outcome> {
  const { origins: scripts } = parse(text) as Case;
  const origins = await startOrigins(t, scripts);
  const log = join(tempDir(t), 'access.log');
  const filled = text.replaceAll('$log', log).replaceAll('$dead', String(await closedPort()));
  const ready = parse(filled.replace(/\$(o\d)/g, (_, name: string) => String(origins[name]?.port))) as Case;
  const port = await start(t, ready.static_resources);
  const answers: string[] = [];
  for (const request of ready.requests) answers.push(normalMessage(await ask(port, request), [port]));
  const ports = [port, ...Object.values(origins).map((origin) => origin.port)];
  const seen = Object.entries(origins).map(([name, origin]) => [name, seenBy(origin, ports)]);
  return { answers, seen: Object.fromEntries(seen), log: await logLines(log, ready.log_lines ?? 0) };
}

function seenBy(origin: Origin, ports: readonly number[]): string[] {
  return origin.seen.map(({ head, body }) => normalMessage(`${head}\r\n\r\n${body}`, ports));
}

async function startOrigins(t: TestContext, scripts: Case['origins']): Promise<Record<string, Origin>> {
  const origins: Record<string, Origin> = {};
  for (const [name, answers] of Object.entries(scripts)) {
    const origin = await startOrigin((_, n, socket) => {
      const said = answers[Math.min(n, answers.length) - 1] ?? '';
      if (said === 'close') socket.destroy();
      return said === 'close' || said === 'silence' ? null : wire(said);
    });
    t.after(() => origin.close());
    origins[name] = origin;
  }
  return origins;
}

async function closedPort(): Promise<number> {
  const origin = await startOrigin();
  await origin.close();
  return origin.port;
}

async function ask(port: number, request: string): Promise<string> {
  const client = await openClient(port);
  await client.send(wire(request));
  return client.ended();
}

/** Lines of a YAML block as the wire has them. */
function wire(text: string): string {
  return text.replaceAll('\n', '\r\n');
}

async function logLines(file: string, expected: number): Promise<string[]> {
  if (expected === 0) return [];
  return eventually(() => {
    const lines = existsSync(file)
      ? readFileSync(file, 'utf8')
          .split('\n')
          .filter((line) => line !== '')
      : [];
    if (lines.length < expected) throw new Error(`${lines.length} of ${expected} lines are in the access log`);
    return lines;
  });
}
