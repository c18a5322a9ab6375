// Streams that are open and silent (robustness.md 2.6, G12): what each weighs, that everyone still hears of a
// change, and that a client which has vanished is found. The figure for the sidecar: npm run bench -- streams.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { test } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { openPort, plaintext, SERVER_OPTIONS } from '../../../discovery/ports.ts';
import { ADMISSION_BURST } from '../../../discovery/xds/server.ts';
import { DiscoveryRequestSchema } from '../../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts';
import { CLUSTER } from '../../../proto/resources.ts';
import * as f from '../../conformance/h2/frames.ts';
import { DiscoveryProcess } from '../../scenarios/faults/discovery-process.ts';
import { residentOf } from '../../scenarios/faults/memory.ts';

const PATH = '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources';
/** As many as are let in at once. */
const STREAMS = ADMISSION_BURST;
const ON_A_CONNECTION = 50;
/** Not a goal (that is 60 KiB) but a bound: with so few streams what the process does otherwise counts as well. */
const MOST_EACH = 512 * 1024;

function requestOf(id: string): Buffer {
  const message = create(DiscoveryRequestSchema, { node: { id, cluster: 'web' }, typeUrl: CLUSTER.typeUrl });
  const bytes = Buffer.from(toBinary(DiscoveryRequestSchema, message));
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** A stream that has had its first answer. */
async function openStream(session: ClientHttp2Session, id: string): Promise<void> {
  const fields = { ':method': 'POST', ':path': PATH, 'content-type': 'application/grpc', te: 'trailers' };
  const stream = session.request(fields);
  stream.write(requestOf(id));
  await once(stream, 'data');
}

async function openMany(port: number): Promise<() => void> {
  const sessions: ClientHttp2Session[] = [];
  for (let at = 0; at < STREAMS; at += ON_A_CONNECTION) {
    const session = connect(`http://127.0.0.1:${port}`);
    sessions.push(session);
    await Promise.all(Array.from({ length: ON_A_CONNECTION }, (_, i) => openStream(session, `web-${at + i}`)));
  }
  return () => {
    for (const session of sessions) session.destroy();
  };
}

test('G12: an idle stream costs little', async (t) => {
  const discovery = await DiscoveryProcess.start(t);
  const { pid = 0 } = discovery.program.child;
  const before = residentOf(pid);
  const leave = await openMany(discovery.xds);
  const each = (residentOf(pid) - before) / STREAMS;
  t.diagnostic(`${(each / 1024).toFixed(0)} KiB for each of ${STREAMS} streams`);
  leave();
  assert.ok(each < MOST_EACH, `${each} bytes for each stream`);
});

test('G12: a client that says nothing any more is asked, and let go when it does not answer', async (t) => {
  assert.ok(SERVER_OPTIONS['grpc.keepalive_time_ms'] <= 60_000);
  const soon = { ...SERVER_OPTIONS, 'grpc.keepalive_time_ms': 50, 'grpc.keepalive_timeout_ms': 50 };
  const port = await openPort({ host: '127.0.0.1', port: 0 }, [], plaintext(), '--xds-address', soon);
  t.after(() => port.stop());
  const socket = connectTcp(port.address.port, '127.0.0.1');
  t.after(() => socket.destroy());
  const heard: Buffer[] = [];
  socket.on('data', (bytes: Buffer) => void heard.push(bytes));
  socket.on('error', () => {});
  socket.write(Buffer.concat([f.PREFACE, f.settings(), f.settingsAck()]));
  await once(socket, 'close');
  const isPing = (bytes: Buffer, at: number) => bytes[at + 3] === f.TYPE.PING && bytes[at + 4] === 0;
  const bytes = Buffer.concat(heard);
  const frames: boolean[] = [];
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) frames.push(isPing(bytes, at));
  assert.ok(frames.includes(true), 'nobody asked');
});
