// Every flag of a command can be set in the environment; the flag wins. And `health --wait`.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { runCommandLine } from '../../cli/command-line.ts';
import { runDiscovery } from '../mesh/discovery.ts';

async function fairlead(args: readonly string[], environment: Record<string, string> = {}) {
  let said = '';
  const hear = (text: string) => {
    said += text;
  };
  const code = await runCommandLine(args, { environment, out: hear, err: hear });
  return { code, said };
}

test('FAIRLEAD_<FLAG> stands for a flag, which wins over it', async () => {
  const environment = { FAIRLEAD_SERVICE: 'web', FAIRLEAD_ADMIN_PORT: '7', FAIRLEAD_NO_IDENTITY: 'true' };
  const { said } = await fairlead(['bootstrap', '--admin-port', '8'], environment);
  const { node, admin } = parse(said) as {
    node: { cluster: string; metadata: { fairlead: Record<string, unknown> } };
    admin: { address: { socket_address: { port_value: number } } };
  };
  assert.equal(node.cluster, 'web');
  assert.equal(admin.address.socket_address.port_value, 8);
  assert.equal(node.metadata.fairlead['features'], undefined);
});

test('what stands behind -- is for commands that run another', async () => {
  const { code, said } = await fairlead(['schema', '--', 'x']);
  assert.deepEqual([code, said.includes('nothing may follow --')], [2, true]);
});

test('health waits as long as it is told, and says what it asked', async (t) => {
  const { admin } = await runDiscovery(t, '');
  assert.deepEqual(await fairlead(['health', '--wait', '5s', `http://${admin}/ready`]), { code: 0, said: 'LIVE\n' });
  const started = performance.now();
  const away = await fairlead(['health', '--wait', '500ms', 'http://127.0.0.1:1/ready']);
  assert.equal(away.code, 1);
  assert.match(
    away.said,
    /^http:\/\/127\.0\.0\.1:1\/ready does not answer \(.*ECONNREFUSED.*\); is the program running\?\n$/,
  );
  assert.ok(performance.now() - started >= 500);
  assert.equal((await fairlead(['health', 'localhost'])).code, 2);
  assert.equal((await fairlead(['health', '--wait', '5', 'http://127.0.0.1:1/'])).code, 2);
});
