// The stream to discovery: state-of-the-world ADS over gRPC. Asks in the order CDS, EDS, LDS, RDS, SDS,
// answers every response with one ACK or NACK, comes back after every end with the versions it holds, and
// keeps what it has while discovery is away.

import type { ChannelCredentials, ChannelOptions, ClientDuplexStream } from '@grpc/grpc-js';
import { Client, Metadata } from '@grpc/grpc-js';
import { backoffMs } from '../../core/backoff.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import type { ReadWatch } from '../../core/watch.ts';
import { Watch } from '../../core/watch.ts';
import { ADS } from '../../proto/ads.ts';
import type { DiscoveryResponse } from '../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts';
import type { ResourceType } from '../../proto/resources.ts';
import { byTypeUrl, CLUSTER, ENDPOINT, LISTENER, RESOURCE_TYPES } from '../../proto/resources.ts';
import type { OpenedResponse } from './ads-messages.ts';
import { decodeResponse, encodeRequest, holdsEndpoints, openResponse } from './ads-messages.ts';
import type { AdsStatus, TypeStatus } from './ads-status.ts';
import { newTypeStatuses } from './ads-status.ts';
import type { NodeInfo } from './bootstrap/bootstrap.ts';
import { EmptyGuard } from './empty-guard.ts';
import { RepeatedRefusal } from './repeated-refusal.ts';
import type { Judge, Prepare, Refusal, ResourceUpdate, Source, Stop, Wanted } from './source.ts';
import { Subscription } from './subscription.ts';

export interface AdsOptions {
  /** gRPC target, e.g. `ipv4:127.0.0.1:15010`. */
  readonly target: string;
  readonly authority: string | null;
  /** Name asked of discovery's certificate and sent as SNI; an address cannot be one. */
  readonly serverName: string;
  readonly metadata: readonly { readonly key: string; readonly value: string }[];
  /** Asked for at the beginning of each stream, so that renewed certificates are used. */
  readonly credentials: () => ChannelCredentials;
  readonly node: NodeInfo;
  readonly clock: Clock;
  /** Wait for clusters before listeners are asked for, at most so long (milliseconds). */
  readonly initialFetchTimeoutMs: number;
  /** How long an empty full state of a new stream is not believed while something is in force (milliseconds). */
  readonly emptyHoldMs: number;
  readonly prepare: Prepare;
  readonly inForce: (type: ResourceType) => boolean;
  /** The cluster has endpoints now. */
  readonly hasEndpoints: (name: string) => boolean;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
}

export interface AdsSource {
  readonly source: Source;
  /** Published anew at each change; the numbers of the types count on in place. */
  readonly status: ReadWatch<AdsStatus>;
}

const BACKOFF = { baseMs: 500, maxMs: 30_000 };
/** A server that answers and closes at once is not asked again sooner than this after the last try. */
const SHORTEST_ROUND_MS = 1_000;
/** A full state of some ten thousand clusters is well above gRPC's default of 4 MiB. */
const MOST_RECEIVED_BYTES = 64 * 1024 * 1024;
const KEEPALIVE_MS = 10_000;

export function createAdsSource(options: AdsOptions): AdsSource {
  const status = new Watch<AdsStatus>({
    connected: false,
    types: newTypeStatuses(),
    connects: 0,
    failures: 0,
    lastError: '',
    controlPlane: '',
  });
  return { source: (judge, wanted) => new AdsClient(options, status, judge, wanted).start(), status };
}

type Call = ClientDuplexStream<Buffer, Buffer>;

interface Stream {
  readonly client: Client;
  readonly call: Call;
  readonly subscriptions: ReadonlyMap<ResourceType, Subscription>;
  readonly repeated: ReadonlyMap<ResourceType, RepeatedRefusal>;
  /** Types with a response that is not judged yet. */
  readonly preparing: Set<ResourceType>;
  readonly begunAt: number;
  nodeSent: boolean;
  answered: boolean;
}

class AdsClient {
  readonly #options: AdsOptions;
  readonly #status: Watch<AdsStatus>;
  readonly #judge: Judge;
  readonly #wanted: ReadWatch<Wanted>;
  readonly #guard: EmptyGuard;
  #stream: Stream | null = null;
  #attempt = 0;
  #retry: Timer | null = null;
  #listenersWait: Timer | null = null;
  #listenersMayCome = false;

  constructor(options: AdsOptions, status: Watch<AdsStatus>, judge: Judge, wanted: ReadWatch<Wanted>) {
    this.#options = options;
    this.#status = status;
    this.#judge = judge;
    this.#wanted = wanted;
    this.#guard = new EmptyGuard(options.clock, options.emptyHoldMs);
  }

  start(): Stop {
    const unsubscribe = this.#wanted.subscribe(() => this.#ask());
    this.#connect();
    return () => {
      unsubscribe();
      this.#retry?.cancel();
      this.#listenersWait?.cancel();
      this.#guard.stop();
      const stream = this.#stream;
      this.#stream = null;
      if (stream !== null) close(stream);
    };
  }

