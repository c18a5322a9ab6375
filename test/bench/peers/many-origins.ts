// Thousands of endpoints that answer: a few nginx, each with many loopback addresses and ports. One nginx cannot
// hold all of them and their connections within the usual limit of handles.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '../../../examples/tea-shop/free-ports.ts';
import { OTHER_CORE, type Running, start } from '../processes.ts';
import { originConfig } from './nginx-config.ts';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

const PORTS = 100;
const ADDRESSES_PER_ORIGIN = 25;

export async function startOrigins(
  folder: string,
  count: number,
): Promise<{ readonly endpoints: readonly Endpoint[]; readonly processes: readonly Running[] }> {
  const ports = await freePorts(Math.min(PORTS, count));
  const hosts = Array.from({ length: Math.ceil(count / PORTS) }, (_, i) => `127.0.0.${i + 1}`);
  const endpoints = hosts.flatMap((host) => ports.map((port) => ({ host, port }))).slice(0, count);
  const size = ADDRESSES_PER_ORIGIN * PORTS;
  const processes = Array.from({ length: Math.ceil(count / size) }, (_, i) => {
    const name = `origin-${i}`;
    const own = endpoints.slice(i * size, (i + 1) * size);
    const file = join(folder, `${name}.conf`);
    writeFileSync(file, originConfig(folder, own, name));
    return start(name, folder, OTHER_CORE, ['nginx', '-c', file]);
  });
  return { endpoints, processes };
}
