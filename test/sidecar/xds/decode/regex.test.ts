// Patterns: RE2 syntax, full matches, rewrites; and the proof that lets some run natively.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RE2JS } from 're2js';
import { linearPattern } from '../../../../sidecar/xds/decode/linear.ts';
import { compileRegex, substitutionProblem } from '../../../../sidecar/xds/decode/regex.ts';

test('a pattern matches the whole text', () => {
  assert.equal(compileRegex('/a').full('/ab'), false);
  assert.equal(compileRegex('a|b').full('b'), true);
  assert.equal(compileRegex('a|b').full('ab'), false);
  assert.equal(compileRegex('(?i)/icase').full('/ICase'), true);
  assert.equal(compileRegex('^/x$').full('/x'), true);
});

test('what RE2 does not know is refused', () => {
  for (const bad of ['(?=x)', '(?<=a)b', '(a)\\1', 'a**', '[', '(', 'a{1001}', '\\8'])
    assert.throws(() => compileRegex(bad), bad);
});

test('rewrites are RE2 rewrites', () => {
  const regex = compileRegex('/v(\\d+)/([^/]*)');
  assert.equal(regex.replaceAll('/v1/a/v2/b', '<\\2-\\1>'), '<a-1><b-2>');
  assert.equal(compileRegex('a').replaceAll('banana', '\\\\\\0'), 'b\\an\\an\\a');
  assert.equal(compileRegex('x').replaceAll('banana', '$1'), 'banana');
  assert.equal(compileRegex('(a)').replaceAll('banana', '\\2'), 'banana', 'no such group: nothing is replaced');
  assert.equal(substitutionProblem('\\1\\\\'), null);
  assert.match(substitutionProblem('\\x') ?? '', /backslash/);
  assert.match(substitutionProblem('end\\') ?? '', /backslash/);
});

test('patterns as people write them run natively, risky ones do not', () => {
  for (const fine of ['/a', '.*/b', '/(c|d)/\\d{2,3}', '/u/[^/]+/posts/[^/]+', '^/api/v[0-9]+/.*$', '/re/.*', 'a?b?']) {
    assert.notEqual(linearPattern(fine), null, fine);
  }
  for (const risky of [
    '(a*)*b',
    '(a|a)*',
    '.*a.*b',
    '(a+)+',
    'a*a*',
    '.*a[^/]*b',
    '(?i)x',
    '[[:alpha:]]',
    '\\pL',
    'a{1,900}',
    '(a|b)(a|b)(a|b)(a|b)(a|b)',
  ]) {
    assert.equal(linearPattern(risky), null, risky);
  }
  assert.equal(linearPattern(`/${'a'.repeat(1100)}`), null);
});

/** Pieces of patterns, so that random ones are often within what can be proved. */
const PIECES = [
  'a',
  'b',
  '/',
  '.',
  '\\.',
  '[ab]',
  '[^/]',
  '[a-c/]',
  '\\d',
  '\\w',
  '\\s',
  '(a|b)',
  '(?:ab|c)',
  '*',
  '+',
  '?',
  '{2}',
  '{1,2}',
  '{0,}',
];

test('a native pattern means what re2js means', () => {
  const pattern = fc.array(fc.constantFrom(...PIECES), { maxLength: 7 }).map((pieces) => pieces.join(''));
  const text = fc
    .array(fc.constantFrom('a', 'b', 'c', '/', '.', '1', '_', ' ', '\n', '\r', '\u00e9'), { maxLength: 8 })
    .map((chars) => chars.join(''));
  fc.assert(
    fc.property(pattern, fc.array(text, { minLength: 1, maxLength: 5 }), (source, texts) => {
      const native = linearPattern(source);
      if (native === null) return;
      const model = RE2JS.compile(source);
      for (const one of texts)
        assert.equal(native.test(one), model.matches(one), `${source} on ${JSON.stringify(one)}`);
    }),
    { numRuns: 2000 },
  );
});

test('a native pattern takes linear time on the worst text that we know', () => {
  for (const source of ['.*/b', '/u/[^/]+/posts/[^/]+', '[ab]*c?', '/a/.*x{1,3}y?']) {
    const native = linearPattern(source);
    assert.notEqual(native, null);
    const started = performance.now();
    native?.test(`/u/${'a'.repeat(200_000)}`);
    native?.test('/a/'.padEnd(200_000, 'x'));
    assert.ok(performance.now() - started < 500, source);
  }
});
