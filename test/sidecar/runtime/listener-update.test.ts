// A listener whose description changes: chains that are as they were keep their connections, the others drain.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openClient } from '../../mesh/client.ts';
import { answer, startOrigin } from '../../mesh/origin.ts';
import { startProxy } from '../../mesh/proxy.ts';
import { tcpFilter } from '../../mesh/tcp.ts';

const GET = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';

test('a change of one chain asks no connection of another to close', async (t) => {
  const origin = await startOrigin(() => answer('ok'));
  t.after(() => origin.close());
  const pieces = (idle: string, server: string, more = '') => ({
    origins: { o1: origin.port },
    hcm: `server_name: ${server}`,
    listener: `stat_prefix: main${more}\ndefault_filter_chain: {filters: [${tcpFilter(`cluster: o1, idle_timeout: ${idle}`)}]}`,
  });
  const proxy = await startProxy(pieces('1s', 'one'));
  t.after(() => proxy.close());
  const client = await openClient(proxy.port());
  let answers = 0;
  const ask = async () => {
    const before = client.received.length;
    answers++;
    await client.send(GET);
    await client.until((text) => text.split('\r\n\r\nok').length > answers);
    return client.received.slice(before);
  };
  assert.doesNotMatch(await ask(), /connection: close/);
  proxy.apply(pieces('2s', 'one'));
  assert.doesNotMatch(await ask(), /connection: close/);
  // A change of the listener that is none of its chains is none for them either.
  proxy.apply(pieces('2s', 'one', '\nlistener_filters_timeout: 3s'));
  assert.doesNotMatch(await ask(), /connection: close/);
  proxy.apply(pieces('2s', 'two', '\nlistener_filters_timeout: 3s'));
  assert.match(await ask(), /connection: close/);
  assert.equal(proxy.stats.listener('main').downstream_cx_total, 1);
});

test('what every chain is made with changes them all', async (t) => {
  const origin = await startOrigin(() => answer('ok'));
  t.after(() => origin.close());
  const pieces = (limit: number) => ({
    origins: { o1: origin.port },
    listener: `stat_prefix: main\nper_connection_buffer_limit_bytes: ${limit}`,
  });
  const proxy = await startProxy(pieces(65_536));
  t.after(() => proxy.close());
  const client = await openClient(proxy.port());
  await client.send(GET);
  await client.until((text) => text.endsWith('ok'));
  proxy.apply(pieces(32_768));
  await client.send(GET);
  assert.match(await client.until((text) => text.split('\r\n\r\nok').length > 2), /connection: close/);
});
