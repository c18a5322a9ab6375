import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { type Admin, MAX_BODY_BYTES, type Page, serveAdmin } from '../../core/admin.ts';

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
}

function ask(
  admin: Admin,
  path: string,
  method = 'GET',
  headers: Record<string, string> = {},
  body = '',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request({ ...admin.address, path, method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
    });
    call.on('error', reject).end(body);
  });
}

async function* pieces(): AsyncGenerator<string> {
  for (let i = 0; i < 3; i++) yield `${'x'.repeat(100_000)}\n`;
}

async function serve(t: TestContext, addressPath?: string): Promise<{ admin: Admin; changed: string[] }> {
  const changed: string[] = [];
  const pages: Page[] = [
    { path: '/show', method: 'GET', summary: 'shows <b>', handle: ({ query }) => ({ body: `q=${query.get('q')}\n` }) },
    {
      path: '/change',
      method: 'POST',
      summary: 'changes',
      parameters: { to: 'what' },
      handle: ({ body }) => ({ body: 'OK\n', afterwards: () => changed.push(body) }),
    },
    { path: '/long', method: 'GET', summary: 'long', handle: () => ({ body: pieces() }) },
    {
      path: '/broken',
      method: 'GET',
      summary: 'broken',
      hidden: true,
      handle: () => {
        throw new Error('no luck');
      },
    },
  ];
  const admin = await serveAdmin({ host: '127.0.0.1', port: 0, pages, name: 'fairlead', addressPath });
  t.after(() => admin.close());
  return { admin, changed };
}

test('pages, queries, HEAD, long answers, errors', async (t) => {
  const { admin } = await serve(t);
  const shown = await ask(admin, '/show?q=1');
  assert.deepEqual(
    [shown.status, shown.body, shown.headers['content-type']],
    [200, 'q=1\n', 'text/plain; charset=UTF-8'],
  );
  assert.equal(shown.headers['x-content-type-options'], 'nosniff');
  assert.equal((await ask(admin, '/show', 'HEAD')).body, '');
  assert.equal((await ask(admin, '/show', 'POST')).status, 200, 'as Envoy');
  assert.equal((await ask(admin, '/long')).body.length, 300_003);
  const broken = await ask(admin, '/broken');
  assert.deepEqual([broken.status, broken.body], [500, 'no luck\n']);
});

test('changes need POST', async (t) => {
  const { admin, changed } = await serve(t);
  const refused = await ask(admin, '/change');
  assert.deepEqual(
    [refused.status, refused.body, refused.headers['allow']],
    [405, 'Method GET not allowed, POST required.', 'POST'],
  );
  assert.equal((await ask(admin, '/change', 'POST', {}, 'it')).status, 200);
  assert.deepEqual(changed, ['it']);
  assert.equal((await ask(admin, '/change', 'POST', {}, 'x'.repeat(MAX_BODY_BYTES + 1))).status, 413);
});

test('other hosts and origins are refused: DNS rebinding, cross-site requests', async (t) => {
  const { admin, changed } = await serve(t);
  for (const headers of [
    { host: 'evil.example' },
    { host: 'evil.example:80' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
  ]) {
    assert.equal(
      (await ask(admin, '/change', 'POST', headers as Record<string, string>)).status,
      403,
      JSON.stringify(headers),
    );
  }
  assert.deepEqual(changed, []);
  for (const host of ['localhost:1', '127.0.0.1', '[::1]:80', '127.9.9.9:1'])
    assert.equal((await ask(admin, '/show', 'GET', { host })).status, 200, host);
  assert.equal((await ask(admin, '/show', 'GET', { origin: `http://127.0.0.1:${admin.address.port}` })).status, 200);
});

test('help lists what there is, home page with names escaped', async (t) => {
  const { admin } = await serve(t);
  const { body } = await ask(admin, '/help');
  assert.match(body, /^admin commands are:\n/);
  assert.match(body, /\n {2}\/change \(POST\): changes\n {6}to: what\n/);
  assert.doesNotMatch(body, /broken/);
  const missing = await ask(admin, '/none');
  assert.deepEqual([missing.status, missing.body], [404, `invalid path. ${body}`]);
  const home = await ask(admin, '/');
  assert.match(home.body, /shows &#60;b&#62;/);
  assert.match(String(home.headers['content-type']), /^text\/html/);
});

test('only for this machine', async () => {
  await assert.rejects(serveAdmin({ host: '0.0.0.0', port: 0, pages: [], name: 'x' }), /no loopback address/);
});

test('the bound address is written to a file', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-admin-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'address');
  const { admin } = await serve(t, path);
  assert.equal(await readFile(path, 'utf8'), `127.0.0.1:${admin.address.port}`);
});
