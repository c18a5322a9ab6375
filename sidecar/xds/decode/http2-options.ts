// Http2ProtocolOptions, the same for listeners and clusters.

import {
  type Http2ProtocolOptionsSchema as OptionsSchema,
  KeepaliveSettingsSchema,
} from '../../../proto/gen/envoy/config/core/v3/protocol_pb.ts';
import type { Http2Options } from '../../model/http2.ts';
import type { Fields } from './fields.ts';

/**
 * Smaller than Envoy's, whose windows are 16 and 24 MiB: what a peer may send ahead of its reader is memory of
 * ours, a hundred times over.
 */
const STREAM_WINDOW = 256 * 1024;
const CONNECTION_WINDOW = 1024 * 1024;
const MOST_STREAMS = 100;

export const DEFAULT_HTTP2: Http2Options = {
  maxConcurrentStreams: MOST_STREAMS,
  initialStreamWindow: STREAM_WINDOW,
  initialConnectionWindow: CONNECTION_WINDOW,
  keepalive: null,
  offersConnect: false,
};

function decodeKeepalive(f: Fields<typeof KeepaliveSettingsSchema> | null): Http2Options['keepalive'] {
  if (f === null) return null;
  const intervalMs = f.ms('interval', 0);
  const timeoutMs = f.ms('timeout', 0);
  // That many connections are not asked at once comes of their beginnings.
  f.ignore('intervalJitter');
  f.end();
  return intervalMs === 0 ? null : { intervalMs, timeoutMs };
}

export function decodeHttp2(f: Fields<typeof OptionsSchema> | null): Http2Options {
  if (f === null) return DEFAULT_HTTP2;
  const options: Http2Options = {
    maxConcurrentStreams: f.take('maxConcurrentStreams') ?? MOST_STREAMS,
    initialStreamWindow: f.take('initialStreamWindowSize') ?? STREAM_WINDOW,
    initialConnectionWindow: f.take('initialConnectionWindowSize') ?? CONNECTION_WINDOW,
    keepalive: decodeKeepalive(f.child('connectionKeepalive', KeepaliveSettingsSchema)),
    offersConnect: f.take('allowConnect'),
  };
  // How the codec is made: there is one, its table has the usual size, and its bounds are no looser than Envoy's.
  f.ignore('hpackTableSize', 'useOghttp2Codec', 'maxOutboundFrames', 'maxOutboundControlFrames');
  f.ignore(
    'maxConsecutiveInboundFramesWithEmptyPayload',
    'maxInboundPriorityFramesPerStream',
    'maxInboundWindowUpdateFramesPerDataFrameSent',
  );
  // A stream error is what an invalid message is answered with.
  f.ignore('streamErrorOnInvalidHttpMessaging', 'overrideStreamErrorOnInvalidHttpMessage');
  f.end();
  return options;
}
