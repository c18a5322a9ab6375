// The moments of a request that a log line tells: each one is there once it has come, and they are in order.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../../mesh/discovery.ts';
import { openClient } from '../../mesh/client.ts';
import { answer, startOrigin } from '../../mesh/origin.ts';
import { startProxy } from '../../mesh/proxy.ts';
import { tempDir } from '../../temp-dir.ts';

const MOMENTS = ['DS_RX_BEG', 'DS_RX_END', 'US_TX_BEG', 'US_TX_END', 'US_RX_BEG', 'US_RX_END', 'DS_TX_END'];

test('no moment of a request that was forwarded is missing', async (t) => {
  const path = join(tempDir(t), 'access.log');
  const format = [...MOMENTS.map((to) => `%COMMON_DURATION(DS_RX_BEG:${to}:us)%`), '%REQUEST_TX_DURATION%'].join(' ');
  const log = `access_log: [{name: file, typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: "${path}", log_format: {text_format_source: {inline_string: "${format}\\n"}}}}]`;
  const origin = await startOrigin(() => answer('ok'));
  t.after(() => origin.close());
  const proxy = await startProxy({ origins: { o1: origin.port }, hcm: log });
  t.after(() => proxy.close());
  for (const body of ['', 'x'.repeat(100_000)]) {
    const client = await openClient(proxy.port());
    await client.send(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    await client.until((all) => all.endsWith('ok'));
    client.close();
  }
  const lines = await eventually(() => {
    const found = readFileSync(path, 'utf8').trim().split('\n');
    assert.equal(found.length, 2);
    return found;
  });
  for (const line of lines) {
    const numbers = line.split(' ').map(Number);
    assert.ok(numbers.every(Number.isInteger), line);
    const moments = numbers.slice(0, MOMENTS.length);
    assert.deepEqual(
      moments,
      moments.toSorted((a, b) => a - b),
      `${MOMENTS.join(' ')}: ${line}`,
    );
  }
});