  #connect(): void {
    const { target, credentials, metadata, clock } = this.#options;
    const client = new Client(target, credentials(), this.#channelOptions());
    const headers = new Metadata();
    for (const { key, value } of metadata) headers.add(key, value);
    const { path, requestSerialize, responseDeserialize } = ADS.streamAggregatedResources;
    const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, headers);
    const subscriptions = new Map(RESOURCE_TYPES.map((type) => [type, new Subscription(type)]));
    const repeated = new Map(RESOURCE_TYPES.map((type) => [type, new RepeatedRefusal(clock)]));
    const begunAt = clock.now();
    const stream: Stream = {
      client,
      call,
      subscriptions,
      repeated,
      preparing: new Set(),
      begunAt,
      nodeSent: false,
      answered: false,
    };
    this.#stream = stream;
    this.#setStatus({ connects: this.#status.value.connects + 1 });
    call.on('data', (bytes: Buffer) => this.#onData(stream, bytes));
    call.on('error', (error: Error) => this.#onEnd(stream, error.message));
    call.on('end', () => this.#onEnd(stream, 'discovery ended the stream'));
    this.#ask();
  }

  #channelOptions(): ChannelOptions {
    const { authority, serverName } = this.#options;
    return {
      'grpc.max_receive_message_length': MOST_RECEIVED_BYTES,
      'grpc.keepalive_time_ms': KEEPALIVE_MS,
      'grpc.keepalive_timeout_ms': KEEPALIVE_MS,
      // One attempt for each stream; the waiting between them is ours.
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1_000,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.ssl_target_name_override': serverName,
      ...(authority === null ? {} : { 'grpc.default_authority': authority }),
    };
  }

  /** Sends what is wanted and was not asked for yet, in order of delivery. */
  #ask(): void {
    const stream = this.#stream;
    if (stream === null) return;
    for (const type of RESOURCE_TYPES) {
      const names = this.#wanted.value.get(type);
      const subscription = stream.subscriptions.get(type);
      if (subscription === undefined || names === undefined || !subscription.needs(names)) continue;
      if (type === LISTENER && !this.#mayAskListeners()) continue;
      subscription.asked(names);
      this.#typeStatus(type).attempts++;
      // The answer to what waits asks as well.
      if (!stream.preparing.has(type) && stream.repeated.get(type)?.release() !== true)
        this.#send(stream, subscription, []);
    }
  }

  /** Listeners after clusters: routes may only name clusters that are known (Envoy's order of start). */
  #mayAskListeners(): boolean {
    const known =
      !this.#wanted.value.has(CLUSTER) || this.#typeStatus(CLUSTER).accepted + this.#typeStatus(CLUSTER).rejected > 0;
    if (known || this.#listenersMayCome) {
      this.#listenersWait?.cancel();
      return true;
    }
    const { clock, initialFetchTimeoutMs } = this.#options;
    if (initialFetchTimeoutMs > 0)
      this.#listenersWait ??= clock.after(initialFetchTimeoutMs, () => this.#stopWaiting());
    return false;
  }

