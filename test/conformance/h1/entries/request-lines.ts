// L: request lines and versions (RFC 9112 2.3, 3). One space, one space, one of two versions.

import type { Entry, Outcome } from '../entry.ts';
import { answeredHere, closing, either, forwarded, get, refused, request, seesGet } from '../words.ts';

const VERSION = 'RFC 9112 2.3';
const LINE = 'RFC 9112 3';
const SERVED = forwarded(seesGet());
/** RFC 9112 3: blanks may be read leniently, as long as the line goes on rightly. */
const READ_LENIENTLY = either(SERVED);

const withLine = (line: string) => `${line}\r\nhost: a\r\n\r\n`;
const bad = (id: string, means: string, source: string, line: string, ...alsoSafe: readonly Outcome[]): Entry =>
  request(id, means, source, withLine(line), refused(), ...alsoSafe);

const VERSIONS: readonly Entry[] = [
  request('L01', 'HTTP/0.9', VERSION, 'GET /g\r\n\r\n', refused()),
  request('L01b', 'HTTP/0.9 with fields', VERSION, withLine('GET /g'), refused()),
  bad('L02', 'HTTP/1.2', VERSION, 'GET /g HTTP/1.2', either(SERVED)),
  bad('L02b', 'HTTP/1.9', VERSION, 'GET /g HTTP/1.9', either(SERVED)),
  bad('L03', 'HTTP/2.0', VERSION, 'GET /g HTTP/2.0'),
  bad('L03b', 'HTTP/0.9 by name', VERSION, 'GET /g HTTP/0.9'),
  bad('L03c', 'HTTP/3', VERSION, 'GET /g HTTP/3'),
  bad('L04', 'HTTP/1.10', VERSION, 'GET /g HTTP/1.10'),
  bad('L04b', 'HTTP/1.1 with a leading zero', VERSION, 'GET /g HTTP/01.1'),
  bad('L04c', 'HTTP/1.01', VERSION, 'GET /g HTTP/1.01'),
  bad('L04d', 'HTTP/11', VERSION, 'GET /g HTTP/11'),
  bad('L04e', 'HTTP/1.', VERSION, 'GET /g HTTP/1.'),
  bad('L04f', 'HTTP/1,1', VERSION, 'GET /g HTTP/1,1'),
  bad('L04g', 'HTTP/1.1 and more', VERSION, 'GET /g HTTP/1.1x'),
  bad('L05', 'http in lower case', VERSION, 'GET /g http/1.1'),
  bad('L05b', 'a space in the version', VERSION, 'GET /g HTTP /1.1'),
  bad('L05c', 'another name that ends in HTTP', VERSION, 'GET /g XHTTP/1.1'),
  bad('L05d', 'a version of letters', VERSION, 'GET /g HTTP/a.b'),
  bad('L05e', 'a version with a sign', VERSION, 'GET /g HTTP/+1.1'),
  bad('L16', 'RTSP', VERSION, 'DESCRIBE /g RTSP/1.0'),
  bad('L16b', 'ICE', VERSION, 'GET /g ICE/1.0'),
  bad('L16c', 'SIP', VERSION, 'OPTIONS /g SIP/2.0'),
];

const BLANKS: readonly Entry[] = [
  bad('L06', 'two spaces after the method', LINE, 'GET  /g HTTP/1.1', READ_LENIENTLY),
  bad('L06b', 'two spaces before the version', LINE, 'GET /g  HTTP/1.1', READ_LENIENTLY),
  bad('L07', 'tabs', LINE, 'GET\t/g\tHTTP/1.1', READ_LENIENTLY),
  bad('L07b', 'a vertical tab', LINE, 'GET\x0b/g HTTP/1.1', READ_LENIENTLY),
  bad('L07c', 'a form feed', LINE, 'GET /g\x0cHTTP/1.1', READ_LENIENTLY),
  bad('L07d', 'a CR', LINE, 'GET /g\rHTTP/1.1'),
  bad('L13', 'a space after the version', LINE, 'GET /g HTTP/1.1 ', READ_LENIENTLY),
  bad('L13b', 'a tab after the version', LINE, 'GET /g HTTP/1.1\t', READ_LENIENTLY),
  bad('L13c', 'a word after the version', LINE, 'GET /g HTTP/1.1 x'),
  bad('L13d', 'CR CR LF', LINE, 'GET /g HTTP/1.1\r'),
  bad('L15', 'a space before the method', LINE, ' GET /g HTTP/1.1', READ_LENIENTLY),
  bad('L15b', 'no method', LINE, '/g HTTP/1.1'),
  bad('L15c', 'an empty method', LINE, ' /g HTTP/1.1'),
  request('L15d', 'a method alone', LINE, 'GET\r\n\r\n', refused()),
];

