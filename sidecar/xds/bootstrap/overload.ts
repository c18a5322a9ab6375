// overload_manager: of Envoy's resource monitors the one that counts connections. Other monitors, and actions,
// are refused: whoever asks for them relies on them.

import type { Any } from '@bufbuild/protobuf/wkt';
import type { OverloadManagerSchema } from '../../../proto/gen/envoy/config/overload/v3/overload_pb.ts';
import { ResourceMonitorSchema } from '../../../proto/gen/envoy/config/overload/v3/overload_pb.ts';
import { DownstreamConnectionsConfigSchema } from '../../../proto/gen/envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections_pb.ts';
import { isType, openAny } from '../decode/any.ts';
import type { Fields } from '../decode/fields.ts';

/** More connections than any machine has; larger numbers mean the same. */
const MOST = 999_999_999n;

/** Connections that may be open in all; null: not said. */
export function decodeOverloadManager(f: Fields<typeof OverloadManagerSchema>): number | null {
  // Nothing is measured at intervals: connections are counted as they come.
  f.ignore('refreshInterval');
  const monitors = f.children('resourceMonitors', ResourceMonitorSchema);
  f.end();
  const limits = monitors.map(decodeMonitor).filter((limit) => limit !== null);
  if (limits.length > 1) f.invalid('resourceMonitors', 'name the same resource twice');
  return limits[0] ?? null;
}

function decodeMonitor(f: Fields<typeof ResourceMonitorSchema>): number | null {
  const config = f.take('configType');
  f.ignore('name');
  f.end();
  if (config.case === 'typedConfig') return decodeConnections(f, config.value);
  return f.invalid('', 'typed_config is required');
}

function decodeConnections(f: Fields<typeof ResourceMonitorSchema>, config: Any): number | null {
  const opened = openAny(config, f.at('typedConfig'), f.context);
  if (opened === null) return null;
  if (!isType(opened, DownstreamConnectionsConfigSchema)) return opened.unsupported('');
  const most = opened.take('maxActiveDownstreamConnections');
  opened.end();
  return Number(most > MOST ? MOST : most);
}