  #stopWaiting(): void {
    this.#listenersMayCome = true;
    this.#options.log.warn({ type: 'CDS' }, 'no clusters came from discovery in time; asking for listeners');
    this.#ask();
  }

  #send(stream: Stream, subscription: Subscription, refusals: readonly Refusal[]): void {
    const { type, nonce } = subscription;
    const node = stream.nodeSent ? null : this.#options.node;
    stream.nodeSent = true;
    stream.call.write(
      encodeRequest({
        type,
        names: subscription.names ?? null,
        version: this.#typeStatus(type).version,
        nonce,
        node,
        refusals,
      }),
    );
  }

  #onData(stream: Stream, bytes: Buffer): void {
    if (stream !== this.#stream) return;
    const response = decodeResponse(bytes);
    // What cannot be read cannot be answered, not even with a NACK: there is no nonce.
    if (response === null) this.#onEnd(stream, 'a response cannot be read');
    else this.#onResponse(stream, response);
  }

  #onResponse(stream: Stream, response: DiscoveryResponse): void {
    stream.answered = true;
    this.#attempt = 0;
    this.#setStatus({ connected: true, controlPlane: response.controlPlane?.identifier ?? '' });
    const type = byTypeUrl.get(response.typeUrl);
    const subscription = type === undefined ? undefined : stream.subscriptions.get(type);
    // A type that was never asked for gets no answer.
    if (type === undefined || subscription?.names === undefined) return;
    subscription.answered(response.nonce);
    const judge = () => this.#prepareResponse(stream, type, subscription, response);
    if (stream.repeated.get(type)?.holds(response, judge) !== true) judge();
  }

  /** While a large response is prepared the stream is not read, so that responses are judged in their order. */
  #prepareResponse(stream: Stream, type: ResourceType, subscription: Subscription, response: DiscoveryResponse): void {
    const opened = openResponse(type, response);
    const prepared = this.#options.prepare(type, opened.changed);
    if (prepared === null) {
      this.#judgeResponse(stream, subscription, response, opened);
      return;
    }
    stream.preparing.add(type);
    stream.call.pause();
    void prepared.then(() => {
      stream.preparing.delete(type);
      if (stream !== this.#stream) return;
      if (stream.preparing.size === 0) stream.call.resume();
      this.#judgeResponse(stream, subscription, response, opened);
    });
  }

  #judgeResponse(
    stream: Stream,
    subscription: Subscription,
    response: DiscoveryResponse,
    opened: OpenedResponse,
  ): void {
    const { type } = subscription;
    const refusals = this.#apply(subscription, opened, response.resources.length === 0);
    stream.repeated.get(type)?.judged(response, refusals.length > 0);
    this.#record(this.#typeStatus(type), response.versionInfo, refusals);
    this.#send(stream, subscription, refusals);
    this.#ask();
  }

  /** Hands the response to the judge; what was not asked for is passed over. */
  #apply(subscription: Subscription, opened: OpenedResponse, isEmpty: boolean): readonly Refusal[] {
    const { type } = subscription;
    const asked = opened.changed.filter(({ name }) => subscription.wants(name));
    const changed = type === ENDPOINT ? this.#believed(subscription, asked) : asked;
    // With something among them that has no name, nobody knows what is missing: then nothing is.
    const complete = type.fullState && opened.refusals.length === 0;
    const update = { type, changed, removed: [], complete };
    const empty = type.fullState && isEmpty;
    if (empty && this.#options.inForce(type) && this.#holdsBack(subscription, '', update)) return [];
    if (type.fullState && !empty) this.#onFilled(subscription, '');
    return [...opened.refusals, ...this.#judge(update)];
  }

  /** Endpoints but those that a new stream says are all gone. */
  #believed(subscription: Subscription, changed: ResourceUpdate['changed']): ResourceUpdate['changed'] {
    return changed.filter((resource) => {
      if (holdsEndpoints(resource.bytes)) {
        this.#onFilled(subscription, resource.name);
        return true;
      }
      const update = { type: ENDPOINT, changed: [resource], removed: [], complete: false };
      return !this.#options.hasEndpoints(resource.name) || !this.#holdsBack(subscription, resource.name, update);
    });
  }

  /** Whether nothing, in place of something that another stream brought, is not believed yet. */
  #holdsBack(subscription: Subscription, name: string, update: ResourceUpdate): boolean {
    const { type } = subscription;
    if (subscription.mayEmpty(name)) return false;
    const isWanted = () => name === '' || this.#wanted.value.get(type)?.has(name) === true;
    const held = this.#guard.holds(`${type.shortName} ${name}`, () => void (isWanted() && this.#judge(update)));
    if (!held) return false;
    this.#options.log.warn(
      { type: type.shortName, name },
      `discovery has nothing any more; what is in force stays for ${this.#options.emptyHoldMs} ms`,
    );
    return true;
  }

  #onFilled(subscription: Subscription, name: string): void {
    subscription.filled(name);
    this.#guard.filled(`${subscription.type.shortName} ${name}`);
  }

  #record(status: TypeStatus, version: string, refusals: readonly Refusal[]): void {
    const at = this.#options.clock.wall();
    if (refusals.length === 0) {
      status.version = version;
      status.accepted++;
      status.lastUpdate = at;
      status.lastRefusal = null;
    } else {
      status.rejected++;
      status.lastRefusal = { version, refusals, at };
      this.#options.log.warn(
        { type: status.type.shortName, version, refusals },
        'discovery sent resources that were refused',
      );
    }
    this.#setStatus({});
  }

  #onEnd(stream: Stream, reason: string): void {
    if (stream !== this.#stream) return;
    this.#stream = null;
    close(stream);
    const { clock } = this.#options;
    const { failures } = this.#status.value;
    this.#setStatus({ connected: false, lastError: reason, failures: stream.answered ? failures : failures + 1 });
    const wait = stream.answered ? Math.max(SHORTEST_ROUND_MS - (clock.now() - stream.begunAt), 0) : this.#nextWait();
    this.#options.log.warn({ reason, wait: Math.round(wait) }, 'the stream to discovery ended');
    this.#retry = clock.after(wait, () => this.#connect());
  }

  /** At least half the base: full jitter alone may mean no wait at all. */
  #nextWait(): number {
    this.#attempt++;
    return Math.max(
      backoffMs(BACKOFF, this.#attempt, () => this.#options.clock.random()),
      BACKOFF.baseMs / 2,
    );
  }

  #typeStatus(type: ResourceType): TypeStatus {
    const status = this.#status.value.types.get(type);
    if (status === undefined) throw new TypeError(`${type.typeUrl} is no type of this program`);
    return status;
  }

  #setStatus(change: Partial<AdsStatus>): void {
    this.#status.set({ ...this.#status.value, ...change });
  }
}

/** Ends a stream without hearing of it again. */
function close({ call, client, repeated }: Stream): void {
  for (const one of repeated.values()) one.stop();
  for (const event of ['data', 'error', 'end']) call.removeAllListeners(event);
  // A cancelled call emits one last error.
  call.on('error', () => undefined);
  call.cancel();
  client.close();
}
