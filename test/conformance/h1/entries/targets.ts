// T: request targets (RFC 9112 3.2), and that policy judges the path that goes on. `/denied` is policy's;
// whatever a lenient reader would take for it is refused or goes on as something that it is not.

import { DENIED_PATH } from '../bootstrap.ts';
import type { Entry, Outcome } from '../entry.ts';
import { answeredHere, either, forwarded, get, refused, request, seesGet } from '../words.ts';

const TARGET = 'RFC 9112 3.2';
const PATH = 'RFC 3986 3.3';

const bad = (id: string, means: string, target: string, ...alsoSafe: readonly Outcome[]): Entry =>
  request(id, means, TARGET, get('', target), refused(), ...alsoSafe);
const goesOn = (...targets: readonly string[]): Outcome => forwarded(seesGet({}, targets));
const kept = (id: string, means: string, source: string, target: string, ...or: readonly string[]): Entry =>
  request(id, means, source, get('', target), goesOn(target, ...or));
/** Policy refuses it. */
const denied = (id: string, means: string, target: string): Entry =>
  request(id, means, PATH, get('', target), [answeredHere(403), refused()]);

const FORMS: readonly Entry[] = [
  bad('T12', 'an authority for GET', 'a:80'),
  bad('T12b', 'an authority without a port for GET', 'a'),
  request('T14', 'OPTIONS of everything', 'RFC 9112 3.2.4', 'OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n', [
    answeredHere(200, 204, 400, 404, 405),
    forwarded({ line: 'OPTIONS * HTTP/1.1', host: 'a' }),
  ]),
  bad('T14b', 'GET of everything', '*'),
  request('T14c', 'an asterisk and more', 'RFC 9112 3.2.4', 'OPTIONS *a HTTP/1.1\r\nhost: a\r\n\r\n', refused()),
  request(
    'T14d',
    'OPTIONS of a whole server in absolute form',
    'RFC 9112 3.2.4',
    'OPTIONS http://a HTTP/1.1\r\nhost: a\r\n\r\n',
    [
      forwarded({ line: ['OPTIONS * HTTP/1.1', 'OPTIONS / HTTP/1.1', 'OPTIONS http://a HTTP/1.1'], host: 'a' }),
      answeredHere(200, 204, 400, 404, 405),
    ],
    refused(),
  ),
  bad('T25', 'no slash', 'admin'),
  bad('T25b', 'a query alone', '?a=b'),
  bad('T25c', 'dots alone', '..'),
  bad('T26', 'a space', '/a b'),
  bad('T26b', 'a space at the end of a path', '/a HTTP/1.1'),
  bad('T26c', 'a tab', '/a\tb'),
  bad('T27', 'nothing', ''),
];

const CHARACTERS: readonly Entry[] = [
  bad('T15', 'a fragment', '/a#b'),
  bad('T15b', 'an empty fragment', '/#'),
  bad('T15c', 'a fragment behind a query', '/a?b#c'),
  bad('T15d', 'a fragment behind what policy refuses', `${DENIED_PATH}#x`, answeredHere(403)),
  bad('T15e', "policy's path in a fragment", `/a#/..${DENIED_PATH}`),
  request('T16', 'a backslash', PATH, get('', '/a\\b'), [refused(), goesOn('/a%5Cb', '/a%5cb', '/a/b')]),
  request('T17', 'characters that belong to no URI', PATH, get('', '/a<b>"{}|^`'), [
    refused(),
    goesOn('/a<b>"{}|^`', '/a%3Cb%3E%22%7B%7D%7C%5E%60', '/a%3cb%3e%22%7b%7d%7c%5e%60'),
  ]),
  request('T17b', 'bytes past ASCII', PATH, get('', '/caf\xe9'), [refused(), goesOn('/caf\xe9', '/caf%E9', '/caf%e9')]),
  bad('T17c', 'a control character', '/a\x01b'),
  bad('T17d', 'DEL', '/a\x7fb'),
  bad('T18', 'a NUL', '/a\0b'),
  request('T19', 'an encoded NUL', PATH, get('', '/a%00b'), refused(), goesOn('/a%00b')),
  kept('T20', 'an encoded line break stays encoded', PATH, '/a%0d%0ab', '/a%0D%0Ab'),
  kept('T20b', 'an encoded line break in a query stays encoded', PATH, '/a?b=%0d%0ac', '/a?b=%0D%0Ac'),
  kept('T20c', 'an encoded space stays encoded', PATH, '/a%20b'),
  kept('T20d', 'an encoded question mark stays encoded', PATH, '/a%3fb', '/a%3Fb'),
  kept('T20e', 'an encoded per cent sign stays encoded', PATH, '/a%2525'),
  request('T22', 'an escape that is none', PATH, get('', '/a%zz'), refused(), goesOn('/a%zz')),
  request('T22b', 'half an escape', PATH, get('', '/a%4'), refused(), goesOn('/a%4')),
  kept('T22c', 'a query goes on as it is', PATH, '/a?b=c&d=//../%zz&e'),
  kept('T22d', 'parameters of a path go on', PATH, '/a;b=c/d'),
  kept('T22e', 'letters keep their case', PATH, '/DENIED'),
  kept('T29', 'a path of 2 KB', TARGET, `/${'a'.repeat(2000)}`),
  request(
    'T29b',
    'a target past 60 KiB',
    TARGET,
    get('', `/${'a'.repeat(62_000)}`),
    refused(431, 414),
    either(goesOn(`/${'a'.repeat(62_000)}`)),
  ),
];

const POLICY: readonly Entry[] = [
  denied('T21', 'what policy refuses', DENIED_PATH),
  denied('T21b', 'behind dots', '/x/../denied'),
  denied('T21c', 'behind one dot', '/./denied'),
  denied('T21d', 'behind encoded dots', '/x/%2e%2e/denied'),
  denied('T21e', 'behind dots of which one is encoded', '/x/.%2E/denied'),
  denied('T21f', 'with an encoded letter', '/%64enied'),
  denied('T21g', 'with dots that lead above the root', '/../../denied'),
  denied('T21h', 'with a query', '/denied?x=1'),
  denied('T21i', 'in absolute form', 'http://a/denied'),
  denied('T21j', 'behind dots in absolute form', 'http://a/x/../denied'),
  denied('T23', 'with parameters', '/denied;x=1'),
  denied('T23b', 'behind dots with parameters', '/x/..;/denied'),
  denied('T23c', 'behind a dot with parameters', '/.;/denied'),
  denied('T23d', 'behind dots with named parameters', '/x/..;a=b/denied'),
  denied('T24', 'behind two slashes', '//denied'),
  denied('T24b', 'behind three slashes', '///denied'),
  denied('T24c', 'behind a slash and a dot', '//./denied'),
  request('T24d', 'two slashes elsewhere', PATH, get('', '/a//b'), goesOn('/a/b', '/a//b')),
  request('T16b', 'behind a backslash', PATH, get('', '\\denied'), refused()),
  denied('T16c', 'behind a slash and a backslash', '/\\denied'),
  denied('T16d', 'behind dots and backslashes', '/x\\..\\denied'),
];

export const TARGETS: readonly Entry[] = [...FORMS, ...CHARACTERS, ...POLICY];
