// Messages through the sidecar from each version of HTTP to each: what one side says is what the other sees.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Pair, type Said, type Seen, startPair, type Version } from './pair.ts';

const VERSIONS: readonly Version[] = [1, 2];
const SIZES = [0, 1, 16_384, 16_385, 1024 * 1024];
const PAIRS = VERSIONS.flatMap((client) => VERSIONS.map((origin) => ({ client, origin })));
const TRAILERS = [
  ['x-one', '1'],
  ['x-two', 'b'],
] as const;

function passed(said: Said, seen: Seen, what: string): void {
  assert.equal(seen.whole, true, `${what} is whole`);
  assert.equal(seen.length, said.length ?? 0, `length of ${what}`);
  if (said.counted) assert.deepEqual(seen.fields.get('content-length'), [String(said.length)], what);
  const trailers = [...seen.trailers].map(([name, [value]]) => [name, value]);
  assert.deepEqual(
    trailers,
    (said.trailers ?? []).map(([name, value]) => [name, value]),
    what,
  );
}

async function both(pair: Pair, said: Said): Promise<void> {
  const answer = await pair.ask({ method: 'POST', length: 0, ...said }, said);
  assert.equal(answer.status, 200);
  passed(said, pair.seen(), 'the request');
  passed(said, answer, 'the answer');
}

for (const { client, origin } of PAIRS)
  describe(`HTTP/${client} to HTTP/${origin}`, { concurrency: true }, () => {
    const row = (name: string, run: (pair: Pair) => Promise<void>) =>
      it(name, async (t) => run(await startPair(t, client, origin)));

    for (const length of SIZES) {
      row(`${length} bytes each way, counted`, (pair) => both(pair, { length, counted: true }));
      row(`${length} bytes each way, not counted`, (pair) => both(pair, { length }));
      row(`${length} bytes each way, with trailers`, (pair) => both(pair, { length, trailers: TRAILERS }));
    }

    row('many, one after another', async (pair) => {
      for (let length = 0; length < 20; length++)
        await both(pair, { length: length * 5000, counted: length % 2 === 0 });
    });

    row('HEAD', async (pair) => {
      const answer = await pair.ask({ method: 'HEAD' }, { length: 5, counted: true });
      assert.equal(pair.seen().method, 'HEAD');
      assert.deepEqual([answer.status, answer.length, answer.whole], [200, 0, true]);
      assert.deepEqual(answer.fields.get('content-length'), ['5']);
    });

    for (const status of [204, 304])
      row(`${status}`, async (pair) => {
        const answer = await pair.ask({}, { status });
        assert.deepEqual([answer.status, answer.length, answer.whole], [status, 0, true]);
        assert.equal(answer.fields.has('content-length'), false);
        assert.equal(answer.fields.has('transfer-encoding'), false);
      });

    row('Expect: 100-continue', async (pair) => {
      const answer = await pair.ask({ method: 'POST', length: 9, fields: [['expect', '100-continue']] }, {});
      assert.equal(pair.seen().length, 9);
      assert.equal(answer.status, 200);
    });

    row('D54 cookies, as one field', async (pair) => {
      // HTTP/1.1 has one line; in HTTP/2 every crumb may be a field.
      const crumbs = [
        ['cookie', 'a=b'],
        ['cookie', 'c=d'],
      ] as const;
      await pair.ask(
        { fields: client === 2 ? crumbs : [['cookie', 'a=b; c=d']] },
        {
          fields: [
            ['set-cookie', 'x=1'],
            ['set-cookie', 'y=2'],
          ],
        },
      );
      assert.deepEqual(pair.seen().fields.get('cookie'), ['a=b; c=d']);
    });

    row('set-cookie stays two fields', async (pair) => {
      const answer = await pair.ask(
        {},
        {
          fields: [
            ['set-cookie', 'x=1'],
            ['set-cookie', 'y=2'],
          ],
        },
      );
      assert.deepEqual(answer.fields.get('set-cookie'), ['x=1', 'y=2']);
    });

    row('D17 te: trailers goes where it means something', async (pair) => {
      const fields =
        client === 2
          ? ([['te', 'trailers']] as const)
          : ([
              ['te', 'trailers'],
              ['connection', 'te'],
            ] as const);
      await pair.ask({ fields }, {});
      assert.deepEqual(pair.seen().fields.get('te'), ['trailers']);
      if (origin === 2) assert.equal(pair.seen().fields.has('connection'), false);
    });

    row('D52 a path is normalised the same', async (pair) => {
      await pair.ask({ path: '/a/./b/../c//d?x=/../y' }, {});
      assert.equal(pair.seen().path, '/a/c/d?x=/../y');
    });

    row('D53 an encoded CRLF stays encoded', async (pair) => {
      await pair.ask({ path: '/a%0d%0ax:%20y' }, {});
      assert.equal(pair.seen().path, '/a%0d%0ax:%20y');
      assert.equal(pair.seen().fields.has('x'), false);
    });

    row('the host, in the place that the version has for it', async (pair) => {
      await pair.ask({ host: 'Example.com:8080' }, {});
      const { host, fields } = pair.seen();
      assert.equal(host, 'Example.com:8080');
      assert.equal(fields.has('host'), origin === 1);
    });

    row('fields of a connection stay with it', async (pair) => {
      const ours =
        client === 1
          ? ([
              ['connection', 'x-mine'],
              ['x-mine', '1'],
              ['keep-alive', 'timeout=5'],
            ] as const)
          : [];
      const theirs =
        origin === 1
          ? ([
              ['connection', 'x-mine'],
              ['x-mine', '1'],
              ['keep-alive', 'timeout=5'],
            ] as const)
          : [];
      const answer = await pair.ask({ fields: [...ours, ['x-yours', '1']] }, { fields: [...theirs, ['x-yours', '1']] });
      for (const fields of [pair.seen().fields, answer.fields]) {
        assert.deepEqual(fields.get('x-yours'), ['1']);
        for (const name of ['x-mine', 'keep-alive', 'connection']) assert.equal(fields.has(name), false, name);
      }
    });

    row('names of any case, and bytes past ASCII in values', async (pair) => {
      const name = client === 1 ? 'X-Name' : 'x-name';
      await pair.ask({ fields: [[name, 'caf\xe9']] }, {});
      assert.deepEqual(fieldOfAnyCase(pair.seen().fields, 'x-name'), ['caf\xe9']);
    });

    row('a field in many values', async (pair) => {
      const answer = await pair.ask(
        {
          fields: [
            ['x', 'a'],
            ['y', '1'],
            ['x', 'b'],
          ],
        },
        {
          fields: [
            ['x', 'c'],
            ['x', 'd'],
          ],
        },
      );
      assert.deepEqual(pair.seen().fields.get('x'), ['a', 'b']);
      assert.deepEqual(answer.fields.get('x'), ['c', 'd']);
    });
  });

function fieldOfAnyCase(fields: Seen['fields'], name: string): readonly string[] | undefined {
  return [...fields].find(([one]) => one.toLowerCase() === name)?.[1];
}
