// What the commands ask a program of this machine: one page, whole, within a time. No connection is kept,
// so that the command ends when it has its answer.

import { Agent, request } from 'undici';

export interface Page {
  readonly status: number;
  readonly body: string;
}

/** The longest page that is read, in bytes. */
const LONGEST_PAGE = 64 * 1024 * 1024;

/** Rejects, in words for people, where there is no whole answer. */
export async function fetchPage(url: string, timeoutMs: number): Promise<Page> {
  const agent = new Agent({ maxResponseSize: LONGEST_PAGE });
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const { statusCode, body } = await request(url, { dispatcher: agent, signal });
    return { status: statusCode, body: await body.text() };
  } catch (error) {
    throw new Error(reasonOf(error as Error, timeoutMs));
  } finally {
    await agent.destroy();
  }
}

function reasonOf(error: Error & { readonly code?: string }, timeoutMs: number): string {
  if (error.name === 'TimeoutError') return `no answer within ${timeoutMs / 1000} s`;
  // Where a name has several addresses, the message is empty and the code says it.
  return error.message || (error.code ?? error.name);
}
