// The access log of every listener, when the mesh asks for one: JSON with the keys that Istio's and Envoy's
// users already parse.

import type { MessageInitShape } from '@bufbuild/protobuf';
import type { AccessLogSchema } from '../../proto/gen/envoy/config/accesslog/v3/accesslog_pb.ts';
import { FileAccessLogSchema } from '../../proto/gen/envoy/extensions/access_loggers/file/v3/file_pb.ts';
import { StdoutAccessLogSchema } from '../../proto/gen/envoy/extensions/access_loggers/stream/v3/stream_pb.ts';
import type { MeshPolicy } from '../catalog/types.ts';
import { any } from './resource.ts';

const FIELDS: Readonly<Record<string, string>> = {
  start_time: '%START_TIME%',
  method: '%REQ(:METHOD)%',
  path: '%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%',
  protocol: '%PROTOCOL%',
  authority: '%REQ(:AUTHORITY)%',
  response_code: '%RESPONSE_CODE%',
  response_flags: '%RESPONSE_FLAGS%',
  response_code_details: '%RESPONSE_CODE_DETAILS%',
  bytes_received: '%BYTES_RECEIVED%',
  bytes_sent: '%BYTES_SENT%',
  duration: '%DURATION%',
  upstream_service_time: '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%',
  upstream_host: '%UPSTREAM_HOST%',
  upstream_cluster: '%UPSTREAM_CLUSTER%',
  route_name: '%ROUTE_NAME%',
  request_id: '%REQ(X-REQUEST-ID)%',
  user_agent: '%REQ(USER-AGENT)%',
  x_forwarded_for: '%REQ(X-FORWARDED-FOR)%',
  downstream_remote_address: '%DOWNSTREAM_REMOTE_ADDRESS%',
  downstream_local_address: '%DOWNSTREAM_LOCAL_ADDRESS%',
  upstream_transport_failure_reason: '%UPSTREAM_TRANSPORT_FAILURE_REASON%',
  requested_server_name: '%REQUESTED_SERVER_NAME%',
  peer_id: '%DOWNSTREAM_PEER_URI_SAN%',
};

export function accessLogs(mesh: MeshPolicy): MessageInitShape<typeof AccessLogSchema>[] {
  if (mesh.accessLog === null) return [];
  const logFormat = { case: 'logFormat', value: { format: { case: 'jsonFormat', value: { ...FIELDS } } } } as const;
  if (mesh.accessLog === 'stdout') {
    return [
      {
        name: 'envoy.access_loggers.stdout',
        configType: { case: 'typedConfig', value: any(StdoutAccessLogSchema, { accessLogFormat: logFormat }) },
      },
    ];
  }
  const file = any(FileAccessLogSchema, { path: mesh.accessLog, accessLogFormat: logFormat });
  return [{ name: 'envoy.access_loggers.file', configType: { case: 'typedConfig', value: file } }];
}
