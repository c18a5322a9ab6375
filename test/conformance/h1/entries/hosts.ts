// T: Host, and targets that name one (RFC 9112 3.2, RFC 9110 7.2). One Host, a good one; in absolute form
// the target's counts.

import { OWN_HOST } from '../bootstrap.ts';
import type { Entry, Outcome } from '../entry.ts';
import { answeredHere, closing, forwarded, get, refused, request, seesGet } from '../words.ts';

const HOST = 'RFC 9110 7.2';
const ONE = 'RFC 9112 3.2';
const ABSOLUTE = 'RFC 9112 3.2.2';

const withHost = (value: string, target = '/g') => `GET ${target} HTTP/1.1\r\nhost: ${value}\r\n\r\n`;
const bad = (id: string, means: string, value: string): Entry => request(id, means, HOST, withHost(value), refused());
const good = (id: string, means: string, value: string, ...or: readonly string[]): Entry =>
  request(id, means, HOST, withHost(value), forwarded(seesGet({ host: [value, ...or] })));

const ONE_HOST: readonly Entry[] = [
  request('T01', 'no Host', ONE, 'GET /g HTTP/1.1\r\nx: 1\r\n\r\n', refused()),
  request('T01b', 'no field at all', ONE, 'GET /g HTTP/1.1\r\n\r\n', refused()),
  request('T01c', 'no Host in absolute form', ONE, 'GET http://a/g HTTP/1.1\r\nx: 1\r\n\r\n', refused()),
  request('T02', 'two Hosts', ONE, get('host: b'), refused()),
  request('T03', 'the same Host twice', ONE, get('host: a'), refused()),
  request('T03b', 'two Hosts far apart', ONE, get('x: 1\r\ny: 2\r\nHOST: b'), refused()),
  request('T03c', 'two Hosts in absolute form', ONE, get('host: a', 'http://a/g'), refused()),
  request('T03d', 'an empty Host and a good one', ONE, get('host: '), refused()),
  request(
    'T03e',
    'a folded Host',
    'RFC 9112 5.2',
    'GET /g HTTP/1.1\r\nhost:\r\n a\r\n\r\n',
    refused(),
    forwarded(seesGet()),
  ),
  request('T03f', 'a space before the colon of Host', 'RFC 9112 5.1', 'GET /g HTTP/1.1\r\nhost : a\r\n\r\n', refused()),
];

const VALUES: readonly Entry[] = [
  bad('T04', 'an empty Host', ''),
  bad('T05', 'a list', 'a, b'),
  bad('T05b', 'a list without blanks', 'a,b'),
  bad('T06', 'two words', 'a b'),
  bad('T07', 'a path', 'a/b'),
  bad('T07b', 'a query', 'a?b'),
  bad('T07c', 'a fragment', 'a#b'),
  bad('T07d', 'a backslash', 'a\\b'),
  bad('T07e', 'a whole URI', 'http://a/'),
  bad('T08', 'user information', 'user@a'),
  bad('T08b', 'user information with a port', 'user:80@a'),
  bad('T09', 'a port of letters', 'a:8x'),
  bad('T09b', 'two ports', 'a:80:81'),
  bad('T09c', 'a negative port', 'a:-80'),
  bad('T09d', 'a port with a blank', 'a:8 0'),
  bad('T09e', 'a bracket that does not close', '[::1'),
  bad('T09f', 'letters in brackets', '[xyz]'),
  bad('T09g', 'words behind brackets', '[::1]x'),
  bad('T09h', 'angle brackets', '<a>'),
  bad('T09i', 'a NUL', 'a\0b'),
  bad('T09j', 'a control character', 'a\x01b'),
  bad('T09k', 'bytes past ASCII', 'caf\xe9'),
  bad('T09l', 'a tab inside', 'a\tb'),
  bad('T09m', 'a port of six digits', 'a:123456'),
  good('T09n', 'a port', 'a:8080', 'a'),
  good('T09o', 'an IPv4 address', '127.0.0.1:80', '127.0.0.1'),
  good('T09p', 'an IPv6 address', '[::1]', '::1'),
  good('T09q', 'an IPv6 address with a port', '[::1]:80', '[::1]'),
  good('T09r', 'blanks around a Host', ' a ', 'a'),
  request(
    'T28',
    'a virtual host in capitals, with a dot and a port',
    HOST,
    `GET /g HTTP/1.1\r\nHOST: ${OWN_HOST.name.toUpperCase()}.:80\r\n\r\n`,
    answeredHere(OWN_HOST.status),
  ),
  request('T28b', 'a virtual host', HOST, withHost(OWN_HOST.name), answeredHere(OWN_HOST.status)),
  request('T28c', 'a virtual host in capitals', HOST, withHost('OWN.Example.Com'), answeredHere(OWN_HOST.status)),
  request('T28d', 'a virtual host with a port', HOST, withHost(`${OWN_HOST.name}:80`), answeredHere(OWN_HOST.status)),
  request('T28e', 'a virtual host with a dot', HOST, withHost(`${OWN_HOST.name}.`), answeredHere(OWN_HOST.status)),
];

