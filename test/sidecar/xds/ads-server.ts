// A scripted discovery server: tests see every request and send whatever response they like.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { ADS } from '../../../proto/ads.ts';
import type { DiscoveryRequest } from '../../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts';
import {
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from '../../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts';
import type { ResourceType } from '../../../proto/resources.ts';

export interface AdsStream {
  /** The next request of this type that nobody took yet. */
  request(type: ResourceType): Promise<DiscoveryRequest>;
  /** Requests that nobody took yet. */
  readonly waiting: readonly DiscoveryRequest[];
  send(type: ResourceType, version: string, nonce: string, resources: readonly Uint8Array[], typeUrl?: string): void;
  raw(bytes: Buffer): void;
  end(): void;
}

export interface AdsServer {
  readonly port: number;
  /** The next stream that a client opens. */
  stream(): Promise<AdsStream>;
  readonly streams: number;
  close(): void;
}

export async function startAdsServer(port = 0): Promise<AdsServer> {
  const server = new Server();
  const opened = new Mailbox<AdsStream>();
  let count = 0;
  server.addService(
    { streamAggregatedResources: ADS.streamAggregatedResources },
    {
      streamAggregatedResources: (call: ServerDuplexStream<Buffer, Buffer>) => {
        count++;
        opened.put(adsStream(call));
      },
    },
  );
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, found) =>
      error ? reject(error) : resolve(found),
    );
  });
  return {
    port: bound,
    stream: () => opened.take(() => true),
    get streams() {
      return count;
    },
    close: () => server.forceShutdown(),
  };
}

function adsStream(call: ServerDuplexStream<Buffer, Buffer>): AdsStream {
  const requests = new Mailbox<DiscoveryRequest>();
  call.on('data', (bytes: Buffer) => requests.put(fromBinary(DiscoveryRequestSchema, bytes)));
  call.on('error', () => undefined);
  call.on('end', () => call.end());
  return {
    request: (type) => requests.take(({ typeUrl }) => typeUrl === type.typeUrl),
    get waiting() {
      return requests.items;
    },
    send(type, versionInfo, nonce, resources, typeUrl = type.typeUrl) {
      const anys = resources.map((value) => ({ typeUrl, value }));
      const response = create(DiscoveryResponseSchema, { versionInfo, nonce, typeUrl: type.typeUrl, resources: anys });
      call.write(Buffer.from(toBinary(DiscoveryResponseSchema, response)));
    },
    raw: (bytes) => void call.write(bytes),
    end: () => call.end(),
  };
}

/** Items in order; takers wait for one that fits. */
class Mailbox<T> {
  readonly items: T[] = [];
  #takers: { fits: (item: T) => boolean; resolve: (item: T) => void }[] = [];

  put(item: T): void {
    const taker = this.#takers.find(({ fits }) => fits(item));
    if (taker === undefined) {
      this.items.push(item);
      return;
    }
    this.#takers = this.#takers.filter((other) => other !== taker);
    taker.resolve(item);
  }

  take(fits: (item: T) => boolean): Promise<T> {
    const index = this.items.findIndex(fits);
    if (index >= 0) return Promise.resolve(this.items.splice(index, 1)[0] as T);
    return new Promise((resolve) => this.#takers.push({ fits, resolve }));
  }
}
