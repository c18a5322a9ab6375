// Registration over gRPC (fairlead.registry.v1). The leases themselves are kept elsewhere; this file is
// their wire form over a small structural interface.

import { create } from '@bufbuild/protobuf';
import { status as grpcStatus, type ServerUnaryCall, type ServerWritableStream } from '@grpc/grpc-js';
import { serviceDefinition } from '../../proto/ads.ts';
import {
  type Instance as InstanceMessage,
  type LeaveRequest,
  LeaveResponseSchema,
  type ListRequest,
  type ListResponse,
  ListResponseSchema,
  type RegisterRequest,
  RegisterResponseSchema,
  Registry,
  type RenewRequest,
  RenewResponseSchema,
} from '../../proto/gen/fairlead/registry/v1/registry_pb.ts';
import { type GrpcService, StatusError, unary } from './server.ts';

/** A registered instance as the wire tells it. */
export interface WireInstance {
  readonly name: string;
  readonly service: string;
  readonly namespace: string;
  readonly address: string;
  readonly port: number;
  readonly appPort: number | null;
  readonly zone: string;
  readonly weight: number;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Granted {
  readonly leaseId: string;
  readonly seconds: number;
  readonly instance: WireInstance;
}

/** What registration must offer. `register` takes unchecked fields and says in words what is wrong. */
export interface LeaseBook {
  register(
    fields: Readonly<Record<string, unknown>>,
  ): { readonly ok: true; readonly granted: Granted } | { readonly ok: false; readonly reason: string };
  renew(leaseId: string): Granted | null;
  leave(leaseId: string): boolean;
  holder(leaseId: string): WireInstance | null;
  list(): readonly { readonly instance: WireInstance; readonly remainingSeconds: number }[];
  subscribe(listener: () => void): () => void;
}

/** Whether a caller may act for a service: null for yes, otherwise why not. */
export type Authorize = (call: ServerUnaryCall<unknown, unknown>, service: string, namespace: string) => string | null;

export function registryService(book: LeaseBook, authorize: Authorize): GrpcService {
  return {
    definition: serviceDefinition(Registry),
    implementation: {
      register: unary((request: RegisterRequest, call) =>
        register(book, request, (service, namespace) => authorize(call, service, namespace)),
      ),
      renew: unary((request: RenewRequest, call) => {
        allowHolder(book, request.leaseId, (service, namespace) => authorize(call, service, namespace));
        const granted = book.renew(request.leaseId);
        if (granted === null) throw new StatusError(grpcStatus.NOT_FOUND, 'the lease is over; register again');
        return create(RenewResponseSchema, { lease: { id: granted.leaseId, grantedSeconds: granted.seconds } });
      }),
      leave: unary((request: LeaveRequest, call) => {
        allowHolder(book, request.leaseId, (service, namespace) => authorize(call, service, namespace));
        book.leave(request.leaseId);
        return create(LeaveResponseSchema, {});
      }),
      list: unary((request: ListRequest) => listing(book, request)),
      watch: (call: ServerWritableStream<ListRequest, ListResponse>) => {
        const tell = () => call.write(listing(book, call.request));
        const stop = book.subscribe(tell);
        call.on('cancelled', stop);
        call.on('close', stop);
        tell();
      },
    },
  };
}

type Allow = (service: string, namespace: string) => string | null;

function register(book: LeaseBook, request: RegisterRequest, allow: Allow) {
  const message = request.instance;
  if (message === undefined) throw new StatusError(grpcStatus.INVALID_ARGUMENT, 'instance is required');
  const refusal = allow(message.service, message.namespace || 'default');
  if (refusal !== null) throw new StatusError(grpcStatus.PERMISSION_DENIED, refusal);
  const result = book.register(fieldsOf(message, request.leaseSeconds));
  if (!result.ok) throw new StatusError(grpcStatus.INVALID_ARGUMENT, result.reason);
  const { leaseId, seconds, instance } = result.granted;
  return create(RegisterResponseSchema, {
    lease: { id: leaseId, grantedSeconds: seconds },
    instance: instanceMessage(instance),
  });
}

function allowHolder(book: LeaseBook, leaseId: string, allow: Allow): void {
  const instance = book.holder(leaseId);
  const refusal = instance === null ? null : allow(instance.service, instance.namespace);
  if (refusal !== null) throw new StatusError(grpcStatus.PERMISSION_DENIED, refusal);
}

/** Protobuf's "not set" becomes absence, so that defaults and errors are the same as over HTTP. */
function fieldsOf(message: InstanceMessage, leaseSeconds: number): Record<string, unknown> {
  const { name, service, namespace, address, port, appPort, zone, weight, labels } = message;
  const given = { name, service, namespace, address, port, appPort, zone, weight, leaseSeconds };
  return {
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== '' && value !== 0)),
    labels: { ...labels },
  };
}

function listing(book: LeaseBook, request: ListRequest): ListResponse {
  const wanted = book
    .list()
    .filter(
      ({ instance }) =>
        (request.namespace === '' || instance.namespace === request.namespace) &&
        (request.service === '' || instance.service === request.service),
    );
  return create(ListResponseSchema, {
    registrations: wanted.map(({ instance, remainingSeconds }) => ({
      instance: instanceMessage(instance),
      remainingSeconds,
    })),
  });
}

function instanceMessage(instance: WireInstance) {
  const { name, service, namespace, address, port, zone, weight, labels } = instance;
  return {
    name,
    service,
    namespace,
    address,
    port,
    appPort: instance.appPort ?? 0,
    zone,
    weight,
    labels: { ...labels },
  };
}
