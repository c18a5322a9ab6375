// The walk over a head: the same lines wherever the bytes are cut, and an end at the first byte that may not be.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BAD_BYTE, HeadScan, MORE, TOO_MANY_LINES } from '../../../../sidecar/http/h1/head-scan.ts';

function linesOf(scan: HeadScan): number[][] {
  return Array.from({ length: scan.lines }, (_, i) => [scan.start(i), scan.colon(i), scan.end(i)]);
}

function whole(text: string, mostLines = 100): { met: number; lines: number[][] } {
  const bytes = Buffer.from(text, 'latin1');
  const scan = new HeadScan();
  return { met: scan.run(bytes, 0, bytes.length, mostLines), lines: linesOf(scan) };
}

test('lines, their colons, and the end', () => {
  assert.deepEqual(whole('GET / HTTP/1.1\r\nhost: a:80\r\nx\r\n\r\nmore'), {
    met: 33,
    lines: [
      [0, -1, 14],
      [16, 20, 26],
      [28, -1, 29],
    ],
  });
});

test('what may not stand in a head ends the walk', () => {
  for (const bad of ['a\nb\r\n\r\n', 'a\rb\r\n\r\n', 'a\0\r\n\r\n', 'a\x7f\r\n\r\n', 'a\r\n\rX\r\n\r\n']) {
    assert.equal(whole(bad).met, BAD_BYTE, JSON.stringify(bad));
  }
  assert.equal(whole('a\tb\xe9\r\n\r\n').met, 8);
  assert.equal(whole('a\r\nb\r\nc\r\n\r\n', 2).met, TOO_MANY_LINES);
  assert.equal(whole('a\r\nb\r\n\r\n', 2).met, 8);
});

test('more lines than there was room for at first', () => {
  const { met, lines } = whole(`${'x: y\r\n'.repeat(500)}\r\n`, 1000);
  assert.deepEqual([met, lines.length, lines[499]], [3002, 500, [2994, 2995, 2998]]);
});

test('cut anywhere, the same', () => {
  const piece = fc.constantFrom('a', ':', ' ', '\t', '\r\n', '\r', '\n', '\0', 'xyz: 1\r\n', '\r\n\r\n');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), fc.nat(), (pieces, cut) => {
      const bytes = Buffer.from(pieces.join(''), 'latin1');
      const scan = new HeadScan();
      const at = bytes.length === 0 ? 0 : cut % bytes.length;
      const first = scan.run(bytes, 0, at, 100);
      const met = first === MORE ? scan.run(bytes, 0, bytes.length, 100) : first;
      assert.deepEqual({ met, lines: linesOf(scan) }, whole(pieces.join('')));
    }),
    { numRuns: 2000 },
  );
});