const own = answeredHere(OWN_HOST.status);
/** The target's authority goes on as the Host, whatever the form of the target. */
const goesOn = (host: string | readonly string[], path: string): Outcome =>
  forwarded(seesGet({ host }, [path, `http://${typeof host === 'string' ? host : host[0]}${path}`]));
const absolute = (id: string, means: string, target: string, ...ours: readonly Outcome[]): Entry =>
  request(id, means, ABSOLUTE, get('', target), ours, refused());
const badTarget = (id: string, means: string, target: string): Entry =>
  request(id, means, 'RFC 9110 4.2', get('', target), refused());

const IN_TARGET: readonly Entry[] = [
  absolute('T10', 'the target names another Host', 'http://b.test/x', goesOn('b.test', '/x')),
  absolute('T10b', 'the target names the same Host', 'http://a/x', goesOn('a', '/x')),
  absolute('T10c', 'the target has no path', 'http://b.test', goesOn('b.test', '/')),
  absolute('T10d', 'the target has a query and no path', 'http://b.test?q', goesOn('b.test', '/?q')),
  absolute('T10e', 'the scheme in capitals', 'HTTP://b.test/x', goesOn('b.test', '/x')),
  absolute('T10f', 'the target has a port', 'http://b.test:8080/x', goesOn(['b.test:8080', 'b.test'], '/x')),
  absolute('T10g', 'the target names a virtual host, Host does not', `http://${OWN_HOST.name}/x`, own),
  request(
    'T10h',
    'Host names a virtual host, the target does not',
    ABSOLUTE,
    withHost(OWN_HOST.name, 'http://b.test/x'),
    goesOn('b.test', '/x'),
    refused(),
  ),
  request(
    'T10i',
    'absolute form in HTTP/1.0',
    ABSOLUTE,
    'GET http://b.test/x HTTP/1.0\r\nhost: a\r\n\r\n',
    closing(goesOn('b.test', '/x')),
    refused(),
  ),
  absolute('T10j', 'the target says https', 'https://b.test/x', goesOn('b.test', '/x'), refused()),
  badTarget('T11', 'user information', 'http://user@a/'),
  badTarget('T11b', 'user and password', 'http://user:secret@a/'),
  badTarget('T11c', 'user information that looks like a Host', 'http://b.test:80@a/'),
  badTarget('T11d', 'no Host in the target', 'http:///x'),
  badTarget('T11e', 'a port of letters', 'http://a:8x/'),
  badTarget('T11f', 'two ports', 'http://a:80:81/'),
  badTarget('T11g', 'another scheme', 'ftp://a/x'),
  badTarget('T11h', 'no scheme', '://a/x'),
  badTarget('T11i', 'one slash', 'http:/a/x'),
  badTarget('T11j', 'a scheme that runs scripts', 'javascript:alert(1)'),
  badTarget('T11k', 'a fragment', 'http://a/x#y'),
  badTarget('T11l', 'a backslash for a slash', 'http:\\\\a/x'),
  badTarget('T11m', 'a list of Hosts', 'http://a,b/x'),
];

export const HOSTS: readonly Entry[] = [...ONE_HOST, ...VALUES, ...IN_TARGET];
