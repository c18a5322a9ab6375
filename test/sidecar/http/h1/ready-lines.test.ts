// Lines that are kept are those that would be put together, in whatever order heads come, and none of somebody's own.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ReadyLines } from '../../../../sidecar/http/h1/ready-lines.ts';

const NAMES = ['server', 'date', 'content-type', 'x-own', 'cookie', 'etag'];
const head = fc
  .array(fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom('', 'a', 'b', 'v'.repeat(200))), { maxLength: 40 })
  .map((fields) => fields.flat());

test('what is written is what joining gives, heads repeated or not', () => {
  const lower = new ReadyLines('lower');
  const proper = new ReadyLines('proper-case');
  const heads = fc.array(head, { minLength: 1, maxLength: 4 });
  const order = fc.array(fc.nat(3), { maxLength: 12 });
  fc.assert(
    fc.property(heads, order, (some, turns) => {
      for (const turn of turns) {
        const headers = some[turn % some.length] as string[];
        assert.equal(lower.all('first\r\n', headers), `first\r\n${joined(headers, (name) => name)}`);
        assert.equal(proper.all('', headers), joined(headers, capitals));
      }
    }),
  );
});

function joined(headers: readonly string[], cased: (name: string) => string): string {
  let text = '';
  for (let i = 0; i < headers.length; i += 2) text += `${cased(headers[i] as string)}: ${headers[i + 1]}\r\n`;
  return text;
}

const capitals = (name: string) => name.replace(/(^|-)[a-z]/g, (part) => part.toUpperCase());

test('a line that comes again is taken as it is', () => {
  const lines = new ReadyLines('lower');
  const write = () => lines.line(1, 'content-type', 'text/plain');
  assert.equal(write(), 'content-type: text/plain\r\n');
  assert.equal(write(), write());
  assert.equal(lines.line(1, 'content-type', 'text/html'), 'content-type: text/html\r\n');
  assert.equal(write(), 'content-type: text/plain\r\n');
});

test('a value that hardly ever comes again is not kept for long; one that changes now and then is', () => {
  const lines = new ReadyLines('lower');
  const write = (value: string, times: number) => {
    for (let i = 0; i < times; i++) lines.line(1, 'age', value);
  };
  write('1', 20);
  write('2', 20);
  assert.equal(lines.ready(1), 'age: 2\r\n');
  write('3', 2);
  assert.equal(lines.ready(1), 'age: 3\r\n');
  write('4', 20);
  assert.equal(lines.ready(1), '');
  assert.equal(lines.line(1, 'age', '5'), 'age: 5\r\n');
});

test('what identifies somebody is not kept, nor what is long', () => {
  const lines = new ReadyLines('lower');
  const keeps = (name: string, value: string) => {
    for (let i = 0; i < 3; i++) assert.equal(lines.line(1, name, value), `${name}: ${value}\r\n`);
    return lines.ready(1) !== '';
  };
  assert.equal(keeps('server', 'teas/1.0'), true);
  for (const name of ['cookie', 'authorization', 'set-cookie', 'x-forwarded-for', 'x-request-id'])
    assert.equal(keeps(name, 'v'), false, name);
  assert.equal(keeps('server', 'v'.repeat(200)), false);
});
