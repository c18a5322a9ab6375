// `fairlead demo`: the tea shop on this machine, until Ctrl-C; or its whole story, asserted step by step.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, styleText } from 'node:util';
import { Shop } from './shop.ts';
import { STORY } from './story.ts';

const PAGE_PORT = 8080;
/** Short enough that a rotation is seen, long enough that an outage of discovery is survived. */
const STORY_LEAF_TTL = '60s';

const USAGE = `Usage: fairlead demo [--auto] [-o json] [--logs] [--port PORT] [--leaf-ttl DURATION]

  --auto               walk the story, assert each step, exit 0 if all hold
  -o, --output json    print one line with every process, for scripts
  --logs               show what the processes say
  --port PORT          port of the page (default ${PAGE_PORT}, another one if it is in use)
  --leaf-ttl DURATION  life of certificates (default 1h; ${STORY_LEAF_TTL} with --auto)
`;

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      auto: { type: 'boolean' },
      output: { type: 'string', short: 'o' },
      logs: { type: 'boolean' },
      port: { type: 'string' },
      'leaf-ttl': { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const dir = mkdtempSync(join(tmpdir(), 'fairlead-demo-'));
  const leafTtl = values['leaf-ttl'] ?? (values.auto ? STORY_LEAF_TTL : null);
  const stopped = stopSignal();
  const say = values.output === 'json' ? () => {} : (text: string) => process.stdout.write(`${text}\n`);
  say('Opening the tea shop: discovery, nine programs, a sidecar beside each.');
  const shop = await Shop.open({
    dir,
    port: Number(values.port ?? PAGE_PORT),
    showLogs: values.logs === true,
    leafTtl,
  });
  try {
    if (values.output === 'json') process.stdout.write(`${JSON.stringify(describe(shop))}\n`);
    else printMap(shop);
    if (values.auto) process.exitCode = (await walk(shop, say)) ? 0 : 1;
    else await stopped;
  } finally {
    say('Closing the shop.');
    await shop.close();
    if (process.exitCode !== 1) rmSync(dir, { recursive: true, force: true });
    else process.stderr.write(`logs are kept in ${join(dir, 'logs')}\n`);
  }
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
}

/** Every process with its addresses. */
function describe(shop: Shop): unknown {
  const local = (port: number) => `127.0.0.1:${port}`;
  const { xds, secureXds, admin } = shop.discoveryPorts;
  const discovery = {
    role: 'discovery',
    service: null,
    pid: shop.discovery.pid,
    xds: local(xds),
    secure_xds: local(secureXds),
    admin: local(admin),
  };
  const members = shop.members.flatMap(({ plan, ports, spiffeId, app, sidecar }) => [
    {
      role: plan.app === null ? 'gateway' : 'sidecar',
      service: plan.service,
      instance: plan.name,
      pid: sidecar.pid,
      admin: local(ports.admin),
      ...(plan.app === null
        ? { inbound: local(shop.gatewayPort) }
        : { inbound: local(ports.inbound), outbound: local(ports.outbound) }),
      spiffe_id: spiffeId,
    },
    ...(app === null
      ? []
      : [{ role: 'app', service: plan.service, instance: plan.name, pid: app.pid, address: local(ports.app) }]),
  ]);
  return {
    page: `http://127.0.0.1:${shop.gatewayPort}/`,
    mesh: shop.meshFile,
    dir: shop.dir,
    processes: [discovery, ...members],
  };
}

function printMap(shop: Shop): void {
  const rows = shop.members.map(({ plan, ports, spiffeId }) => [
    plan.name,
    plan.app === null ? `:${shop.gatewayPort}` : `:${ports.inbound}`,
    plan.app === null ? '' : `:${ports.outbound}`,
    plan.app === null ? '' : `:${ports.app}`,
    `:${ports.admin}`,
    spiffeId,
  ]);
  const table = [['INSTANCE', 'INBOUND', 'OUTBOUND', 'APP', 'ADMIN', 'SPIFFE ID'], ...rows];
  const widths = table[0]?.map((_, i) => Math.max(...table.map((row) => (row[i] ?? '').length))) ?? [];
  process.stdout.write(
    `\n${table
      .map((row) =>
        row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd(),
      )
      .join('\n')}\n`,
  );
  const edges = [
    ['shop', 'web', 'HTTP'],
    ['shop', 'ticker', 'WebSocket'],
    ['web', 'catalog', 'HTTP'],
    ['web', 'reviews', 'HTTP'],
    ['web', 'brewing', 'gRPC'],
    ['web', 'stock', 'TCP'],
  ].map(([from, to, what]) => `  ${idOf(shop, from)} -> ${idOf(shop, to)}  ${what}`);
  process.stdout.write(`\nWho speaks to whom, each with mutual TLS:\n${edges.join('\n')}\n`);
  process.stdout.write(
    `\nThe page:   http://127.0.0.1:${shop.gatewayPort}/\nThe mesh:   ${shop.meshFile}  (change a weight and watch)\n`,
  );
  process.stdout.write(
    `Who runs what:   fairlead status --server 127.0.0.1:${shop.discoveryPorts.admin}\nCtrl-C closes the shop.\n\n`,
  );
}

function idOf(shop: Shop, service: string | undefined): string {
  return shop.members.find(({ plan }) => plan.service === service)?.spiffeId ?? '';
}

async function walk(shop: Shop, say: (text: string) => void): Promise<boolean> {
  let held = 0;
  for (const [i, step] of STORY.entries()) {
    const started = performance.now();
    try {
      const seen = await step.run(shop);
      held++;
      say(
        `${styleText('green', 'ok')}  ${i + 1}. ${step.title} (${((performance.now() - started) / 1000).toFixed(1)} s)\n      ${seen}`,
      );
    } catch (error) {
      say(`${styleText('red', 'FAILED')}  ${i + 1}. ${step.title}\n      ${(error as Error).message}`);
    }
  }
  say(`\n${held} of ${STORY.length} steps held.`);
  return held === STORY.length;
}
