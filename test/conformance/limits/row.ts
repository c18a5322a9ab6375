// One limit as a row: the configuration, what a client or an origin does that passes it, and what must be seen:
// the status, the line in the access log and the figure that moves. Played against us and against Envoy.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { openClient } from '../../mesh/client.ts';
import { eventually } from '../../mesh/discovery.ts';
import { answer, type Script, startOrigin } from '../../mesh/origin.ts';
import { tempDir } from '../../temp-dir.ts';
import { besideEnvoy, type Limited, type LimitedPieces, startOurs } from './beside.ts';

export interface LimitRow {
  readonly limit: string;
  readonly pieces?: Partial<LimitedPieces>;
  /** Sent on one connection, in these pieces; what comes back is read until the proxy ends it or `until` stands in it. */
  readonly say: readonly string[];
  readonly until?: RegExp;
  /** What the origin does; default: it answers. */
  readonly origin?: Script;
  /** First line of the answer; null: none comes. */
  readonly status: RegExp | null;
  /** `status flags details` of the last line of the access log. */
  readonly log?: string;
  readonly metric: RegExp;
  /** By how much it moves. */
  readonly by?: number;
}

const FORMAT = '%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\\n';

function accessLog(file: string): string {
  const config = `{"@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: ${file}, log_format: {text_format_source: {inline_string: "${FORMAT}"}}}`;
  return `access_log: [{name: file, typed_config: ${config}}]`;
}

export const silent: Script = () => null;

/** Limits that Envoy has too. */
export function likeEnvoy(row: LimitRow): void {
  besideEnvoy(row.limit, (t, start) => play(t, row, start));
}

/** Limits of our own, or that Envoy answers otherwise. */
export function ourOwn(row: LimitRow): void {
  it(row.limit, (t) => play(t, row, (pieces) => startOurs(t, pieces)));
}

async function play(t: TestContext, row: LimitRow, start: (pieces: LimitedPieces) => Promise<Limited>): Promise<void> {
  const origin = await startOrigin(row.origin ?? (() => answer('ok')));
  t.after(() => origin.close());
  const log = join(tempDir(t), 'access.log');
  const { hcm = '', ...pieces } = row.pieces ?? {};
  const proxy = await start({ origins: { o1: origin.port }, ...pieces, hcm: `${accessLog(log)}\n${hcm}` });
  const before = await proxy.sum(row.metric);
  const client = await openClient(proxy.port);
  t.after(() => client.close());
  await client.send(...row.say);
  const got = await client.until((text) => row.until?.test(text) === true);
  if (row.status === null) assert.equal(got, '');
  else assert.match(got, row.status);
  await eventually(async () => assert.equal((await proxy.sum(row.metric)) - before, row.by ?? 1));
  if (row.log !== undefined) {
    await eventually(() => assert.equal(readFileSync(log, 'latin1').trim().split('\n').at(-1), row.log));
  }
}

/** Options of a connection manager or of a cluster that both have. */
export function common(...lines: readonly string[]): string {
  return `common_http_protocol_options: {${lines.join(', ')}}`;
}

/** Lines of a cluster with HTTP options. */
export function clusterHttp(...lines: readonly string[]): string {
  const type = 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
  return `connect_timeout: 1s
typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {"@type": ${type}, explicit_http_config: {http_protocol_options: {}}, ${common(...lines)}}}`;
}
