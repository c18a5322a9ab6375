import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import { formatError, formatErrors } from '../../core/config-error.ts';
import { check, interpolate, readConfig } from '../../core/config-file.ts';
import { MOST_ERRORS } from '../../core/error-list.ts';
import { MAX_ALIASES, MAX_DEPTH, MAX_FILE_BYTES, MAX_REPEATED_NODES } from '../../core/yaml-text.ts';
import { duration, parseDuration, parseSize, port, size } from '../../core/config-scalars.ts';

const schema = z.strictObject({
  name: z.string(),
  port: port(),
  wait: duration().optional(),
  mode: z.enum(['strict', 'permissive']).optional(),
  limits: z.strictObject({ body: size() }).optional(),
});

function only(text: string, environment = {}) {
  const { documents, errors } = readConfig(text, 'mesh.yaml', environment);
  assert.deepEqual(errors, []);
  const [document] = documents;
  assert.ok(document);
  return document;
}

function mistakes(text: string): string[] {
  const result = check(only(text), schema);
  assert.equal(result.ok, false);
  return result.ok ? [] : result.errors.map((error) => formatError(error).split('\n')[0] as string);
}

test('a good document becomes a frozen value with its units resolved', () => {
  const result = check(only('name: web\nport: 8080\nwait: 1m30s\nlimits: {body: 64KiB}\n'), schema);
  assert.deepEqual(result, { ok: true, value: { name: 'web', port: 8080, wait: 90_000, limits: { body: 65_536 } } });
  assert.ok(result.ok && Object.isFrozen(result.value) && Object.isFrozen(result.value.limits));
});

test('all mistakes are told at once, each with place, path and suggestion', () => {
  assert.deepEqual(mistakes('nam: web\nport: 0\nwait: 5\nmode: strct\nlimits: {body: 64k}\n'), [
    'mesh.yaml:1:1: name: required field is missing [FL0106]',
    'mesh.yaml:2:7: port: a port is a whole number from 1 to 65535 [FL0107]',
    'mesh.yaml:3:7: wait: 5 is not a duration; write it with its unit, like 250ms, 5s, 1m or 24h [FL0107]',
    'mesh.yaml:4:7: mode: "strct" is not one of strict, permissive (did you mean "strict"?) [FL0107]',
    'mesh.yaml:5:16: limits.body: "64k" is not a size; write it with its unit, like 512B, 64KiB or 1MiB [FL0107]',
    'mesh.yaml:1:1: nam: unknown field "nam" (did you mean "name"?) [FL0105]',
  ]);
});

test('the caret stands under the value, behind tabs too', () => {
  const result = check(only('name: web\nport:\t99999\n'), schema);
  assert.ok(!result.ok);
  assert.match(formatErrors(result.errors), / {2}port:\t99999\n {2} {5}\t\^$/);
});

test('errors of syntax have a place, and do not hide other documents', () => {
  const { documents, errors } = readConfig('a: 1\n---\nb: [1\n---\nc: 3\n', 'x.yaml', {});
  assert.ok(documents.length >= 1);
  assert.equal(errors[0]?.code, 'FL0101');
  assert.ok((errors[0]?.line ?? 0) >= 3);
});

test('a key that stands twice, a forbidden key and a list as key are refused', () => {
  assert.equal(readConfig('a: 1\na: 2\n', 'x', {}).errors[0]?.code, 'FL0102');
  assert.equal(readConfig('__proto__: {polluted: true}\n', 'x', {}).errors[0]?.code, 'FL0104');
  assert.equal(readConfig('? [a, b]\n: 1\n', 'x', {}).errors[0]?.code, 'FL0107');
});

test('depth, aliases and size are bounded', () => {
  const deep = `${'['.repeat(MAX_DEPTH + 2)}${']'.repeat(MAX_DEPTH + 2)}`;
  assert.equal(readConfig(`a: ${deep}`, 'x', {}).errors[0]?.code, 'FL0103');
  const aliases = Array.from({ length: MAX_ALIASES + 1 }, () => '  - *a').join('\n');
  assert.equal(readConfig(`one: &a 1\nmany:\n${aliases}\n`, 'x', {}).errors[0]?.code, 'FL0103');
  assert.equal(readConfig(' '.repeat(MAX_FILE_BYTES + 1), 'x', {}).errors[0]?.code, 'FL0103');
  assert.equal(readConfig('a: &a [*a]\n', 'x', {}).errors[0]?.code, 'FL0103');
});

