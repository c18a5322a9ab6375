// Who asks: what a client says of itself (node.id, cluster, metadata) as a plain description. Everything
// that translation may depend on is in it, so that equal descriptions share one snapshot.

import type { Node } from '../../proto/gen/envoy/config/core/v3/base_pb.ts';
import { DEFAULT_NAMESPACE } from '../catalog/types.ts';

export type NodeKind = 'sidecar' | 'gateway' | 'grpc';

export interface NodeDescription {
  readonly kind: NodeKind;
  /** The service or gateway that this node stands for; '' where it did not say. */
  readonly service: string;
  readonly namespace: string;
  /** A proxy that is not ours: it reads more of Envoy's fields and none of our own. */
  readonly stock: boolean;
  /** It can present a certificate of the mesh: its own, or one sent over SDS. */
  readonly holdsCertificate: boolean;
  readonly inboundAddress: string;
  readonly inboundPort: number;
  /** The application's port; null: as the catalog says. */
  readonly appPort: number | null;
  /** An IP address, or `unix:` and the path of a Unix socket. */
  readonly appAddress: string;
  readonly outboundAddress: string;
  readonly outboundPort: number;
  /** Takes the place of the port of the gateway's first listener; null: as declared. */
  readonly gatewayPort: number | null;
  readonly gatewayAddress: string | null;
  /** The node described its own listeners; a node that did not gets no inbound one without a service. */
  readonly described: boolean;
}

export const DEFAULT_OUTBOUND_PORT = 15001;
export const DEFAULT_INBOUND_PORT = 15006;

type Json = Readonly<Record<string, unknown>>;

/** `keysOverSds`: this stream may be sent private keys. */
export function describeNode(node: Node, keysOverSds: boolean): NodeDescription {
  const own = objectOf(node.metadata?.['fairlead']);
  const fromId = parseSidecarId(node.id);
  const features = Array.isArray(own['features']) ? own['features'] : [];
  return {
    kind: kindOf(node, own),
    service: text(own, 'service') ?? (node.cluster || fromId.service),
    namespace: text(own, 'namespace') ?? fromId.namespace,
    stock: node.userAgentName === 'envoy',
    holdsCertificate: keysOverSds || features.includes('identity'),
    inboundAddress: text(own, 'inbound_address') ?? text(own, 'address') ?? '0.0.0.0',
    inboundPort: portOf(own, 'inbound_port') ?? DEFAULT_INBOUND_PORT,
    appPort: portOf(own, 'app_port'),
    appAddress: text(own, 'app_address') ?? '127.0.0.1',
    outboundAddress: text(own, 'outbound_address') ?? '127.0.0.1',
    outboundPort: portOf(own, 'outbound_port') ?? DEFAULT_OUTBOUND_PORT,
    gatewayPort: portOf(own, 'gateway_port'),
    gatewayAddress: text(own, 'gateway_address'),
    described: Object.keys(own).length > 0,
  };
}

function kindOf(node: Node, own: Json): NodeKind {
  if (node.userAgentName.startsWith('gRPC') || node.metadata?.['GENERATOR'] === 'grpc' || own['kind'] === 'grpc')
    return 'grpc';
  return own['kind'] === 'gateway' ? 'gateway' : 'sidecar';
}

/** `sidecar~<ip>~<workload>.<namespace>~<namespace>.svc.cluster.local`, as Istio's agents name themselves. */
export function parseSidecarId(id: string): { readonly service: string; readonly namespace: string } {
  const parts = id.split('~');
  const [workload = '', namespace = ''] = parts.length === 4 ? (parts[2] ?? '').split('.') : [];
  return { service: workload, namespace: namespace || DEFAULT_NAMESPACE };
}

function objectOf(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

function text(own: Json, key: string): string | null {
  const value = own[key];
  return typeof value === 'string' && value !== '' ? value : null;
}

/** A port as a number or as text; 0 lets the system choose. */
function portOf(own: Json, key: string): number | null {
  const value = typeof own[key] === 'string' ? Number(own[key]) : own[key];
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 65535 ? value : null;
}
