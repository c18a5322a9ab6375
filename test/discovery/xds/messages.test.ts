// What discovery's gRPC port makes of messages that are no messages (rows G04 and G05): an end with a status, and
// nothing kept of what is announced and does not come.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { describe, it, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { create, toBinary } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import { DiscoveryRequestSchema } from '../../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts';
import { CLUSTER } from '../../../proto/resources.ts';
import { runDiscovery } from '../../mesh/discovery.ts';

const ADS = '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources';
const LIMIT = 4 * 1024 * 1024;

interface Said {
  readonly status: number;
  readonly answered: boolean;
}

/** Says `pieces`, each a frame of its own; `open`: no end after them. Resolves with the end, or the first answer. */
async function say(
  t: TestContext,
  pieces: readonly Buffer[],
  { open = false, fields = {} }: { readonly open?: boolean; readonly fields?: Readonly<Record<string, string>> } = {},
): Promise<Said> {
  const discovery = await runDiscovery(t, 'services: {web: {port: 80}}\n');
  const session = connect(`http://${discovery.xds}`);
  t.after(() => session.destroy());
  const head = { ':method': 'POST', ':path': ADS, 'content-type': 'application/grpc', te: 'trailers', ...fields };
  const call = session.request(head, { endStream: false });
  const { promise, resolve } = Promise.withResolvers<Said>();
  for (const event of ['response', 'trailers'] as const)
    call.on(event, (found: Record<string, string | undefined>) => {
      const code = found['grpc-status'];
      if (code !== undefined) resolve({ status: Number(code), answered: false });
    });
  call.once('data', () => resolve({ status: status.OK, answered: true }));
  for (const piece of pieces) await new Promise((sent) => call.write(piece, sent));
  if (!open) call.end();
  const said = await promise;
  call.destroy();
  if (!call.closed) await once(call, 'close');
  return said;
}

function message(body: Uint8Array, flag = 0): Buffer {
  return Buffer.concat([prefix(body.length, flag), body]);
}

function prefix(length: number, flag = 0): Buffer {
  const bytes = Buffer.alloc(5);
  bytes[0] = flag;
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

const ASK = toBinary(
  DiscoveryRequestSchema,
  create(DiscoveryRequestSchema, { node: { id: 'sidecar~web~1', cluster: 'web' }, typeUrl: CLUSTER.typeUrl }),
);

describe('lengths', () => {
  for (const [name, length] of [
    ['2^32 - 1', 2 ** 32 - 1],
    ['4 MiB and one', LIMIT + 1],
  ] as const)
    it(`G04 ${name} is refused before it comes`, async (t) => {
      const said = await say(t, [prefix(length)], { open: true });
      assert.equal(said.status, status.RESOURCE_EXHAUSTED);
    });

  it('G04 a message in DATA of one byte each is one', async (t) => {
    const bytes = [...message(ASK)].map((byte) => Buffer.from([byte]));
    assert.ok((await say(t, bytes, { open: true })).answered);
  });

  it('G04 garbage in the place of a message', async (t) => {
    const said = await say(t, [message(Buffer.alloc(64, 0xff))], { open: true });
    assert.equal(said.status, status.INVALID_ARGUMENT);
  });

  it('G04 an end within a message is the end: nothing is made of the half', async (t) => {
    assert.deepEqual(await say(t, [message(ASK).subarray(0, -1)]), { status: status.OK, answered: false });
  });
});

describe('compression', () => {
  it('G05 more than the limit when unfolded', async (t) => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    const said = await say(t, [message(bomb, 1)], { open: true, fields: { 'grpc-encoding': 'gzip' } });
    assert.equal(said.status, status.RESOURCE_EXHAUSTED);
  });

  it('G05 an encoding that is not known', async (t) => {
    const said = await say(t, [message(ASK, 1)], { open: true, fields: { 'grpc-encoding': 'snappy' } });
    assert.equal(said.status, status.UNIMPLEMENTED);
  });

  it('G05 no encoding and yet compressed: its bytes are read as they are', async (t) => {
    const said = await say(t, [message(gzipSync(ASK), 1)], { open: true });
    assert.equal(said.status, status.INVALID_ARGUMENT);
  });
});
