// K: chunked bodies of requests, exact to the byte (RFC 9112 7.1). Sizes, extensions, the ends of chunks.

import type { Entry, Outcome } from '../entry.ts';
import { chunked, forwarded, HELLO, refused, request, seesPost, WAITS } from '../words.ts';

const SERVED = forwarded(seesPost());
const CHUNK = 'RFC 9112 7.1';
const EXTENSION = 'RFC 9112 7.1.1';

const bad = (id: string, means: string, body: string, ...alsoSafe: readonly Outcome[]): Entry =>
  request(id, means, CHUNK, chunked(body), refused(), ...alsoSafe);
const good = (id: string, means: string, body: string, decoded = 'hello'): Entry =>
  request(id, means, CHUNK, chunked(body), forwarded(seesPost({ body: decoded })));
/** A size line, then the rest of a good body. */
const sized = (size: string) => `${size}\r\nhello\r\n0\r\n\r\n`;

const SIZES: readonly Entry[] = [
  good('K00', 'a good body', HELLO),
  good('K00b', 'several chunks', '1\r\nh\r\n2\r\nel\r\n2\r\nlo\r\n0\r\n\r\n'),
  good('K00c', 'an empty body', '0\r\n\r\n', ''),
  good('K00d', 'a chunk of line ends', '4\r\n\r\n\r\n\r\n0\r\n\r\n', '\r\n\r\n'),
  good('K00e', 'data that looks like the last chunk', '5\r\n0\r\n\r\n\r\n0\r\n\r\n', '0\r\n\r\n'),
  bad('K01', 'a hexadecimal prefix', sized('0x5')),
  bad('K02', 'a plus', sized('+5')),
  bad('K02b', 'a minus', sized('-5')),
  bad('K03', 'minus zero', '-0\r\n\r\n'),
  bad('K04', 'an underscore', sized('0_5')),
  bad('K05', 'a space before a size', sized(' 5')),
  bad('K05b', 'a tab before a size', sized('\t5')),
  bad('K06', 'a space after a size', sized('5 ')),
  bad('K06b', 'a tab after a size', sized('5\t')),
  good('K07', 'a size in capital letters', 'A\r\nhellohello\r\n0\r\n\r\n', 'hellohello'),
  good('K07b', 'a size in small letters', 'a\r\nhellohello\r\n0\r\n\r\n', 'hellohello'),
  good('K07c', 'leading zeros', sized('0005')),
  bad('K08', 'a size past 2^64', sized('10000000000000005')),
  bad('K08b', 'a size past 2^53', sized('20000000000001'), WAITS),
  bad('K08c', 'a size of 2^64 - 1', sized('ffffffffffffffff')),
  bad('K08d', 'a size of 2^63', sized('8000000000000000')),
  bad('K08e', 'a size of 2^32 + 5 in 17 digits', sized('00000000100000005'), WAITS),
  bad('K09', 'a size of 25 digits', sized(`${'0'.repeat(24)}5`), SERVED),
  bad('K10', 'a letter that is no digit', sized('G')),
  bad('K10b', 'a digit and a letter that is none', sized('5g')),
  bad('K10c', 'a full stop', sized('5.0')),
  bad('K10d', 'a comma', sized('5,')),
  bad('K10e', 'a digit above ASCII', sized('\xb5')),
  bad('K10f', 'a NUL after a size', sized('5\0')),
  bad('K11', 'no size', sized('')),
  bad('K11b', 'an extension without a size', sized(';a=b')),
];

