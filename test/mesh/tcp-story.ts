// A sidecar with one TCP proxy before one or more origins, and its log lines: what most tests of it need.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type ProxyOptions, startProxy, type TestProxy } from './proxy.ts';
import { tcpBootstrap, tcpCluster, tcpFilter, type TcpOrigin, startTcpOrigin, type Peer, dialTcp } from './tcp.ts';

export interface TcpStory {
  readonly proxy: TestProxy;
  /** A client of the listener, and the origin's end of its connection. */
  pair(): Promise<{ readonly client: Peer; readonly server: Peer }>;
  client(): Promise<Peer>;
  /** Log lines so far, once there are `lines` of them. */
  log(lines: number): Promise<readonly string[]>;
}

export interface StoryPieces extends ProxyOptions {
  /** Fields of the TCP proxy; default: everything to the first cluster. */
  readonly fields?: string;
  readonly format?: string;
  /** Default: `a`, with the origin. */
  readonly clusters?: readonly string[];
  /** In front of the filters of the chain, e.g. `transport_socket: ..., `. */
  readonly chain?: string;
  readonly listener?: string;
  /** Filters before the TCP proxy, in flow style. */
  readonly before?: string;
}

export async function tcpOrigin(t: TestContext, greet?: (peer: Peer) => void): Promise<TcpOrigin> {
  const origin = await startTcpOrigin(greet);
  t.after(() => origin.close());
  return origin;
}

const FORMAT =
  '%RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %UPSTREAM_CLUSTER% %UPSTREAM_REQUEST_ATTEMPT_COUNT% %DOWNSTREAM_DETECTED_CLOSE_TYPE% %UPSTREAM_DETECTED_CLOSE_TYPE% %DOWNSTREAM_LOCAL_CLOSE_REASON%';

export async function tcpStory(t: TestContext, origin: TcpOrigin | null, pieces: StoryPieces = {}): Promise<TcpStory> {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-'));
  const path = join(folder, 'log');
  const { fields = 'cluster: a', format = FORMAT, chain = '', clusters, listener, before, ...options } = pieces;
  const proxy = await startProxy(
    tcpBootstrap({
      chains: [`${chain}filters: [${before === undefined ? '' : `${before}, `}${tcpFilter(fields, { path, format })}]`],
      clusters: clusters ?? [tcpCluster('a', origin === null ? [] : [origin.port])],
      ...(listener === undefined ? {} : { listener }),
    }),
    options,
  );
  t.after(async () => {
    await proxy.close();
    // Not before: its last lines are written when it closes.
    rmSync(folder, { recursive: true, force: true });
  });
  const client = async () => {
    const peer = await dialTcp(proxy.port());
    t.after(() => peer.socket.destroy());
    return peer;
  };
  return {
    proxy,
    client,
    pair: async () => {
      const one = await client();
      if (origin === null) throw new Error('there is no origin');
      return { client: one, server: await origin.next() };
    },
    log: async (lines) => {
      for (;;) {
        await proxy.flushLogs();
        const found = readFileSync(path, 'latin1').split('\n').slice(0, -1);
        if (found.length >= lines) return found;
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}
