// That the runner sees what is wrong: the corpus through a relay that hands every byte on as it came. It is
// what a proxy must not be, and each entry says so in words.

import assert from 'node:assert/strict';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { CORPUS } from './corpus.ts';
import type { Entry } from './entry.ts';
import { judge } from './judge.ts';
import { makeOrigin, polled } from './ours.ts';
import { type Lane, play } from './play.ts';

const LIMIT_MS = 400;
const ENTRIES = new Map(CORPUS.flatMap(({ entries }) => entries).map((entry) => [entry.id, entry]));

let relay: Server;
let lane: Lane;
const sockets = new Set<Socket>();

before(async () => {
  const { origin, changes, port: originPort } = await makeOrigin();
  relay = createServer({ allowHalfOpen: true }, (client) => join(client, originPort));
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  const { port } = relay.address() as { port: number };
  lane = { origin, changes, port, settle: polled, moveMs: LIMIT_MS, limitMs: LIMIT_MS };
});

after(async () => {
  for (const socket of sockets) socket.destroy();
  relay.close();
  await lane.origin.close();
});

function join(client: Socket, originPort: number): void {
  const origin = connect({ port: originPort, host: '127.0.0.1', allowHalfOpen: true });
  for (const socket of [client, origin]) sockets.add(socket.on('error', () => socket.destroy()));
  client.pipe(origin).pipe(client);
}

/** What the judge says of the whole entry, played once. */
async function wrong(id: string): Promise<string | null> {
  const entry = ENTRIES.get(id) as Entry;
  const witness = await play(lane, entry, entry.ours, 'whole', 'none');
  return judge(witness, entry.ours, { strict: true });
}

/** Entry -> what of it a relay does wrong. */
const FOUND: Readonly<Record<string, RegExp>> = {
  F01: /to the origin: framed more than once/,
  F07: /to the origin: a length of "\+5"/,
  F21: /to the origin: framed by "chunked, identity"/,
  K18: /chunk data is not followed by CRLF/,
  K25: /the origin saw "evil\.test"/,
  H07: /to the origin: a control character/,
  L02: /a request line of "GET \/g HTTP\/1\.2"/,
  T01: /to the origin: 0 Host fields/,
  T21: /whole requests at the origin: 1, not 0/,
  P01: /the origin saw x-foo: "1"/,
  P05c: /the origin saw x-forwarded-proto: "evil-proto"/,
  P09: /whole requests at the origin: 2, not 1/,
  P15d: /bytes of a tunnel that was not granted yet/,
  P20: /whole requests at the origin: 1, not 0/,
  R01: /to the client: framed more than once/,
  R07: /the client got (?:one answer too many|bytes that are no answer)/,
  R18: /the client got the interim answers \[100\]/,
  R22: /the client got "HTTP\/1\.1 099 X/,
  R30: /to the client: a control character/,
};

describe('a relay that understands nothing', () => {
  for (const [id, what] of Object.entries(FOUND)) {
    it(`${id}: ${ENTRIES.get(id)?.means}`, async () => assert.match((await wrong(id)) ?? 'nothing', what));
  }
});

describe('the corpus', () => {
  it('gives every entry an id of its own', () => {
    assert.equal(ENTRIES.size, CORPUS.flatMap(({ entries }) => entries).length);
  });
});
