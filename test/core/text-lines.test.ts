import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TextLines } from '../../core/text-lines.ts';

test('every offset has its line, its column and the line as written', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', 'b', '\n', '\r', '\r\n') }), fc.nat(40), (text, offset) => {
      const before = text.slice(0, offset).split('\n');
      const { line, column, sourceLine } = new TextLines(text).at(offset);
      assert.equal(line, before.length);
      assert.equal(column, (before.at(-1) as string).length + 1);
      assert.equal(sourceLine, (text.split('\n')[line - 1] as string).replace(/\r$/, ''));
    }),
    { numRuns: 2000 },
  );
});
