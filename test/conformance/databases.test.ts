// Real clients and servers of protocols that the sidecar knows nothing of: PostgreSQL (whose server speaks second,
// and for long) and Redis (pipelined by the hundred thousand), each over TCP with mutual TLS between two sidecars.

import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { before, test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { freePorts } from '../../examples/tea-shop/free-ports.ts';
import { eventually } from '../mesh/discovery.ts';
import { makeLeaf, makeRoot, type Pair, type Root } from '../mesh/pki.ts';
import { startProxy } from '../mesh/proxy.ts';
import { tcpBootstrap, tcpCluster, tcpFilter } from '../mesh/tcp.ts';
import { tempDir } from '../temp-dir.ts';

const TLS = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3';
const run = promisify(execFile);
const MOST_OUTPUT = 64 * 1024 * 1024;

let root: Root;
let client: Pair;
let server: Pair;

before(async () => {
  root = await makeRoot('mesh');
  client = await makeLeaf(root, { uris: ['spiffe://mesh.test/ns/default/sa/client'] });
  server = await makeLeaf(root, { uris: ['spiffe://mesh.test/ns/default/sa/server'] });
});

function tls(kind: 'Upstream' | 'Downstream', pair: Pair, peer: string): string {
  const inline = (text: string) => `{inline_string: ${JSON.stringify(text)}}`;
  const must = kind === 'Downstream' ? 'require_client_certificate: true, ' : '';
  return `transport_socket: {name: tls, typed_config: {"@type": ${TLS}.${kind}TlsContext, ${must}common_tls_context: {tls_params: {tls_maximum_protocol_version: TLSv1_3}, tls_certificates: [{certificate_chain: ${inline(pair.cert)}, private_key: ${inline(pair.key)}}], validation_context: {trusted_ca: ${inline(root.cert)}, match_typed_subject_alt_names: [{san_type: URI, matcher: {exact: "spiffe://mesh.test/ns/default/sa/${peer}"}}]}}}}`;
}

/** The port at which a client reaches the server behind two sidecars. */
async function through(t: TestContext, port: number): Promise<number> {
  const inbound = await startProxy(
    tcpBootstrap({
      chains: [`${tls('Downstream', server, 'client')}, filters: [${tcpFilter('cluster: app')}]`],
      clusters: [tcpCluster('app', [port])],
    }),
  );
  const outbound = await startProxy(
    tcpBootstrap({
      chains: [`filters: [${tcpFilter('cluster: mesh')}]`],
      clusters: [tcpCluster('mesh', [inbound.port()], `connect_timeout: 5s, ${tls('Upstream', client, 'server')}`)],
    }),
  );
  t.after(() => Promise.all([outbound.close(), inbound.close()]));
  return outbound.port();
}

function ending(t: TestContext, child: ChildProcess, signal: NodeJS.Signals): void {
  const gone = once(child, 'exit');
  t.after(async () => {
    child.kill(signal);
    await gone;
  });
}

const SBIN = '/usr/lib/postgresql';

/** The programs of the newest version; null: none is installed. */
function postgresBin(): string | null {
  try {
    const [newest] = readdirSync(SBIN).sort((a, b) => Number(b) - Number(a));
    return newest === undefined ? null : join(SBIN, newest, 'bin');
  } catch {
    return null;
  }
}

/** PostgreSQL does not run as root: then it runs as the user that its package has made. */
function postgresUser(): { readonly uid?: number; readonly gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) => Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout);
  return { uid: id('-u'), gid: id('-g') };
}

async function startPostgres(t: TestContext, bin: string): Promise<number> {
  const folder = tempDir(t);
  const user = postgresUser();
  if (user.uid !== undefined && user.gid !== undefined) chownSync(folder, user.uid, user.gid);
  const [port = 0] = await freePorts(1);
  const data = join(folder, 'data');
  await run(join(bin, 'initdb'), ['-D', data, '-U', 'tea', '-A', 'trust', '--no-sync'], { ...user, cwd: folder });
  const settings = ['-c', 'listen_addresses=127.0.0.1', '-c', `unix_socket_directories=${folder}`, '-c', 'fsync=off'];
  const child = spawn(join(bin, 'postgres'), ['-D', data, '-p', `${port}`, ...settings], {
    ...user,
    cwd: folder,
    stdio: 'ignore',
  });
  ending(t, child, 'SIGINT');
  await eventually(async () => {
    await run(join(bin, 'pg_isready'), ['-h', '127.0.0.1', '-p', `${port}`]);
  });
  return port;
}

test('a PostgreSQL session: rows by the thousand each way, an error, and sessions side by side', async (t) => {
  const bin = postgresBin();
  if (bin === null) return t.skip('postgresql is missing');
  const port = await through(t, await startPostgres(t, bin));
  const psql = async (...commands: string[]) => {
    const target = `host=127.0.0.1 port=${port} user=tea dbname=postgres sslmode=disable connect_timeout=10`;
    const args = ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', ...commands.flatMap((one) => ['-c', one]), target];
    return (await run(join(bin, 'psql'), args, { maxBuffer: MOST_OUTPUT })).stdout;
  };
  await psql('create table teas (id int primary key, name text)');
  await psql("insert into teas select i, repeat('tea', 300) || i from generate_series(1, 20000) i");
  assert.equal((await psql('select count(*), sum(length(name)) from teas')).trim(), '20000|18088894');
  const rows = (await psql('select id, name from teas order by id')).trimEnd().split('\n');
  assert.equal(rows.length, 20_000);
  assert.equal(rows[19_999], `20000|${'tea'.repeat(300)}20000`);
  await assert.rejects(psql('select 1 / 0'), /division by zero/);
  const both = await Promise.all([psql('select pg_sleep(0.2), 1'), psql('select 2'), psql('select 3')]);
  assert.deepEqual(
    both.map((text) => text.trim()),
    ['|1', '2', '3'],
  );
});

async function startRedis(t: TestContext): Promise<number> {
  const [port = 0] = await freePorts(1);
  const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', tempDir(t)];
  ending(t, spawn('redis-server', args, { stdio: 'ignore' }), 'SIGTERM');
  await eventually(async () => {
    const { stdout } = await run('redis-cli', ['-p', `${port}`, 'ping']);
    assert.equal(stdout.trim(), 'PONG');
  });
  return port;
}

const KEYS = 100_000;

test('a Redis session: commands one by one, and a hundred thousand in one pipe', async (t) => {
  if (spawnSync('redis-server', ['--version']).error !== undefined) return t.skip('redis-server is missing');
  const port = await through(t, await startRedis(t));
  const redis = async (...args: string[]) => (await run('redis-cli', ['-p', `${port}`, ...args])).stdout.trim();
  assert.equal(await redis('set', 'tea', 'mint'), 'OK');
  assert.equal(await redis('get', 'tea'), 'mint');
  const pipe = spawn('redis-cli', ['-p', `${port}`, '--pipe'], { stdio: ['pipe', 'pipe', 'inherit'] });
  let said = '';
  pipe.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  for (let i = 0; i < KEYS; i++) {
    const [key, value] = [`k${i}`, `value ${i}`];
    pipe.stdin.write(`*3\r\n$3\r\nSET\r\n$${key.length}\r\n${key}\r\n$${value.length}\r\n${value}\r\n`);
  }
  pipe.stdin.end();
  await once(pipe, 'exit');
  assert.match(said, new RegExp(`errors: 0, replies: ${KEYS}`));
  assert.equal(await redis('dbsize'), String(KEYS + 1));
  assert.equal(await redis('get', `k${KEYS - 1}`), `value ${KEYS - 1}`);
});