/** A method nobody knows: on, or not, as configured; never as another one. */
const unknown = (id: string, means: string, method: string): Entry =>
  request(
    id,
    means,
    'RFC 9110 9.1',
    withLine(`${method} /g HTTP/1.1`),
    [refused(400, 405, 501), forwarded(seesGet({ line: `${method} /g HTTP/1.1` }))],
    answeredHere(400, 405, 501),
  );

const METHODS: readonly Entry[] = [
  unknown('L08', 'a method that nobody knows', 'FROBNICATE'),
  unknown('L09', 'get in lower case', 'get'),
  unknown('L09b', 'Get in mixed letters', 'Get'),
  unknown('L09c', 'a method that begins with GET', 'GETX'),
  unknown('L09d', 'a method of odd but allowed characters', "a!#$%&'*+-.^_`|~9"),
  unknown('L09e', 'a method of 500 letters', 'A'.repeat(500)),
  bad('L10', 'a parenthesis in a method', 'RFC 9110 9.1', 'GE(T /g HTTP/1.1'),
  bad('L10b', 'a NUL in a method', 'RFC 9110 9.1', 'GE\0T /g HTTP/1.1'),
  bad('L10c', 'a colon in a method', 'RFC 9110 9.1', 'GET: /g HTTP/1.1'),
  bad('L10d', 'a letter past ASCII in a method', 'RFC 9110 9.1', 'G\xc9T /g HTTP/1.1'),
  bad('L10e', 'a slash in a method', 'RFC 9110 9.1', 'GET/ /g HTTP/1.1'),
  bad('L10f', 'a byte order mark before a method', 'RFC 9110 9.1', '\xef\xbb\xbfGET /g HTTP/1.1'),
];

const BEFORE: readonly Entry[] = [
  request('L11', 'one empty line first', 'RFC 9112 2.2', `\r\n${get()}`, SERVED, refused()),
  request('L11b', 'two empty lines first', 'RFC 9112 2.2', `\r\n\r\n${get()}`, refused(), SERVED),
  request('L11c', 'a hundred empty lines first', 'RFC 9112 2.2', `${'\r\n'.repeat(100)}${get()}`, refused(), SERVED),
  request('L12', 'a LF first', 'RFC 9112 2.2', `\n${get()}`, refused(), SERVED),
  request('L12b', 'a CR first', 'RFC 9112 2.2', `\r${get()}`, refused()),
  request('L12c', 'a blank line first', 'RFC 9112 2.2', ` \r\n${get()}`, refused()),
  request('L12d', 'a NUL first', 'RFC 9112 2.2', `\0${get()}`, refused()),
  request(
    'L12e',
    'one empty line between requests',
    'RFC 9112 2.2',
    `${get()}\r\n${get()}`,
    forwarded(seesGet(), seesGet()),
    { gets: [{ kind: 'echo' }, { kind: 'refusal', statuses: [400] }], sees: [seesGet()], after: 'closed' },
  ),
  request('L14', 'the preface of HTTP/2', 'RFC 9113 3.4', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', refused()),
  request('L14b', 'a greeting of TLS', LINE, '\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00\r\n\r\n', refused()),
  request('L14c', 'words of another protocol', LINE, 'EHLO example.com\r\n\r\n', refused()),
  request('L14d', 'an answer for a request', LINE, 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n', refused()),
  request('L17', 'a HTTP/1.0 request', VERSION, withLine('GET /g HTTP/1.0'), closing(SERVED), refused(426)),
];

export const REQUEST_LINES: readonly Entry[] = [...VERSIONS, ...BLANKS, ...METHODS, ...BEFORE];
