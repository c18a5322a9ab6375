// One line of the access log, from what is known of a request.

import { compileFormat, DEFAULT_LOG_TEXT, LOG_OPTIONS } from '../../../sidecar/telemetry/format.ts';
import { factsWith } from '../../sidecar/telemetry/facts.ts';
import type { MicroBench } from '../micro.ts';

const REQUEST = {
  ':method': 'GET',
  ':path': '/teas/sencha',
  ':authority': 'catalog',
  'user-agent': 'bench/1',
  'x-request-id': '6f9619ff',
};

const JSON_KEYS = {
  start_time: '%START_TIME%',
  method: '%REQ(:METHOD)%',
  path: '%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%',
  protocol: '%PROTOCOL%',
  authority: '%REQ(:AUTHORITY)%',
  response_code: '%RESPONSE_CODE%',
  response_flags: '%RESPONSE_FLAGS%',
  bytes_received: '%BYTES_RECEIVED%',
  bytes_sent: '%BYTES_SENT%',
  duration: '%DURATION%',
  upstream_host: '%UPSTREAM_HOST%',
  upstream_cluster: '%UPSTREAM_CLUSTER%',
  route_name: '%ROUTE_NAME%',
  request_id: '%REQ(X-REQUEST-ID)%',
};

export const LOGGING: readonly MicroBench[] = [
  {
    name: "log line: Envoy's default text",
    make: () => {
      const line = compileFormat({ kind: 'text', text: DEFAULT_LOG_TEXT, omitEmpty: false }, LOG_OPTIONS);
      const facts = factsWith({ request: REQUEST });
      return () => line(facts).length;
    },
  },
  {
    name: 'log line: JSON, 14 keys',
    make: () => {
      const line = compileFormat({ kind: 'json', json: JSON_KEYS, omitEmpty: false, sortKeys: false }, LOG_OPTIONS);
      const facts = factsWith({ request: REQUEST });
      return () => line(facts).length;
    },
  },
];
