// The side services of the xDS port: who is connected (fairlead.status, CSDS) and grpc.health.

import { create } from '@bufbuild/protobuf';
import { status as grpcStatus, type ServerDuplexStream, type ServerWritableStream } from '@grpc/grpc-js';
import type { ReadWatch } from '../../core/watch.ts';
import { serviceDefinition } from '../../proto/ads.ts';
import { UpdateFailureStateSchema } from '../../proto/gen/envoy/admin/v3/config_dump_shared_pb.ts';
import {
  type ClientConfig,
  ClientConfigSchema,
  ClientStatusDiscoveryService,
  type ClientStatusRequest,
  type ClientStatusResponse,
  ClientStatusResponseSchema,
  ConfigStatus,
} from '../../proto/gen/envoy/service/status/v3/csds_pb.ts';
import {
  ClientSchema,
  type ListClientsRequest,
  ListClientsResponseSchema,
  Status,
} from '../../proto/gen/fairlead/status/v1/status_pb.ts';
import {
  Health,
  type HealthCheckRequest,
  type HealthCheckResponse,
  HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus as Serving,
} from '../../proto/gen/grpc/health/v1/health_pb.ts';
import { toTimestamp } from '../../proto/scalars.ts';
import { type AdsHub, type GrpcService, StatusError, unary } from './server.ts';
import type { ClientStatus, TypeStatus } from './status.ts';

export function statusService(hub: AdsHub): GrpcService {
  return {
    definition: serviceDefinition(Status),
    implementation: {
      listClients: unary((request: ListClientsRequest) => {
        const clients = hub.clients().filter((client) => request.nodeId === '' || client.nodeId === request.nodeId);
        return create(ListClientsResponseSchema, { clients: clients.map(clientMessage) });
      }),
    },
  };
}

function clientMessage(client: ClientStatus) {
  return create(ClientSchema, {
    nodeId: client.nodeId,
    nodeCluster: client.cluster,
    userAgent: client.userAgent,
    address: client.address,
    spiffeId: client.identity,
    connectedSince: toTimestamp(client.connectedSince),
    types: client.types.map((one) => ({
      typeUrl: one.type.typeUrl,
      versionSent: one.versionSent,
      versionAcked: one.versionAcked,
      ...(one.lastSent === 0 ? {} : { lastSent: toTimestamp(one.lastSent) }),
      ...(one.lastAcked === 0 ? {} : { lastAcked: toTimestamp(one.lastAcked) }),
      subscribed: [...one.subscribed],
      resourceCount: one.held.length,
      refused: one.refused.map(({ name, reason, at }) => ({ name, reason, at: toTimestamp(at) })),
    })),
  });
}

/** The control plane's side of CSDS: one ClientConfig for each connected client. */
export function csdsService(hub: AdsHub): GrpcService {
  const answer = (request: ClientStatusRequest): ClientStatusResponse => {
    if (request.nodeMatchers.length > 0)
      throw new StatusError(
        grpcStatus.INVALID_ARGUMENT,
        'node_matchers are not supported; leave them out to see every client',
      );
    return create(ClientStatusResponseSchema, {
      config: [...hub.nodes()].map(({ node, status }) => clientConfig(node, status)),
    });
  };
  return {
    definition: serviceDefinition(ClientStatusDiscoveryService),
    implementation: {
      fetchClientStatus: unary(answer),
      streamClientStatus: (call: ServerDuplexStream<ClientStatusRequest, ClientStatusResponse>) => {
        call.on('data', (request: ClientStatusRequest) => {
          try {
            call.write(answer(request));
          } catch (error) {
            call.emit('error', error);
          }
        });
        call.on('end', () => call.end());
      },
    },
  };
}

const CONFIG_STATUS: Readonly<Record<TypeStatus['state'], ConfigStatus>> = {
  'not-sent': ConfigStatus.NOT_SENT,
  synced: ConfigStatus.SYNCED,
  stale: ConfigStatus.STALE,
  refused: ConfigStatus.ERROR,
};

function clientConfig(node: NonNullable<ClientConfig['node']>, status: ClientStatus): ClientConfig {
  const resources = status.types.flatMap((one) => one.held.map(({ name, version }) => ({ one, name, version })));
  return create(ClientConfigSchema, {
    node,
    genericXdsConfigs: [
      ...resources.map(({ one, name, version }) => ({
        typeUrl: one.type.typeUrl,
        name,
        versionInfo: version,
        configStatus: CONFIG_STATUS[one.state],
      })),
      ...status.types.flatMap((one) =>
        one.refused.map((refused) => ({
          typeUrl: one.type.typeUrl,
          name: refused.name,
          configStatus: ConfigStatus.ERROR,
          errorState: create(UpdateFailureStateSchema, {
            details: refused.reason,
            versionInfo: refused.version,
            lastUpdateAttempt: toTimestamp(refused.at),
          }),
        })),
      ),
    ],
  });
}

/** grpc.health.v1 for the whole server and for each service by name. */
export function healthService(ready: ReadWatch<boolean>, services: ReadonlySet<string>): GrpcService {
  const answer = (): HealthCheckResponse =>
    create(HealthCheckResponseSchema, { status: ready.value ? Serving.SERVING : Serving.NOT_SERVING });
  return {
    definition: serviceDefinition(Health),
    implementation: {
      check: unary((request: HealthCheckRequest) => {
        if (request.service !== '' && !services.has(request.service))
          throw new StatusError(grpcStatus.NOT_FOUND, `no service "${request.service}" here`);
        return answer();
      }),
      watch: (call: ServerWritableStream<HealthCheckRequest, HealthCheckResponse>) => {
        const known = call.request.service === '' || services.has(call.request.service);
        const tell = () =>
          call.write(known ? answer() : create(HealthCheckResponseSchema, { status: Serving.SERVICE_UNKNOWN }));
        const stop = ready.subscribe(tell);
        call.on('cancelled', stop);
        call.on('close', stop);
        tell();
      },
    },
  };
}
