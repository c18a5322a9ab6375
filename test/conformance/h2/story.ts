// One test's own proxy between clients and an upstream that both say exactly what the test tells them.

import type { TestContext } from 'node:test';
import type { ManualClock } from '../../manual-clock.ts';
import { type BootstrapPieces, startProxy, type TestProxy } from '../../mesh/proxy.ts';
import * as f from './frames.ts';
import { HTTP2_UPSTREAM } from './lanes.ts';
import {
  connectPeer,
  fieldOf,
  type Heard,
  type Peer,
  type PeerOptions,
  type PeerOrigin,
  startPeerOrigin,
} from './peer.ts';

/** Requests to it are not answered by themselves. */
export const SLOW = '/slow';

export function pathOf({ heads }: Heard): string {
  return fieldOf(heads[0] ?? [], ':path') ?? '';
}

/** An upstream of HTTP/2 that answers all but what is slow. */
export async function startAnswering(): Promise<PeerOrigin> {
  const origin = await startPeerOrigin();
  origin.onRequest = (peer, id, heard) => {
    if (pathOf(heard) !== SLOW) peer.send(f.headers(id, f.response(200), false), f.data(id, 'ok'));
  };
  return origin;
}

export interface Story {
  readonly origin: PeerOrigin;
  readonly proxy: TestProxy;
  connected(how?: Partial<PeerOptions>): Promise<Peer>;
}

export async function story(
  t: TestContext,
  pieces: Partial<BootstrapPieces> = {},
  clock?: ManualClock,
): Promise<Story> {
  const origin = await startAnswering();
  t.after(() => origin.close());
  const all = { origins: { o1: origin.port }, cluster: { o1: HTTP2_UPSTREAM }, ...pieces };
  const proxy = await startProxy(all, clock === undefined ? {} : { clock });
  t.after(() => proxy.close());
  const connected = async (how: Partial<PeerOptions> = {}) => {
    const peer = await connectPeer(proxy.port(), how);
    t.after(() => peer.close());
    return peer;
  };
  return { origin, proxy, connected };
}

/** Says a body as the windows of the other end allow. Of a peer that gives SETTINGS before it begins. */
export class BodySender {
  sent = 0;
  readonly #peer: Peer;
  readonly #id: number;
  readonly #total: number;
  /** The last frame is not the end: something follows. */
  readonly #then: (() => void) | null;

  constructor(peer: Peer, id: number, total: number, then: (() => void) | null = null) {
    this.#peer = peer;
    this.#id = id;
    this.#total = total;
    this.#then = then;
    const before = peer.onFrame;
    peer.onFrame = (type, on) => {
      before?.(type, on);
      this.#go();
    };
    this.#go();
  }

  /** What may be said now. */
  get window(): number {
    const { room, settings } = this.#peer;
    const stream = (settings.get(f.SETTING.WINDOW) ?? 65_535) + (room.get(this.#id) ?? 0);
    return Math.min(stream - this.sent, 65_535 + (room.get(0) ?? 0) - this.#peer.bodySent);
  }

  get done(): boolean {
    return this.sent === this.#total;
  }

  #go(): void {
    if (this.done) return;
    for (let allowed = this.window; allowed > 0 && !this.done; allowed = this.window) {
      const length = Math.min(allowed, this.#total - this.sent, f.MOST_IN_FRAME);
      this.sent += length;
      this.#peer.bodySent += length;
      const end = this.done && this.#then === null;
      this.#peer.send(f.data(this.#id, Buffer.alloc(length, 0x61), end));
    }
    if (this.done) this.#then?.();
  }
}
