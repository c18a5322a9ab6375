// What `grpc-message` says (row G14): ASCII on the wire whatever the text, and read again as what it was.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { status } from '@grpc/grpc-js';
import * as f from './frames.ts';
import { SAY, say, startEcho, through } from './grpc-calls.ts';
import { story } from './story.ts';

const TEXT = 'who, 100% m\u00fcde? \u4f60\r\ngrpc-status: 0\0\x7f~';
/** PERCENT-ENCODED of the protocol: visible ASCII and blanks, without `%`. */
const WIRE = /^(?:[\x20-\x24\x26-\x7e]|%[0-9A-F]{2})*$/;

const GRPC = ['content-type', 'application/grpc'] as const;

describe('G14 a message of ours', () => {
  const routes = `- {match: {prefix: /}, direct_response: {status: 401, body: {inline_string: ${JSON.stringify(TEXT)}}}}`;

  it('is ASCII on the wire', async (t) => {
    const s = await story(t, { routes });
    const peer = await s.connected();
    peer.send(f.headers(1, f.request('POST', SAY, GRPC), false));
    const heard = await peer.over(1);
    const message = heard.field('grpc-message') ?? '';
    assert.match(message, WIRE);
    assert.equal(decodeURIComponent(message), TEXT);
    assert.equal(heard.field('grpc-status'), String(status.UNAUTHENTICATED));
  });

  it('is what it was to its caller', async (t) => {
    const said = await say(await through(t, await startEcho(t), { routes }));
    assert.deepEqual([said.code, said.text], [status.UNAUTHENTICATED, TEXT]);
  });
});

describe('G14 a message of the upstream', () => {
  it('is what it was to its caller', async (t) => {
    const port = await startEcho(t, (_call, done) => done({ code: status.DATA_LOSS, details: TEXT }));
    const said = await say(await through(t, port));
    assert.deepEqual([said.code, said.text], [status.DATA_LOSS, TEXT]);
  });

  /** What a client gets to see of a trailer that came like this. */
  async function passedOn(t: TestContext, message: string): Promise<string | null> {
    const s = await story(t);
    s.origin.onRequest = (peer, id) => {
      const fields = [GRPC, ['grpc-status', '13'], ['grpc-message', message]] as const;
      peer.send(f.headers(id, f.response(200, ...fields), true));
    };
    const peer = await s.connected();
    peer.send(f.headers(1, f.request('POST', SAY, GRPC, ['te', 'trailers']), true));
    return (await peer.over(1)).field('grpc-message') ?? null;
  }

  for (const message of ['a%', 'a%4', 'a%zz%41', '%', '%00%0d%0a', 'm%C3%BCde'])
    it(`goes on as it came: ${message}`, async (t) => assert.equal(await passedOn(t, message), message));
});
