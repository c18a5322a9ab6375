// gRPC services -> streams. Keeps the open streams, admits new ones at a bounded rate, and tells all of
// them of changes in slices, so that one change for many clients does not stop the loop.

import type {
  ServerDuplexStream,
  ServerUnaryCall,
  ServiceDefinition,
  sendUnaryData,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { status as grpcStatus, Metadata } from '@grpc/grpc-js';
import type { Clock, Timer } from '../../core/clock.ts';
import { ADS } from '../../proto/ads.ts';
import type { Node } from '../../proto/gen/envoy/config/core/v3/base_pb.ts';
import type { Snapshot } from './snapshot.ts';
import { decodeRequest } from './sotw.ts';
import type { ClientStatus, XdsEvents } from './status.ts';
import { AdsStream, type Peer, type StreamEnd } from './stream.ts';

/** New streams: a burst, then this many a second; the rest are asked to come back. */
export const ADMISSION_BURST = 200;
export const ADMISSIONS_PER_SECOND = 50;
/** Streams open at once. */
export const MAX_STREAMS = 10_000;
/** Streams told of a change in one turn of the loop. */
const SLICE = 50;

/** A service as a gRPC server takes it. */
export interface GrpcService {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
}

export type RawCall = ServerDuplexStream<Buffer, Buffer>;

export interface HubOptions {
  readonly clock: Clock;
  readonly events: XdsEvents;
  readonly snapshotFor: (node: Node, peer: Peer) => Snapshot;
  /** Who the caller's verified certificate proves it to be, or null. */
  readonly identityOf: (call: RawCall) => ProvenIdentity | null;
}

export interface ProvenIdentity {
  readonly uri: string;
  /** The certificate holds so long, milliseconds since 1970. */
  readonly untilMs: number;
}

export class AdsHub {
  readonly #options: HubOptions;
  readonly #streams = new Map<number, AdsStream>();
  #ids = 0;
  #tokens = ADMISSION_BURST;
  #tokensAt: number;
  #telling: Iterator<AdsStream> | null = null;
  #again = false;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#tokensAt = options.clock.now();
  }

  /** AggregatedDiscoveryService; `secure`: for a port with TLS. */
  service(secure: boolean): GrpcService {
    return {
      definition: ADS,
      implementation: {
        streamAggregatedResources: (call: RawCall) => this.#accept(call, secure),
        deltaAggregatedResources: (call: RawCall) =>
          endCall(
            call,
            grpcStatus.UNIMPLEMENTED,
            'the incremental variant is not served in this version; use state of the world (api_type: GRPC)',
          ),
      },
    };
  }

  /** Snapshots may have changed: every stream looks. Calls during a round start one more round. */
  announce(): void {
    if (this.#telling !== null) {
      this.#again = true;
      return;
    }
    this.#telling = [...this.#streams.values()].values();
    this.#tellSlice();
  }

  clients(): readonly ClientStatus[] {
    return [...this.#streams.values()].filter((stream) => stream.open).map((stream) => stream.status());
  }

  /** Clients with their node, for CSDS. */
  *nodes(): Iterable<{ readonly node: Node; readonly status: ClientStatus }> {
    for (const stream of this.#streams.values()) {
      if (stream.node !== null) yield { node: stream.node, status: stream.status() };
    }
  }

  get size(): number {
    return this.#streams.size;
  }

  #tellSlice(): void {
    for (let i = 0; i < SLICE; i++) {
      const next = this.#telling?.next();
      if (next === undefined || next.done === true) {
        this.#told();
        return;
      }
      next.value.refresh();
    }
    setImmediate(() => this.#tellSlice());
  }

  #told(): void {
    this.#telling = null;
    if (!this.#again) return;
    this.#again = false;
    this.announce();
  }

  #accept(call: RawCall, secure: boolean): void {
    const refusal = this.#refusal();
    if (refusal !== null) {
      this.#options.events.turnedAway(refusal);
      endCall(call, grpcStatus.UNAVAILABLE, refusal);
      return;
    }
    const identity = this.#options.identityOf(call);
    const peer: Peer = { id: ++this.#ids, address: call.getPeer(), identity: identity?.uri ?? null, secure };
    const stream = this.#streamFor(call, peer);
    this.#streams.set(peer.id, stream);
    const ending = identity === null ? null : this.#endWith(identity, call, stream);
    const gone = () => {
      ending?.cancel();
      stream.close();
      this.#streams.delete(peer.id);
    };
    call.on('data', (bytes: Buffer) => this.#receive(call, stream, bytes));
    call.on('drain', () => stream.drained());
    call.on('end', () => {
      gone();
      call.end();
    });
    call.on('cancelled', gone);
    call.on('close', gone);
    // The peer went away in the middle of a write: the stream is over, there is nobody to tell.
    call.on('error', gone);
  }

  /** A stream lasts no longer than the certificate that opened it: the client comes again with its next one. */
  #endWith({ untilMs }: ProvenIdentity, call: RawCall, stream: AdsStream): Timer {
    const { clock } = this.#options;
    return clock.after(Math.max(untilMs - clock.wall(), 0), () => {
      stream.close();
      endCall(call, grpcStatus.UNAVAILABLE, 'the certificate of this stream has ended; come again with the next one');
    });
  }

  #streamFor(call: RawCall, peer: Peer): AdsStream {
    const { clock, events, snapshotFor } = this.#options;
    const wire = {
      write: (bytes: Buffer) => call.write(bytes),
      end: (end: StreamEnd) => endCall(call, grpcStatus[end.code], end.details),
    };
    return new AdsStream({ wire, peer, clock, events, snapshotFor });
  }

  #receive(call: RawCall, stream: AdsStream, bytes: Buffer): void {
    try {
      stream.receive(decodeRequest(bytes));
    } catch (error) {
      stream.close();
      endCall(
        call,
        grpcStatus.INVALID_ARGUMENT,
        `not a DiscoveryRequest: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }

  #admit(): boolean {
    const now = this.#options.clock.now();
    this.#tokens = Math.min(ADMISSION_BURST, this.#tokens + ((now - this.#tokensAt) / 1000) * ADMISSIONS_PER_SECOND);
    this.#tokensAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  #refusal(): string | null {
    if (this.#streams.size >= MAX_STREAMS) return `more than ${MAX_STREAMS} streams are open`;
    return this.#admit() ? null : 'too many new streams at once; try again shortly';
  }
}

function endCall(call: RawCall, code: number, details: string): void {
  call.emit('error', { code, details, metadata: new Metadata() });
}

/** A unary method from a plain function; what it throws with a `code` becomes that gRPC status. */
export function unary<I, O>(run: (request: I, call: ServerUnaryCall<I, O>) => O | Promise<O>) {
  return async (call: ServerUnaryCall<I, O>, done: sendUnaryData<O>): Promise<void> => {
    try {
      done(null, await run(call.request, call));
    } catch (error) {
      const { code, message } = error as { code?: unknown; message?: string };
      done({ code: typeof code === 'number' ? code : grpcStatus.INTERNAL, details: message ?? String(error) });
    }
  };
}

/** An error that becomes a gRPC status. */
export class StatusError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}
