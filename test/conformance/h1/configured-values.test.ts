// R48: values that the configuration or a request puts into a head that we write never bring a line break
// with them (Envoy's CVE-2023-27493).

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type BootstrapPieces, startProxy, type TestProxy } from '../../mesh/proxy.ts';
import { Changes } from './changes.ts';
import { Client } from './client.ts';

const LIMIT_MS = 5000;

const adding = (value: string): BootstrapPieces => ({
  origins: { o1: 1 },
  routes: `- match: {prefix: /}
  direct_response: {status: 200}
  response_headers_to_add: [{header: {key: x-said, value: ${JSON.stringify(value)}}}]`,
});

describe('R48 a line break in a value that we write', () => {
  for (const value of ['a\r\nset-cookie: b', 'a\nb', 'a\rb', 'a\0b']) {
    it(`${JSON.stringify(value)} is no configuration`, async () => {
      await assert.rejects(startProxy(adding(value)), /value/);
    });
  }
});

describe('R48 what a request says in a value that we write', () => {
  let proxy: TestProxy;

  before(async () => {
    proxy = await startProxy(adding('%REQ(:path)%|%REQ(x)%'));
  });
  after(() => proxy.close());

  it('stays as encoded as it came', async () => {
    const changes = new Changes();
    const client = await Client.open(proxy.port(), changes);
    client.say('GET /a%0d%0aset-cookie:b HTTP/1.1\r\nhost: a\r\nx: c%0d%0ad\r\n\r\n');
    await changes.until(() => client.answers.length > 0, LIMIT_MS);
    assert.deepEqual(client.faults, []);
    assert.equal(client.answers[0]?.head.fields.get('x-said')?.[0], '/a%0d%0aset-cookie:b|c%0d%0ad');
  });
});
