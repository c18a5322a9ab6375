// `fairlead health --local [URL]`: a health check without curl, for container images.

import { request } from 'node:http';
import { EXIT, type Invocation } from '../command.ts';

const DISCOVERY_READY = 'http://127.0.0.1:15014/ready';
const TIMEOUT_MS = 3000;

export async function run({ positionals, values, out }: Invocation): Promise<number> {
  const url = positionals[0] ?? (typeof values['url'] === 'string' ? values['url'] : DISCOVERY_READY);
  const { status, body } = await get(url);
  out(`${body.trim() || status}\n`);
  return status === 200 ? EXIT.ok : EXIT.failure;
}

/** Status 0 and the reason where there was no answer. */
function get(url: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve) => {
    const call = request(url, { timeout: TIMEOUT_MS }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    call.on('timeout', () => call.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
    call.on('error', (error) => resolve({ status: 0, body: error.message }));
    call.end();
  });
}
