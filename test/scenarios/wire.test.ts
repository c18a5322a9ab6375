// HTTP/1.1 through the whole proxy on real sockets: framing at every split, pipelining, bodies both ways,
// answers that are wrong, connections that end at the wrong moment.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { exchange, openClient, splits } from '../mesh/client.ts';
import { answer, type Origin, startOrigin } from '../mesh/origin.ts';
import { type TestProxy, startProxy } from '../mesh/proxy.ts';

let origin: Origin;
let proxy: TestProxy;

before(async () => {
  origin = await startOrigin();
  proxy = await startProxy({ origins: { o1: origin.port } });
});

after(async () => {
  await proxy.close();
  await origin.close();
});

const ok = (received: string) => received.endsWith('\r\n\r\nok');

describe('requests at every split', () => {
  const texts = {
    'a GET': 'GET /x HTTP/1.1\r\nhost: a\r\n\r\n',
    'a counted body': 'POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello',
    'a chunked body with extension and trailer':
      'POST /x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2;e=1\r\nhe\r\n3\r\nllo\r\n0\r\nx-t: 1\r\n\r\n',
    'a leading empty line': '\r\nGET /x HTTP/1.1\r\nhost: a\r\n\r\n',
  };
  for (const [name, text] of Object.entries(texts)) {
    it(name, async () => {
      origin.script = () => answer('ok');
      const start = origin.seen.length;
      const cuts = splits(text);
      for (const pieces of cuts) assert.match(await exchange(proxy.port(), pieces, ok), /^HTTP\/1\.1 200 OK\r\n/);
      const bodies = new Set(
        origin.seen.slice(start).map(({ body }) => body.replace(/[\da-f]+\r\n([^\r]*)\r\n/gi, '$1')),
      );
      assert.equal(origin.seen.length - start, cuts.length);
      assert.ok(bodies.size <= 3, [...bodies].join('|'));
      for (const body of bodies)
        assert.ok(['', 'hello', 'hello0\r\n\r\n', 'hello\r\n'].includes(body) || body.startsWith('hello'), body);
    });
  }
});

describe('bad requests', () => {
  const bad: Readonly<Record<string, string>> = {
    'length and chunked': 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\nhello',
    'a bad chunk size': 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nG\r\n',
    'a chunk that is too long':
      'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n',
    'a chunk ended by LF': 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\nhe\r\n0\r\n\r\n',
    'HTTP/0.9': 'GET /\r\n\r\n',
    'two leading empty lines': '\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n',
    'a control character in a trailer':
      'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: \x01\r\n\r\n',
  };
  for (const [name, text] of Object.entries(bad)) {
    it(`${name}: 400 and the end of the connection, at every split`, async () => {
      origin.script = () => answer('ok');
      for (const pieces of splits(text)) {
        const received = await exchange(proxy.port(), pieces, (all) =>
          /^HTTP\/1\.1 4\d\d [\s\S]*connection: close[\s\S]*\r\n\r\n/.test(all),
        );
        assert.match(received, /^HTTP\/1\.1 (400|501) /);
      }
    });
  }

  it('a head over the limit is 431', async () => {
    const client = await openClient(proxy.port());
    await client.send(`GET / HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(62_000)}`);
    assert.match(await client.until((all) => all.includes('\r\n\r\n')), /^HTTP\/1\.1 431 /);
    client.close();
  });
});

describe('pipelining', () => {
  it('answers in order, one at a time upstream', async () => {
    let under = 0;
    let most = 0;
    origin.script = ({ head }, _n, socket) => {
      most = Math.max(most, ++under);
      const path = /^GET (\S+)/.exec(head)?.[1] ?? '';
      setTimeout(
        () => {
          under--;
          socket.write(answer(path));
        },
        path === '/1' ? 30 : 1,
      );
      return null;
    };
    const one = (n: number) => `GET /${n} HTTP/1.1\r\nhost: a\r\n\r\n`;
    const received = await exchange(proxy.port(), [one(1) + one(2) + one(3) + one(4)], (all) => all.endsWith('/4'));
    assert.deepEqual(
      received.match(/\r\n\r\n\/\d/g),
      ['/1', '/2', '/3', '/4'].map((path) => `\r\n\r\n${path}`),
    );
    assert.equal(most, 1);
  });

  it('a bad second message does not disturb the first answer', async () => {
    origin.script = (_request, _n, socket) => {
      setTimeout(() => socket.write(answer('first')), 20);
      return null;
    };
    const received = await exchange(proxy.port(), ['GET /1 HTTP/1.1\r\nhost: a\r\n\r\nBAD\r\n\r\n'], (all) =>
      all.includes(' 400 '),
    );
    assert.ok(received.indexOf('first') > 0 && received.indexOf('first') < received.indexOf(' 400 '));
  });

  it('ignores bytes after Connection: close', async () => {
    origin.script = () => answer('ok');
    const before = origin.seen.length;
    const client = await openClient(proxy.port());
    await client.send('GET /1 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\nGET /2 HTTP/1.1\r\nhost: a\r\n\r\n');
    const received = await client.ended();
    assert.equal(received.match(/HTTP\/1\.1 200/g)?.length, 1);
    assert.match(received, /\r\nconnection: close\r\n/);
    assert.equal(origin.seen.length - before, 1);
  });
});

