// What an upstream may say wrongly: each answer whole and cut at every byte. Before its head went down the
// client gets a 502 and the connection is not used again; after that it sees an abort, never a clean end.

import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { openClient } from '../mesh/client.ts';
import { answer, startOrigin } from '../mesh/origin.ts';
import { startProxy } from '../mesh/proxy.ts';
import { ask, type Bench, cuts, wholeAnswer } from './http1-rows.ts';

let bench: Bench;

before(async () => {
  const origin = await startOrigin();
  bench = { origin, proxy: await startProxy({ origins: { o1: origin.port } }) };
});

after(async () => {
  await bench.proxy.close();
  await bench.origin.close();
});

const GET = 'GET /x HTTP/1.1\r\nhost: a\r\n\r\n';
const ok = (fields: string, body = '') => `HTTP/1.1 200 OK\r\n${fields}\r\n\r\n${body}`;

/** The origin says these pieces, each a packet of its own; `end`: and then ends the connection. */
function says(pieces: readonly string[], end = false): void {
  bench.origin.script = (_, __, socket) => {
    void speak(socket, pieces, end);
    return null;
  };
}

async function speak(socket: Socket, pieces: readonly string[], end: boolean): Promise<void> {
  for (const piece of pieces) {
    socket.write(piece, 'latin1');
    if (pieces.length > 1) await new Promise((resolve) => setImmediate(resolve));
  }
  if (end) socket.end();
}

const WRONG_HEAD: Readonly<Record<string, string>> = {
  'R01 length and chunked': ok('content-length: 5\r\ntransfer-encoding: chunked', '5\r\nhello\r\n0\r\n\r\n'),
  'R02 two lengths': ok('content-length: 3\r\ncontent-length: 5', 'hello'),
  'R03 the same length twice': ok('content-length: 5\r\ncontent-length: 5', 'hello'),
  'R04 a list of lengths': ok('content-length: 3, 3', 'abc'),
  'R05 a negative length': ok('content-length: -1'),
  'R08 chunked is not last': ok('transfer-encoding: chunked, gzip', '0\r\n\r\n'),
  'R10 identity': ok('transfer-encoding: identity', 'x'),
  'R11 an empty coding and a length': ok('transfer-encoding: \r\ncontent-length: 2', 'ok'),
  'R12 chunked in HTTP/1.0': 'HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
  'R19 a flood of interim answers': `${'HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n'.repeat(20)}${answer('ok')}`,
  'R20 a switch that nobody asked for': 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
  'R22 status 099': 'HTTP/1.1 099 X\r\ncontent-length: 0\r\n\r\n',
  'R23 status 1000': 'HTTP/1.1 1000 X\r\ncontent-length: 0\r\n\r\n',
  'R24 letters in a status': 'HTTP/1.1 2OO OK\r\ncontent-length: 0\r\n\r\n',
  'R25 status 600': 'HTTP/1.1 600 X\r\ncontent-length: 0\r\n\r\n',
  'R26 HTTP/0.9': 'hello, world\r\n\r\n',
  'R29 LF alone': 'HTTP/1.1 200 OK\ncontent-length: 0\n\n\r\n\r\n',
  'R30 a CR in a value': ok('x: a\rb\r\ncontent-length: 0'),
  'R31 a NUL': ok('x: a\0b\r\ncontent-length: 0'),
  'R32 a folded line': ok('x: a\r\n b\r\ncontent-length: 0'),
  'R33 a space before a colon': ok('content-length : 0'),
  'R34 an empty name': ok(': b\r\ncontent-length: 0'),
  'R35 no colon': ok('xyz\r\ncontent-length: 0'),
  'R40 a head past its limit': ok(`x: ${'y'.repeat(90_000)}\r\ncontent-length: 0`),
  'R41 3000 fields': ok(`${Array.from({ length: 3000 }, (_, i) => `x-${i}: 1`).join('\r\n')}\r\ncontent-length: 0`),
  'another version': 'HTTP/1.2 200 OK\r\ncontent-length: 0\r\n\r\n',
};

describe('a head that cannot be trusted', () => {
  for (const [name, text] of Object.entries(WRONG_HEAD)) {
    it(`${name}: 502, and a new connection for the next request`, async () => {
      for (const pieces of cuts(text)) {
        says(pieces);
        const cut = JSON.stringify(pieces.map((piece) => piece.slice(0, 60)));
        const received = await ask(bench, [GET]);
        assert.match(received, /^HTTP\/1\.1 50[23] /, cut);
        const bad = bench.origin.seen.at(-1)?.connection;
        bench.origin.script = () => answer('next');
        assert.match(await ask(bench, [GET]), /next$/);
        assert.notEqual(bench.origin.seen.at(-1)?.connection, bad, cut);
      }
    });
  }
});