const EXTENSIONS: readonly Entry[] = [
  request(
    'K12',
    'an extension is taken off',
    EXTENSION,
    chunked(sized('5;a=b')),
    forwarded(seesPost({ without: ['a=b'] })),
  ),
  request('K12b', 'an extension without a value', EXTENSION, chunked(sized('5;a')), SERVED),
  request('K12c', 'an extension in quotes', EXTENSION, chunked(sized('5;a="b c"')), SERVED),
  request('K12d', 'two extensions', EXTENSION, chunked(sized('5;a=b;c=d')), SERVED),
  request('K12e', 'an extension of the last chunk', EXTENSION, chunked('5\r\nhello\r\n0;a=b\r\n\r\n'), SERVED),
  request('K12f', 'a space before the semicolon', EXTENSION, chunked(sized('5 ;a=b')), [refused(), SERVED]),
  request('K12g', 'an empty extension', EXTENSION, chunked(sized('5;')), [refused(), SERVED]),
  request('K12h', 'quotes that do not end', EXTENSION, chunked(sized('5;a="b')), [refused(), SERVED]),
  bad('K13', 'a LF ends an extension', '5;\nxx\r\nhello\r\n0\r\n\r\n'),
  bad('K13b', 'a LF ends an extension with a value', '5;a=b\nhello\r\n0\r\n\r\n'),
  bad('K14', 'a CR in an extension', sized('5;a\rb')),
  bad('K15', 'a NUL in an extension', sized('5;a\0b')),
  bad('K15b', 'a control character in an extension', sized('5;a\x01b')),
  bad('K15c', 'DEL in an extension', sized('5;a\x7fb')),
  bad('K16', 'an extension of 300 bytes', sized(`5;${'x'.repeat(300)}`), SERVED),
  request(
    'K16b',
    'extensions of 5 KiB in all',
    EXTENSION,
    chunked(`${`1;${'x'.repeat(200)}\r\na\r\n`.repeat(25)}0\r\n\r\n`),
    refused(),
    forwarded(seesPost({ body: 'a'.repeat(25) })),
  ),
  request(
    'K28',
    'more extension than data',
    EXTENSION,
    chunked(`${`1;${'x'.repeat(200)}\r\na\r\n`.repeat(200)}0\r\n\r\n`),
    refused(),
    forwarded(seesPost({ body: 'a'.repeat(200) })),
  ),
];

const ENDS: readonly Entry[] = [
  bad('K17', 'no CRLF after the data', '5\r\nhelloXX0\r\n\r\n'),
  bad('K17b', 'the next size follows the data at once', '5\r\nhello0\r\n\r\n'),
  bad('K18', 'one byte too many', '4\r\nhello\r\n0\r\n\r\n'),
  bad('K18b', 'one byte too few', '6\r\nhello\r\n0\r\n\r\n'),
  bad('K19', 'a LF after the data', '5\r\nhello\n0\r\n\r\n'),
  bad('K20', 'a CR after the data', '5\r\nhello\r0\r\n\r\n'),
  bad('K20b', 'LF CR after the data', '5\r\nhello\n\r0\r\n\r\n'),
  bad('K20c', 'two CRLF after the data', '5\r\nhello\r\n\r\n0\r\n\r\n'),
  bad('K20d', 'a space after the data', '5\r\nhello \r\n0\r\n\r\n'),
  bad('K21', 'a LF after the last size', '5\r\nhello\r\n0\n\r\n'),
  bad('K21b', 'a LF after a size', '5\nhello\r\n0\r\n\r\n'),
  bad('K21c', 'a CR after a size', '5\rhello\r\n0\r\n\r\n'),
  bad('K21d', 'CR CR LF after a size', '5\r\r\nhello\r\n0\r\n\r\n'),
  bad('K21e', 'a LF for the last empty line', '5\r\nhello\r\n0\r\n\n\r\n\r\n'),
  bad('K21f', 'a CR for the last empty line', '5\r\nhello\r\n0\r\n\rX\r\n\r\n'),
  bad('K22', 'letters after the last size', '5\r\nhello\r\n0x\r\n\r\n'),
  good('K22b', 'several zeros as the last size', '5\r\nhello\r\n000\r\n\r\n'),
  bad(
    'K22c',
    'a last chunk that is not followed by an empty line but by a request',
    `5\r\nhello\r\n0\r\nGET /s HTTP/1.1\r\nhost: a\r\n\r\n`,
  ),
  request(
    'K30',
    'CR CR X ends a head',
    'RFC 9112 2.2',
    'POST /p HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\rX0\r\n\r\n',
    refused(),
  ),
];

export const CHUNKED: readonly Entry[] = [...SIZES, ...EXTENSIONS, ...ENDS];
