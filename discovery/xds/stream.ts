// One client's ADS stream: nonces, order, ACK and NACK, back-pressure. All thinking is in subscription.ts
// and plan.ts; here are the wire, the timer and the bookkeeping for status.

import { create, toBinary } from '@bufbuild/protobuf';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Node } from '../../proto/gen/envoy/config/core/v3/base_pb.ts';
import { ClusterLoadAssignmentSchema } from '../../proto/gen/envoy/config/endpoint/v3/endpoint_pb.ts';
import { byTypeUrl, CLUSTER, ENDPOINT, RESOURCE_TYPES, type ResourceType } from '../../proto/resources.ts';
import { isHeldBack, nextResponse, type Plan, type PlanInput } from './plan.ts';
import { EMPTY_SNAPSHOT, type Resource, resourceOf, type Snapshot } from './snapshot.ts';
import { encodeResponse, type Request } from './sotw.ts';
import type { ClientStatus, RefusedResource, TypeStatus, XdsEvents } from './status.ts';
import { onRequest, onSent, refresh, type Subscription } from './subscription.ts';

/** How long a change of routes waits for a client to take the clusters that it names. */
export const HOLD_MS = 1000;
/** Requests of one client: a burst at start, then this many a second. */
export const REQUEST_BURST = 1000;
export const REQUESTS_PER_SECOND = 100;
/** Names that one client may ask for, by type. */
export const MAX_NAMES = 20_000;

/** Why a stream is ended by us, as a gRPC status. */
export interface StreamEnd {
  readonly code: 'INVALID_ARGUMENT' | 'RESOURCE_EXHAUSTED' | 'UNAVAILABLE';
  readonly details: string;
}

export type { Node };

export interface Wire {
  /** false: wait until `drained`. */
  write(bytes: Buffer): boolean;
  end(status: StreamEnd): void;
}

export interface Peer {
  readonly id: number;
  readonly address: string;
  /** SPIFFE id of a verified client certificate; null: none. */
  readonly identity: string | null;
  /** The stream is encrypted. */
  readonly secure: boolean;
}

export interface StreamOptions {
  readonly wire: Wire;
  readonly peer: Peer;
  readonly clock: Clock;
  readonly events: XdsEvents;
  /** The newest snapshot for a client; asked again on every change. */
  readonly snapshotFor: (node: Node, peer: Peer) => Snapshot;
}

interface Bookkeeping {
  lastSent: number;
  lastAcked: number;
  refused: Map<string, RefusedResource>;
}

export class AdsStream {
  readonly #options: StreamOptions;
  readonly #subscriptions = new Map<ResourceType, Subscription>();
  readonly #books = new Map<ResourceType, Bookkeeping>();
  readonly #connectedSince: number;
  #node: Node | null = null;
  #snapshot: Snapshot = EMPTY_SNAPSHOT;
  #nonces = 0;
  #blocked = false;
  #ended = false;
  #hold: Timer | null = null;
  #impatient = false;
  #changedAt: number | null = null;
  #tokens = REQUEST_BURST;
  #tokensAt: number;

  constructor(options: StreamOptions) {
    this.#options = options;
    this.#connectedSince = options.clock.wall();
    this.#tokensAt = options.clock.now();
  }

