// Discovery as a process that a test may kill, freeze and start again on the same ports, with a service
// `catalog` whose one instance is registered and is the test's own origin.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { bootstrapOf } from '../../../cli/verbs/bootstrap.ts';
import { ask, until } from '../../../examples/tea-shop/ask.ts';
import { freePorts } from '../../../examples/tea-shop/free-ports.ts';
import { tempDir } from '../../temp-dir.ts';
import { type Program, runProgram } from './processes.ts';

const CLI = fileURLToPath(new URL('../../../cli/main.ts', import.meta.url));
const MESH = 'mesh: {mtls: PERMISSIVE}\nservices: {web: {port: 80}, catalog: {port: 9000}}';

export class DiscoveryProcess {
  readonly xds: number;
  readonly admin: number;
  readonly dataDir: string;
  program: Program;
  readonly #t: TestContext;
  readonly #mesh: string;

  private constructor(t: TestContext, [xds, admin]: readonly number[]) {
    const dir = tempDir(t);
    this.#t = t;
    this.xds = xds as number;
    this.admin = admin as number;
    this.dataDir = join(dir, 'data');
    this.#mesh = join(dir, 'mesh.yaml');
    writeFileSync(this.#mesh, MESH);
    this.program = this.#run();
  }

  static async start(t: TestContext): Promise<DiscoveryProcess> {
    const discovery = new DiscoveryProcess(t, await freePorts(2));
    await discovery.untilReady();
    return discovery;
  }

  #run(): Program {
    return runProgram(this.#t, [
      CLI,
      'discovery',
      '--config',
      this.#mesh,
      '--data-dir',
      this.dataDir,
      '--xds-address',
      `127.0.0.1:${this.xds}`,
      '--secure-xds-address',
      '127.0.0.1:0',
      '--admin-address',
      `127.0.0.1:${this.admin}`,
    ]);
  }

  async untilReady(): Promise<void> {
    await until('discovery', async () => (await ask({ port: this.admin, path: '/ready' })).status === 200);
  }

  async kill(): Promise<void> {
    this.program.child.kill('SIGKILL');
    await this.program.exit;
  }

  async startAgain(): Promise<void> {
    this.program = this.#run();
    await this.untilReady();
  }

  async register(port: number): Promise<void> {
    const body = JSON.stringify({ service: 'catalog', address: '127.0.0.1', port, leaseSeconds: 300 });
    const headers = { 'content-type': 'application/json', 'content-length': String(body.length) };
    const path = '/v1/instances/catalog-1';
    const { status, text } = await ask({ port: this.admin, path, method: 'PUT', body, headers });
    if (status >= 300) throw new Error(text);
  }

  /** Of the sidecar of `web`; `xds`: another way to discovery. */
  bootstrap(appPort: number, xds = this.xds): string {
    const flags = { 'inbound-port': '0', 'outbound-port': '0', 'app-port': String(appPort), 'no-identity': true };
    const text = bootstrapOf({ service: 'web', 'xds-address': `127.0.0.1:${xds}`, ...flags });
    const { admin: _, ...rest } = text;
    return stringify(rest);
  }
}