test('a depth that would end the program is refused where it begins, in few words', () => {
  for (const [open, deepAt] of [
    ['[', MAX_DEPTH + 2],
    ['- ', 2 * (MAX_DEPTH + 1) + 1],
    ['{a: ', 4 * (MAX_DEPTH + 1) + 1],
  ] as const) {
    const { documents, errors } = readConfig(`one: 1\n---\n${open.repeat(20_000)}\n`, 'x', {});
    assert.deepEqual(
      documents.map(({ value }) => value),
      [{ one: 1 }],
      open,
    );
    assert.deepEqual(
      errors.map(({ line, column, code, message }) => [line, column, code, message]),
      [[3, deepAt, 'FL0103', `nested deeper than ${MAX_DEPTH} levels`]],
      open,
    );
  }
});

test('what aliases repeat is bounded, all together', () => {
  const text = (items: number) => `a: &a [${'1,'.repeat(items)}]\nb: [${'*a,'.repeat(50)}]\n`;
  assert.deepEqual(readConfig(text(MAX_REPEATED_NODES / 50 - 1), 'x', {}).errors, []);
  const { errors } = readConfig(text(MAX_REPEATED_NODES / 50), 'x', {});
  assert.deepEqual(
    errors.map(({ line, code }) => [line, code]),
    [[2, 'FL0103']],
  );
});

test('of very many mistakes the first are told, and how many there are', () => {
  const text = Array.from({ length: 5000 }, () => 'a: 1').join('\n');
  const { errors } = readConfig(text, 'x', {});
  assert.equal(errors.length, MOST_ERRORS + 1);
  const last = errors.at(-1);
  assert.deepEqual([last?.code, last?.line, last?.column], ['FL0113', MOST_ERRORS + 2, 1]);
  assert.match(last?.message ?? '', /^4899 more mistakes, of which this is the first; only 100 are told$/);
  assert.equal(readConfig(']'.repeat(200_000), 'x', {}).errors.length, MOST_ERRORS + 1);
});

test('a tag that makes other than plain data is refused, whatever version of YAML the text claims', () => {
  for (const tag of ['!!binary aGk=', '!!timestamp 2026-01-01', '!!set {a}', '!!omap [a: 1]', '!mine x']) {
    const { errors } = readConfig(`a: ${tag}\n`, 'x', {});
    assert.deepEqual(
      errors.map(({ line, column, code }) => [line, column > 3, code]),
      [[1, true, 'FL0107']],
      tag,
    );
  }
  assert.deepEqual(only('%YAML 1.1\n---\na: 2026-01-01\nb: yes\n"<<": {c: 1}\n').value, {
    a: '2026-01-01',
    b: 'yes',
    '<<': { c: 1 },
  });
  assert.deepEqual(only('a: !!str 7\nb: !!int "7"\n').value, { a: '7', b: 7 });
});

test('a number and a text that are one key stand twice, and a text without a document is not passed over', () => {
  assert.equal(readConfig('1: a\n"1": b\n', 'x', {}).errors[0]?.code, 'FL0102');
  assert.equal(readConfig(']', 'x', {}).errors[0]?.code, 'FL0101');
  assert.equal(readConfig('%NOTHING\n', 'x', {}).errors[0]?.code, 'FL0101');
});

test('variables are replaced, and an unquoted value keeps its type', () => {
  const document = only('name: "${NAME}"\nport: ${PORT:-8080}\n', { NAME: '7' });
  assert.deepEqual(document.value, { name: '7', port: 8080 });
  const { errors } = readConfig('name: ${MISSING}\n', 'x', {});
  assert.equal(errors[0]?.code, 'FL0110');
  assert.equal(
    interpolate('$${literal} ${A:-b}', { A: '' }, () => {}),
    '${literal} b',
  );
  assert.equal(
    interpolate('${A:-b} $${A} ${A ${A:-$${', {}, () => {}),
    'b ${A} ${A ${A:-${',
  );
});

test('a choice of shapes tells the mistakes of the shape that was meant', () => {
  const choice = z.strictObject({ retry: z.union([z.string(), z.strictObject({ attempts: z.number() })]) });
  const result = check(only('retry: {atempts: 3}\n'), choice);
  assert.ok(!result.ok);
  assert.ok(result.errors.some((error) => error.suggestion === 'attempts'));
  const wrong = check(only('retry: [1]\n'), choice);
  assert.ok(!wrong.ok);
  assert.match(wrong.errors[0]?.message ?? '', /expected text or a mapping/);
});

test('durations and sizes', () => {
  assert.equal(parseDuration('1h30m'), 5_400_000);
  assert.equal(parseDuration('0.5s'), 500);
  for (const bad of ['', '5', 's', '5 s', '-1s', '5sx']) assert.equal(parseDuration(bad), null, bad);
  assert.equal(parseSize('2MiB'), 2 * 1024 * 1024);
  assert.equal(parseSize('2MB'), null);
});

test('no text makes the reader throw', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ab:{}[]-&*!|>\'"\n \t#?,$%@0') }), (text) => {
      const { documents } = readConfig(text, 'x', {});
      for (const document of documents) check(document, schema);
    }),
    { numRuns: 500 },
  );
});