const CUT_SHORT: Readonly<Record<string, string>> = {
  'a counted body that ends early': ok('content-length: 10', 'hello'),
  'a chunked body that ends early': ok('transfer-encoding: chunked', '5\r\nhello\r\n'),
  'a bad chunk size': ok('transfer-encoding: chunked', '5\r\nhello\r\nG\r\n'),
  'a chunk that is too long': ok('transfer-encoding: chunked', '4\r\nhello\r\n0\r\n\r\n'),
  'a chunk ended by LF': ok('transfer-encoding: chunked', '5\r\nhello\n0\r\n\r\n'),
  'a control character in a trailer': ok('transfer-encoding: chunked', '5\r\nhello\r\n0\r\nx: \x01\r\n\r\n'),
};

describe('a body that breaks off', () => {
  for (const [name, text] of Object.entries(CUT_SHORT)) {
    it(`${name}: never a clean end`, async () => {
      const head = text.indexOf('\r\n\r\n') + 4;
      for (const body of cuts(text.slice(head))) {
        says([text.slice(0, head), ...body], true);
        const client = await openClient(bench.proxy.port());
        await client.send(GET);
        const received = await client.ended();
        const clean = wholeAnswer(received) && !/^HTTP\/1\.1 50[23] /.test(received);
        assert.equal(clean, false, JSON.stringify([body, received]));
      }
    });
  }
});

interface Good {
  readonly text: string;
  readonly end?: boolean;
  readonly expect: RegExp;
  /** Whether the origin's connection serves the next request too. */
  readonly kept: boolean;
}

const GOOD: Readonly<Record<string, Good>> = {
  'R07 bytes after an answer': { text: `${answer('one')}${answer('two')}`, expect: /\r\n\r\none$/, kept: false },
  'R13 a body after 204': {
    text: 'HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nhello',
    expect: /^HTTP\/1\.1 204 [\s\S]*\r\n\r\n$/,
    kept: false,
  },
  'R14 a body after 304': {
    text: 'HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\nhello',
    expect: /^HTTP\/1\.1 304 [\s\S]*\r\n\r\n$/,
    kept: false,
  },
  'R18 a 100 that nobody asked for': {
    text: `HTTP/1.1 100 Continue\r\n\r\n${answer('ok')}`,
    expect: /^HTTP\/1\.1 200 [\s\S]*ok$/,
    kept: true,
  },
  'R28 no reason phrase': {
    text: 'HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nok',
    expect: /^HTTP\/1\.1 200 OK[\s\S]*ok$/,
    kept: true,
  },
  'R39 a body to the end of the connection': {
    text: ok('x: 1', 'hello'),
    end: true,
    expect: /chunked\r\n[\s\S]*o\r\n0\r\n\r\n$/,
    kept: false,
  },
  'R46 Connection: close and more': {
    text: `${ok('connection: close\r\ncontent-length: 2', 'ok')}more`,
    expect: /\r\n\r\nok$/,
    kept: false,
  },
  'R47 protected fields stay': {
    text: ok('connection: set-cookie\r\nset-cookie: a=1\r\ncontent-length: 0'),
    expect: /^set-cookie: a=1\r$/m,
    kept: true,
  },
};

describe('answers that are delivered', () => {
  for (const [name, { text, end = false, expect, kept }] of Object.entries(GOOD)) {
    it(name, async () => {
      for (const pieces of cuts(text)) {
        says(pieces, end);
        const received = await ask(bench, [GET], (all) =>
          /^HTTP\/1\.1 (204|304)/.test(all) ? all.endsWith('\r\n\r\n') : wholeAnswer(all),
        );
        assert.match(received, expect, JSON.stringify(pieces));
        if (kept) continue;
        const first = bench.origin.seen.at(-1)?.connection;
        // What is wrong with the connection may still be on its way.
        await new Promise((resolve) => setTimeout(resolve, 5));
        bench.origin.script = () => answer('next');
        assert.match(await ask(bench, [GET]), /next$/);
        assert.notEqual(bench.origin.seen.at(-1)?.connection, first, JSON.stringify(pieces));
      }
    });
  }

  it('R07b bytes on an idle connection end it', async () => {
    bench.origin.script = () => answer('ok');
    await ask(bench, [GET]);
    const last = bench.origin.seen.at(-1)?.connection ?? 0;
    const socket = bench.origin.sockets[last - 1] as Socket;
    const gone = new Promise((resolve) => socket.once('close', resolve));
    socket.write(answer('uninvited'));
    await gone;
    assert.match(await ask(bench, [GET]), /\r\n\r\nok$/);
    assert.notEqual(bench.origin.seen.at(-1)?.connection, last);
  });
});
