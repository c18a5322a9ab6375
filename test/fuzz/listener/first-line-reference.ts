// The first line of a connection judged the plain way: every beginning of the bytes anew, by its grammar.

import type { FirstLineVerdict } from '../../../sidecar/http/first-line.ts';
import { METHODS } from '../../../sidecar/http/h1/parse.ts';
import { PREFACE } from '../../../sidecar/http/h2/frames/frame-types.ts';

const LONGEST_METHOD = Math.max(...[...METHODS].map(({ length }) => length));
const VERSION = 'HTTP/1.';

/** What is known by the first byte at which something is. */
export function firstLineOf(bytes: Buffer): FirstLineVerdict {
  for (let length = 1; length <= bytes.length; length++) {
    const verdict = judge(bytes.toString('latin1', 0, length));
    if (verdict !== 'more') return verdict;
  }
  return 'more';
}

function judge(text: string): FirstLineVerdict {
  const preface = PREFACE.toString('latin1');
  if (text === preface) return 'h2c';
  if (preface.startsWith(text) || text === '\r') return 'more';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what no target may hold
  const parts = /^(?:\r\n)?([A-Z-]*)(?: ([^\x00-\x20\x7f]*)(?: ([\s\S]*))?)?$/.exec(text);
  if (parts === null) return 'other';
  const [, method = '', target, version] = parts;
  if (target === undefined) return method.length <= LONGEST_METHOD ? 'more' : 'other';
  if (!METHODS.has(method) || (version !== undefined && target === '')) return 'other';
  return version === undefined ? 'more' : judgeVersion(version);
}

function judgeVersion(version: string): FirstLineVerdict {
  const digit = /^HTTP\/1\.(\d)[\r\n]$/.exec(version)?.[1];
  if (digit !== undefined) return digit === '1' ? 'http/1.1' : 'http/1.0';
  return VERSION.startsWith(version) || /^HTTP\/1\.\d$/.test(version) ? 'more' : 'other';
}