  /** A request came in. */
  receive(request: Request): void {
    if (this.#ended) return;
    const refusal = this.#refusalOf(request);
    if (refusal !== null) {
      this.#end(refusal);
      return;
    }
    if (this.#node === null) this.#open(request.node as Node);
    const type = byTypeUrl.get(request.typeUrl);
    // A type that we do not serve (runtime, extension configs): nothing exists, so nothing is ever said.
    if (type === undefined) return;
    this.#apply(type, request);
    this.#pump();
  }

  /** The newest snapshot may have changed. */
  refresh(): void {
    if (this.#ended || this.#node === null) return;
    const next = this.#options.snapshotFor(this.#node, this.#options.peer);
    if (next === this.#snapshot) return;
    this.#snapshot = next;
    this.#changedAt ??= this.#options.clock.now();
    this.#impatient = false;
    this.#pump();
  }

  /** The wire takes bytes again. */
  drained(): void {
    this.#blocked = false;
    this.#pump();
  }

  /** The client is gone. */
  close(): void {
    this.#ended = true;
    this.#hold?.cancel();
  }

  get open(): boolean {
    return !this.#ended && this.#node !== null;
  }

  get node(): Node | null {
    return this.#node;
  }

  status(): ClientStatus {
    const { peer } = this.#options;
    return {
      id: peer.id,
      nodeId: this.#node?.id ?? '',
      cluster: this.#node?.cluster ?? '',
      userAgent: [this.#node?.userAgentName, versionOf(this.#node)].filter(Boolean).join('/'),
      address: peer.address,
      identity: peer.identity ?? '',
      connectedSince: this.#connectedSince,
      types: RESOURCE_TYPES.filter((type) => this.#subscriptions.has(type)).map((type) => this.#typeStatus(type)),
    };
  }

  #open(node: Node): void {
    this.#node = node;
    this.#snapshot = this.#options.snapshotFor(node, this.#options.peer);
  }

  #refusalOf(request: Request): StreamEnd | null {
    if (request.typeUrl === '')
      return { code: 'INVALID_ARGUMENT', details: 'type_url is required on an aggregated stream' };
    if (this.#node === null && !request.node?.id)
      return { code: 'INVALID_ARGUMENT', details: 'node.id is required in the first request' };
    if (request.names.length > MAX_NAMES)
      return { code: 'RESOURCE_EXHAUSTED', details: `more than ${MAX_NAMES} resource names` };
    if (!this.#takeToken())
      return { code: 'RESOURCE_EXHAUSTED', details: `more than ${REQUESTS_PER_SECOND} requests a second` };
    return null;
  }

  #takeToken(): boolean {
    const now = this.#options.clock.now();
    this.#tokens = Math.min(REQUEST_BURST, this.#tokens + ((now - this.#tokensAt) / 1000) * REQUESTS_PER_SECOND);
    this.#tokensAt = now;
    this.#tokens -= 1;
    return this.#tokens >= 0;
  }

  #apply(type: ResourceType, request: Request): void {
    const { events, clock } = this.#options;
    const known = this.#subscriptions.get(type) ?? null;
    const isGrpc = this.#node?.userAgentName.startsWith('gRPC') ?? false;
    const { next, outcome } = onRequest(known, request, { fullState: type.fullState, legacyWildcard: !isGrpc });
    this.#subscriptions.set(type, next);
    const books = this.#booksOf(type);
    if (outcome === 'stale') events.stale(type);
    if (outcome === 'ack' && known?.pending !== null) {
      books.lastAcked = clock.wall();
      events.acked(type);
    }
    if (outcome === 'nack') events.refused(type, this.#node?.id ?? '', request.error ?? '');
    this.#noteRefusals(books, next);
  }

  #noteRefusals(books: Bookkeeping, { refused, refusedSet }: Subscription): void {
    const noted = new Map<string, RefusedResource>();
    const entries = refusedSet === null ? [...refused] : [...refused, ['', refusedSet] as const];
    for (const [name, refusal] of entries) {
      const before = books.refused.get(name);
      noted.set(
        name,
        before?.version === refusal.version ? before : { name, ...refusal, at: this.#options.clock.wall() },
      );
    }
    books.refused = noted;
  }

  /** Sends what can be sent, in order, until the wire is full or answers are awaited. */
  #pump(): void {
    while (!this.#ended && !this.#blocked) {
      const plan = nextResponse(this.#input());
      if (plan === null) break;
      this.#send(plan);
    }
    if (!this.#ended) this.#settle();
  }

  #input(): PlanInput {
    return { snapshot: this.#snapshot, subscriptions: this.#subscriptions, emptyEndpoints, impatient: this.#impatient };
  }

  #send({ type, difference }: Plan): void {
    const { wire, events, clock } = this.#options;
    const subscription = this.#subscriptions.get(type) as Subscription;
    const nonce = String(++this.#nonces);
    const bytes = encodeResponse({
      typeUrl: type.typeUrl,
      version: difference.version,
      nonce,
      resources: difference.send,
    });
    this.#subscriptions.set(type, onSent(subscription, difference.send, difference.removed, nonce, difference.version));
    if (type === CLUSTER) this.#resendEndpoints(subscription, difference.send);
    this.#booksOf(type).lastSent = clock.wall();
    events.sent(type, bytes.length);
    if (!wire.write(bytes)) this.#blocked = true;
  }

  /** A changed cluster warms up again in Envoy until its endpoints are sent once more, after the cluster. */
  #resendEndpoints(before: Subscription, sent: readonly Resource[]): void {
    const endpoints = this.#subscriptions.get(ENDPOINT);
    if (endpoints === undefined) return;
    const changed = sent.filter((cluster) => before.held.get(cluster.name)?.version !== cluster.version);
    this.#subscriptions.set(
      ENDPOINT,
      refresh(
        endpoints,
        changed.flatMap((cluster) => cluster.endpoints ?? []),
      ),
    );
  }

  /** Notes when a change has arrived everywhere, or lets time end a wait. */
  #settle(): void {
    const waiting = [...this.#subscriptions.values()].some((subscription) => subscription.pending !== null);
    const held = isHeldBack(this.#input());
    if (held && this.#hold === null) this.#hold = this.#options.clock.after(HOLD_MS, () => this.#loseProgress());
    if (!held) {
      this.#hold?.cancel();
      this.#hold = null;
    }
    if (waiting || held || this.#blocked || this.#changedAt === null) return;
    this.#options.events.converged(this.#options.clock.now() - this.#changedAt);
    this.#changedAt = null;
  }

  #loseProgress(): void {
    this.#hold = null;
    this.#impatient = true;
    this.#pump();
  }

  #end(status: StreamEnd): void {
    this.close();
    this.#options.events.turnedAway(status.details);
    this.#options.wire.end(status);
  }

  #booksOf(type: ResourceType): Bookkeeping {
    const found = this.#books.get(type);
    if (found !== undefined) return found;
    const made: Bookkeeping = { lastSent: 0, lastAcked: 0, refused: new Map() };
    this.#books.set(type, made);
    return made;
  }

  #typeStatus(type: ResourceType): TypeStatus {
    const subscription = this.#subscriptions.get(type) as Subscription;
    const books = this.#booksOf(type);
    return {
      type,
      subscribed: [...(subscription.wildcard ? ['*'] : []), ...subscription.names],
      versionSent: subscription.versionSent,
      versionAcked: subscription.versionAccepted,
      lastSent: books.lastSent,
      lastAcked: books.lastAcked,
      held: [...subscription.held.values()].map(({ name, version }) => ({ name, version })),
      refused: [...books.refused.values()],
      state: stateOf(subscription),
    };
  }
}

function stateOf(subscription: Subscription): TypeStatus['state'] {
  if (subscription.refused.size > 0 || subscription.refusedSet !== null) return 'refused';
  if (subscription.pending !== null) return 'stale';
  return subscription.versionSent === '' ? 'not-sent' : 'synced';
}

function versionOf(node: Node | null): string {
  const version = node?.userAgentVersionType;
  if (version?.case === 'userAgentVersion') return version.value;
  const build = version?.case === 'userAgentBuildVersion' ? version.value.version : undefined;
  return build === undefined ? '' : `${build.majorNumber}.${build.minorNumber}.${build.patch}`;
}

/** An assignment without endpoints: a client that waits for a name must hear that there is nothing. */
function emptyEndpoints(name: string): Resource {
  const bytes = toBinary(ClusterLoadAssignmentSchema, create(ClusterLoadAssignmentSchema, { clusterName: name }));
  return resourceOf({ type: ENDPOINT, name, bytes, endpoints: null });
}