describe('answers of an upstream', () => {
  const wrong: Readonly<Record<string, string>> = {
    'both framings': 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\nok',
    'two lengths': 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nok',
    'a status of 600': 'HTTP/1.1 600 X\r\ncontent-length: 0\r\n\r\n',
    'HTTP/0.9 text': 'hello world, this is no head\r\n\r\n',
    'a 101 nobody asked for': 'HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
    'nine interim answers': `${'HTTP/1.1 103 Hints\r\n\r\n'.repeat(9)}HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n`,
  };
  for (const [name, text] of Object.entries(wrong)) {
    it(`${name} is 502, and the connection is not used again`, async () => {
      origin.script = () => text;
      const used = origin.sockets.length;
      const received = await exchange(proxy.port(), ['GET / HTTP/1.1\r\nhost: a\r\n\r\n'], (all) =>
        all.includes('\r\n\r\n'),
      );
      assert.match(received, /^HTTP\/1\.1 502 /);
      origin.script = () => answer('ok');
      await exchange(proxy.port(), ['GET / HTTP/1.1\r\nhost: a\r\n\r\n'], ok);
      assert.ok((origin.seen.at(-1)?.connection ?? 0) > used - 1);
    });
  }

  it('a counted body cut short is never a clean end', async () => {
    origin.script = (_request, _n, socket) => {
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf');
      return null;
    };
    const client = await openClient(proxy.port());
    await client.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    const received = await client.ended();
    assert.ok(received.endsWith('half'));
  });

  it('a chunked body cut short has no last chunk', async () => {
    origin.script = (_request, _n, socket) => {
      socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n');
      return null;
    };
    const client = await openClient(proxy.port());
    await client.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    const received = await client.ended();
    assert.ok(received.includes('half') && !received.includes('0\r\n\r\n'));
  });

  it('a body that ends with the connection goes down chunked and whole', async () => {
    origin.script = (_request, _n, socket) => {
      socket.end('HTTP/1.1 200 OK\r\n\r\nto the end');
      return null;
    };
    const received = await exchange(proxy.port(), ['GET / HTTP/1.1\r\nhost: a\r\n\r\n'], (all) =>
      all.endsWith('0\r\n\r\n'),
    );
    assert.match(received, /transfer-encoding: chunked\r\n[\s\S]*a\r\nto the end\r\n0\r\n\r\n$/);
  });

  it('bytes on an idle connection end it', async () => {
    origin.script = () => answer('ok');
    await exchange(proxy.port(), ['GET / HTTP/1.1\r\nhost: a\r\n\r\n'], ok);
    const used = origin.sockets[(origin.seen.at(-1)?.connection ?? 1) - 1];
    const gone = new Promise((resolve) => used?.once('close', resolve));
    used?.write('HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison');
    await gone;
    assert.match(await exchange(proxy.port(), ['GET / HTTP/1.1\r\nhost: a\r\n\r\n'], ok), /ok$/);
  });
});

describe('the keep-alive race', () => {
  it('an idempotent request on a connection that just closed is sent again, once', async () => {
    origin.script = () => answer('ok');
    await exchange(proxy.port(), ['GET /warm HTTP/1.1\r\nhost: a\r\n\r\n'], ok);
    const warm = origin.seen.at(-1)?.connection;
    origin.script = ({ connection }, _n, socket) => {
      if (connection !== warm) return answer('ok');
      socket.destroy();
      return null;
    };
    assert.match(await exchange(proxy.port(), ['GET /again HTTP/1.1\r\nhost: a\r\n\r\n'], ok), /^HTTP\/1\.1 200/);
  });

  it('a POST is not', async () => {
    origin.script = () => answer('ok');
    await exchange(proxy.port(), ['GET /warm HTTP/1.1\r\nhost: a\r\n\r\n'], ok);
    const warm = origin.seen.at(-1)?.connection;
    origin.script = ({ connection }, _n, socket) => {
      if (connection !== warm) return answer('ok');
      socket.destroy();
      return null;
    };
    const received = await exchange(
      proxy.port(),
      ['POST /again HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi'],
      (all) => all.includes('\r\n\r\n'),
    );
    assert.match(received, /^HTTP\/1\.1 503/);
  });
});

describe('large bodies', () => {
  it('a slow reader brakes the origin, and everything arrives', async () => {
    const size = 24 * 1024 * 1024;
    let taken = 0;
    origin.script = (_request, _n, socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n`);
      const piece = Buffer.alloc(64 * 1024, 120);
      const more = () => {
        while (taken < size) {
          taken += piece.length;
          if (!socket.write(piece)) {
            socket.once('drain', more);
            return;
          }
        }
      };
      more();
      return null;
    };
    const client = await openClient(proxy.port());
    client.socket.pause();
    await client.send('GET /big HTTP/1.1\r\nhost: a\r\n\r\n');
    let before = -1;
    while (taken !== before) {
      before = taken;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.ok(taken < size, 'the origin was never braked');
    let got = 0;
    client.socket.removeAllListeners('data');
    client.socket.on('data', (bytes) => {
      got += bytes.length;
      if (got > size) client.close();
    });
    client.socket.resume();
    await client.ended();
    assert.ok(got > size);
  });
});
