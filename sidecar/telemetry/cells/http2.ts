// What codecs of HTTP/2 count. Names are Envoy's where it has one; floods that it does not know are called alike.

import { counter, gauge, rowsOf, zeros } from './table.ts';
import type { Row, Table } from './table.ts';

export class Http2CodecStats {
  dropped_headers_with_underscores = 0;
  requests_rejected_with_underscores_in_headers = 0;
  rx_messaging_error = 0;
  rx_reset = 0;
  tx_reset = 0;
  stream_refused_errors = 0;
  goaway_sent = 0;
  tx_flush_timeout = 0;
  keepalive_timeout = 0;
  streams_active = 0;
  inbound_empty_frames_flood = 0;
  inbound_priority_frames_flood = 0;
  inbound_window_update_frames_flood = 0;
  inbound_unknown_frames_flood = 0;
  inbound_continuation_flood = 0;
  outbound_control_flood = 0;
  ping_flood = 0;
  settings_flood = 0;
  stream_reset_flood = 0;
}

export const HTTP2_TABLE: Table<Http2CodecStats> = {
  dropped_headers_with_underscores: counter('Header fields dropped for an underscore in their name'),
  requests_rejected_with_underscores_in_headers: counter('Requests refused for an underscore in a field name'),
  rx_messaging_error: counter('Connections and streams ended because the peer broke the protocol'),
  rx_reset: counter('Streams reset by the peer'),
  tx_reset: counter('Streams reset by us'),
  stream_refused_errors: counter('Streams refused, for there were too many'),
  goaway_sent: counter('Peers told that their connection ends'),
  tx_flush_timeout: counter('Streams reset because the peer did not take them in time'),
  keepalive_timeout: counter('Connections ended because a PING was not answered'),
  streams_active: gauge('Streams open now'),
  inbound_empty_frames_flood: counter('Connections ended for DATA frames with nothing in them'),
  inbound_priority_frames_flood: counter('Connections ended for PRIORITY frames'),
  inbound_window_update_frames_flood: counter('Connections ended for WINDOW_UPDATE frames'),
  inbound_unknown_frames_flood: counter('Connections ended for frames of unknown types'),
  inbound_continuation_flood: counter('Connections ended for field blocks without an end'),
  outbound_control_flood: counter('Connections ended because our answers to their frames were not read'),
  ping_flood: counter('Connections ended for PING frames'),
  settings_flood: counter('Connections ended for SETTINGS frames'),
  stream_reset_flood: counter('Connections ended for streams that were reset at once'),
};

/** Names that Envoy shows and that cannot be anything else here. */
export const NEVER_COUNTED_HTTP2: readonly string[] = [
  'header_overflow',
  'headers_cb_no_stream',
  'metadata_empty_frames',
  'outbound_flood',
  'too_many_header_frames',
  'trailers',
];

export function http2Rows<C>(stats: (cell: C) => Http2CodecStats | null, prefix = ''): readonly Row<C>[] {
  return [
    ...rowsOf<C, Http2CodecStats>(HTTP2_TABLE, stats, prefix),
    ...zeros<C>(
      'counter',
      NEVER_COUNTED_HTTP2.map((name) => prefix + name),
      (cell) => stats(cell) !== null,
    ),
  ];
}
