// K: trailers of requests (RFC 9112 7.1.2, RFC 9110 6.5). Nothing that decides something comes in a trailer:
// such fields stay behind, and never become fields of the head.

import type { Entry, Outcome } from '../entry.ts';
import { chunked, forwarded, refused, request, seesPost } from '../words.ts';

const WHERE = 'RFC 9110 6.5.1';
const withTrailer = (lines: string) => chunked(`5\r\nhello\r\n0\r\n${lines}\r\n\r\n`);
const SERVED = forwarded(seesPost());

/** The field stays behind; refusing is as safe. */
const banned = (id: string, name: string, value: string): Entry =>
  request(
    id,
    `${name} in a trailer stays behind`,
    WHERE,
    withTrailer(`${name}: ${value}`),
    forwarded(seesPost({ without: [value] })),
    refused(),
  );

/** Others may read past trailers without looking, as long as nothing of them goes on. */
const unread = (...texts: readonly string[]): Outcome => forwarded(seesPost({ without: texts }));
const bad = (id: string, means: string, lines: string): Entry =>
  request(id, means, 'RFC 9110 5.5', withTrailer(lines), refused(), unread('x-t'));

export const TRAILERS: readonly Entry[] = [
  request('K22d', 'a good trailer', WHERE, withTrailer('x-t: 1'), SERVED),
  request(
    'K22e',
    'an announced trailer',
    'RFC 9110 6.6.2',
    chunked('5\r\nhello\r\n0\r\nx-t: 1\r\n\r\n').replace('\r\n\r\n', '\r\ntrailer: x-t\r\n\r\n'),
    SERVED,
  ),
  banned('K23', 'content-length', '919191'),
  request(
    'K24',
    'transfer-encoding in a trailer stays behind',
    WHERE,
    withTrailer('transfer-encoding: gzip'),
    forwarded(seesPost({ without: ['gzip'] })),
    refused(),
  ),
  banned('K25', 'host', 'evil.test'),
  banned('K25b', 'authorization', 'evil-secret'),
  banned('K25c', 'cookie', 'evil=1'),
  banned('K25d', 'x-forwarded-for', '9.9.9.9'),
  banned('K25e', 'x-forwarded-proto', 'evil-proto'),
  banned('K25f', 'x-forwarded-host', 'evil.test'),
  banned('K25g', 'content-type', 'evil/type'),
  banned('K25h', 'set-cookie', 'evil=1'),
  banned('K25i', 'content-encoding', 'evil-coding'),
  banned('K25j', 'x-forwarded-client-cert', 'evil-cert'),
  banned('K25k', 'te', 'evil-te'),
  banned('K25l', 'connection', 'evil-option'),
  banned('K25m', 'x-request-id', 'evil-id'),
  banned('K25n', 'x-forwarded-port', '91919'),
  banned('K25o', 'forwarded', 'for=evil'),
  banned('K25p', 'expect', 'evil-expect'),
  banned('K25q', 'proxy-authorization', 'evil-secret'),
  banned('K25r', 'upgrade', 'evil-proto'),
  bad('K26', 'a control character in a trailer', 'x-t: \x01'),
  bad('K26b', 'a NUL in a trailer', 'x-t: a\0b'),
  bad('K26c', 'a bare CR in a trailer', 'x-t: a\rb'),
  bad('K26d', 'a bare LF in a trailer', 'x-t: a\nb: 1'),
  bad('K27', 'a space before the colon of a trailer', 'x-t : 1'),
  bad('K27b', 'a folded trailer', 'x-t: 1\r\n 2'),
  bad('K27c', 'a trailer without a name', ': x-t'),
  bad('K27d', 'a trailer without a colon', 'x-t'),
  bad('K27e', 'a trailer whose name is no token', 'x-t(: 1'),
  request(
    'K29',
    '5000 trailers',
    WHERE,
    withTrailer(Array.from({ length: 5000 }, () => 'x-t: 1').join('\r\n')),
    refused(431),
    unread('x-t'),
  ),
  request('K29b', 'a trailer of 70 KB', WHERE, withTrailer(`x-t: ${'y'.repeat(70_000)}`), refused(431), unread('x-t')),
];
