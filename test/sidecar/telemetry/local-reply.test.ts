import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FLAG } from '../../../sidecar/errors.ts';
import type { LocalReplyConfig, LogFormat } from '../../../sidecar/model/access-log.ts';
import { compileLocalReply } from '../../../sidecar/telemetry/local-reply.ts';
import { factsWith, type FactsWith } from './facts.ts';

const text = (format: string): LogFormat => ({ kind: 'text', text: format, omitEmpty: false });
const present = (name: string) =>
  ({ name, test: { kind: 'present', present: true }, invert: false, treatMissingAsEmpty: false }) as const;

/** The configuration of the differential case hcm/local-reply-mappers. */
const CONFIG: LocalReplyConfig = {
  mappers: [
    {
      filter: { kind: 'status', comparison: { op: 'eq', value: 404 } },
      status: 410,
      body: 'it is gone',
      bodyFormat: null,
      headersToAdd: [{ name: 'x-mapped', value: 'yes %RESPONSE_CODE%', action: 'overwrite-or-add', keepEmpty: false }],
    },
    {
      filter: { kind: 'response-flags', flags: ['UF', 'UH'] },
      status: 599,
      body: null,
      bodyFormat: { format: text('<%RESPONSE_CODE%|%RESPONSE_FLAGS%|%LOCAL_REPLY_BODY%>'), contentType: null },
      headersToAdd: [],
    },
    {
      filter: { kind: 'header', match: present('x-json') },
      status: null,
      body: null,
      bodyFormat: {
        format: {
          kind: 'json',
          json: { code: '%RESPONSE_CODE%', path: '%REQ(:PATH)%', body: '%LOCAL_REPLY_BODY%' },
          omitEmpty: false,
          sortKeys: true,
        },
        contentType: null,
      },
      headersToAdd: [],
    },
  ],
  bodyFormat: {
    format: text('%LOCAL_REPLY_BODY%:%RESPONSE_CODE%:%REQ(:PATH)%'),
    contentType: 'text/html; charset=UTF-8',
  },
};

function mapped(status: number, body: string, facts: FactsWith, config = CONFIG) {
  const compiled = compileLocalReply(config, Math.random);
  return compiled({ status, body }, (answer) =>
    factsWith({ ...facts, responseCode: answer.status, localReplyBody: answer.body }),
  );
}

test('status and body by mapper, in the format for all; added headers see the answer as it was', () => {
  assert.deepEqual(mapped(404, '', { request: { ':path': '/unknown' } }), {
    status: 410,
    body: 'it is gone:410:/unknown',
    contentType: 'text/html; charset=UTF-8',
    headers: [{ name: 'x-mapped', value: 'yes 404', action: 'overwrite-or-add', keepEmpty: false }],
  });
});

test('a mapper may have its own format', () => {
  const { status, body, contentType } = mapped(503, 'no healthy upstream', { responseFlags: FLAG.UH });
  assert.deepEqual([status, body, contentType], [599, '<599|UH|no healthy upstream>', 'text/plain']);
});

test('JSON formats end with a newline', () => {
  const { status, body, contentType } = mapped(418, 'tea', { request: { ':path': '/teapot', 'x-json': '1' } });
  assert.deepEqual(
    [status, body, contentType],
    [418, '{"body":"tea","code":418,"path":"/teapot"}\n', 'application/json'],
  );
});

test('nothing matches: the format for all', () => {
  assert.equal(mapped(301, '', { request: { ':path': '/redirect' } }).body, ':301:/redirect');
  assert.deepEqual(mapped(301, 'x', {}, { mappers: [], bodyFormat: null }), {
    status: 301,
    body: 'x',
    contentType: null,
    headers: [],
  });
});

test('a body may have several lines', () => {
  assert.equal(mapped(503, 'a\nb', { responseFlags: FLAG.UF }).body, '<599|UF|a\nb>');
});
