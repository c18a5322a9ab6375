// The origin behind every peer of an HTTP/1.1 bench: nginx, on the core that the peers do not have.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '../../../examples/tea-shop/free-ports.ts';
import { OTHER_CORE, start } from '../processes.ts';
import type { Stack } from '../stack.ts';
import { originConfig } from './nginx-config.ts';

/** Its port; it ends with `stop`. */
export async function startOrigin(folder: string, stop: Stack): Promise<number> {
  const [port = 0] = await freePorts(1);
  const config = join(folder, 'origin.conf');
  writeFileSync(config, originConfig(folder, port));
  stop.push(start('origin', folder, OTHER_CORE, ['nginx', '-c', config]));
  return port;
}
