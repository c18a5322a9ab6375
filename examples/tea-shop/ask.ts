// Small HTTP questions that the demo asks the shop and its sidecars.

import { type Agent, request } from 'node:http';

export interface Asked {
  readonly status: number;
  readonly text: string;
}

export interface Question {
  readonly port: number;
  readonly path: string;
  readonly host?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly agent?: Agent;
}

const TIMEOUT_MS = 5000;

/** Rejects when there is no answer. */
export function ask({ port, path, host, method = 'GET', headers = {}, body, agent }: Question): Promise<Asked> {
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: '127.0.0.1',
        port,
        path,
        method,
        headers: { ...(host === undefined ? {} : { host }), ...headers },
        ...(agent === undefined ? {} : { agent }),
      },
      (response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(pieces).toString() }));
        response.on('error', reject);
      },
    );
    call.setTimeout(TIMEOUT_MS, () => call.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    call.on('error', reject);
    call.end(body);
  });
}

/** Asks again and again until `good` says yes; throws with the last reason when the time is over. */
export async function until(what: string, good: () => Promise<boolean>, limitMs = 30_000): Promise<void> {
  const end = performance.now() + limitMs;
  let last = 'not yet';
  while (performance.now() < end) {
    try {
      if (await good()) return;
      last = 'not yet';
    } catch (error) {
      last = (error as Error).message;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${what}: ${last} after ${limitMs / 1000} s`);
}
