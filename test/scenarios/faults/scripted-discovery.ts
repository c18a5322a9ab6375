// A scripted discovery with one client, a sidecar: sends what a test says, and waits for the answer to it.

import type { JsonObject } from '@bufbuild/protobuf';
import type { DiscoveryRequest } from '../../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts';
import { CLUSTER, ENDPOINT, LISTENER, type ResourceType, ROUTE } from '../../../proto/resources.ts';
import type { AdsServer, AdsStream } from '../../sidecar/xds/ads-server.ts';
import {
  assignmentJson,
  bytesOf,
  edsClusterJson,
  listenerJson,
  managerJson,
  routesJson,
  routeTo,
} from '../../sidecar/xds/messages.ts';

let count = 0;

export class ScriptedDiscovery {
  readonly stream: AdsStream;

  private constructor(stream: AdsStream) {
    this.stream = stream;
  }

  /** The next client. */
  static async client(server: AdsServer): Promise<ScriptedDiscovery> {
    return new ScriptedDiscovery(await server.stream());
  }

  /** Under a version and nonce of its own; resolves with the answer. */
  send(type: ResourceType, ...resources: readonly JsonObject[]): Promise<DiscoveryRequest> {
    return this.sendBytes(
      type,
      resources.map((json) => bytesOf(type, json)),
    );
  }

  async sendBytes(type: ResourceType, resources: readonly Uint8Array[], typeUrl?: string): Promise<DiscoveryRequest> {
    const version = `v${++count}`;
    this.stream.send(type, version, version, resources, typeUrl);
    for (;;) {
      const request = await this.stream.request(type);
      if (request.responseNonce === version) return request;
    }
  }

  /** One listener whose routes lead to one cluster with that endpoint. */
  async serve(listenerPort: number, originPort: number, manager = RDS_MANAGER): Promise<void> {
    await this.send(CLUSTER, edsClusterJson('a'));
    await this.send(ENDPOINT, assignmentJson('a', [['127.0.0.1', originPort]]));
    await this.send(LISTENER, listenerJson('main', listenerPort, manager));
    await this.send(ROUTE, routesJson('r', [routeTo('a')]));
  }
}

export const RDS_MANAGER = managerJson({ rds: { config_source: { ads: {} }, route_config_name: 'r' } });
