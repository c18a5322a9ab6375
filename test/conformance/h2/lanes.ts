// Ways through our sidecar, each with an origin of its own that reads HTTP/1.1 strictly (the one of the HTTP/1
// corpus), so that what it sees belongs to one row.

import type { Changes } from '../h1/changes.ts';
import { makeOrigin } from '../h1/ours.ts';
import type { Origin } from '../h1/origin.ts';
import { startProxy, type TestProxy } from '../../mesh/proxy.ts';

export interface Lane {
  readonly proxy: TestProxy;
  readonly origin: Origin;
  readonly changes: Changes;
  readonly port: number;
}

const HCM = `normalize_path: true
merge_slashes: true
delayed_close_timeout: 0.01s
http_protocol_options: {enable_trailers: true}`;

export async function startLane(): Promise<Lane> {
  const { origin, changes, port } = await makeOrigin();
  const proxy = await startProxy({ origins: { o1: port }, hcm: HCM });
  return { proxy, origin, changes, port: proxy.port() };
}

export async function closeLane({ proxy, origin }: Lane): Promise<void> {
  await proxy.close();
  await origin.close();
}

const OPTIONS = 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

/** Lines of a cluster that is asked over HTTP/2. */
export function http2Upstream(options = '{}', more = 'connect_timeout: 1s'): string {
  return `${more}
typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {"@type": ${OPTIONS}, explicit_http_config: {http2_protocol_options: ${options}}}}`;
}

export const HTTP2_UPSTREAM = http2Upstream();
