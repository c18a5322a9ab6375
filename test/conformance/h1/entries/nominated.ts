// P01-P07: what belongs to one hop stays there, in both spellings and both directions (RFC 9110 7.6.1);
// what nobody may take away from the origin, or make it believe, is ours to say.

import { DENIED_FIELD } from '../bootstrap.ts';
import type { Entry, Outcome } from '../entry.ts';
import { answeredHere, closing, either, forwarded, get, post, refused, request, seesGet, seesPost } from '../words.ts';

const HOP = 'RFC 9110 7.6.1';
const lacks = (...names: readonly string[]): Outcome => forwarded(seesGet({ lacks: names }));
const stripped = (id: string, means: string, fields: string, ...names: readonly string[]): Entry =>
  request(id, means, HOP, get(fields), lacks(...names));

const NOMINATED: readonly Entry[] = [
  stripped('P01', 'a nominated field', 'connection: x-foo\r\nx-foo: 1', 'x-foo'),
  stripped('P01b', 'a nominated field that stands before Connection', 'x-foo: 1\r\nconnection: x-foo', 'x-foo'),
  stripped('P01c', 'every field of a nominated name', 'x-foo: 1\r\nconnection: x-foo\r\nX-Foo: 2', 'x-foo'),
  stripped(
    'P01d',
    'a nomination beside keep-alive',
    'connection: keep-alive, x-foo\r\nx-foo: 1',
    'x-foo',
    'keep-alive',
  ),
  request(
    'P01e',
    'a nomination beside close',
    HOP,
    get('connection: close, x-foo\r\nx-foo: 1'),
    closing(lacks('x-foo')),
  ),
  request(
    'P01f',
    'a nominated field that is not there',
    HOP,
    get('connection: x-foo'),
    forwarded(seesGet({ without: ['x-foo'] })),
  ),
  stripped(
    'P03',
    'two lines of Connection',
    'connection: x-foo\r\nConnection: X-BAR\r\nx-foo: 1\r\nx-bar: 2',
    'x-foo',
    'x-bar',
  ),
  stripped('P03b', 'empty members', 'connection: ,x-foo,, ,\r\nx-foo: 1', 'x-foo'),
  stripped(
    'P03c',
    'blanks around members',
    'connection: \t x-foo \t,\tx-bar\r\nx-foo: 1\r\nx-bar: 2',
    'x-foo',
    'x-bar',
  ),
  stripped('P03d', 'a member in other letters', 'connection: X-fOO\r\nx-foo: 1', 'x-foo'),
  request(
    'P03e',
    '1000 members',
    HOP,
    get(`connection: ${Array.from({ length: 1000 }, (_, i) => `x${i}`).join(',')}\r\nx7: 1`),
    refused(),
    either(lacks('x7')),
  ),
  request('P03f', 'an empty Connection', HOP, get('connection: '), forwarded(seesGet())),
];

/** Stays: what the client nominates it did not add for this hop, or is not the client's to take away. */
const stays = (id: string, name: string, value: string, ...alsoSafe: readonly Outcome[]): Entry =>
  request(
    id,
    `a client cannot take ${name} away`,
    HOP,
    get(`connection: ${name}\r\n${name}: ${value}`),
    [forwarded(seesGet({ fields: { [name]: value } })), refused()],
    ...alsoSafe,
  );

/** Present, and not what the client said. */
const ours = (name: string, said: string): Outcome =>
  forwarded(seesGet({ fields: { [name]: /./ }, without: [`${name}: ${said}\r\n`] }));

const PROTECTED: readonly Entry[] = [
  // The client's own words are the client's to withdraw: RFC 9110 7.6.1 would have them removed.
  stays('P02', 'authorization', 'Basic b', lacks('authorization')),
  stays('P02b', 'cookie', 'c=1', lacks('cookie')),
  stays('P02c', 'traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', lacks('traceparent')),
  stays('P02d', 'content-type', 'text/plain', lacks('content-type')),
  request('P02e', 'a client cannot take Host away', HOP, get('connection: host'), [forwarded(seesGet()), refused()]),
  request(
    'P02f',
    'a client cannot take the length away',
    HOP,
    post('connection: content-length\r\ncontent-length: 5', 'hello'),
    [forwarded(seesPost()), refused()],
  ),
  request(
    'P02g',
    'a client cannot take the coding away',
    HOP,
    post('connection: transfer-encoding\r\ntransfer-encoding: chunked', '5\r\nhello\r\n0\r\n\r\n'),
    [forwarded(seesPost()), refused()],
  ),
  request('P02h', 'a client cannot take our x-forwarded-for away', HOP, get('connection: x-forwarded-for'), [
    forwarded(seesGet({ fields: { 'x-forwarded-for': /./ } })),
    refused(),
  ]),
  request('P02i', 'a client cannot take our x-request-id away', HOP, get('connection: x-request-id'), [
    forwarded(seesGet({ fields: { 'x-request-id': /./ } })),
    refused(),
  ]),
  request('P02j', 'a client cannot take our x-forwarded-proto away', HOP, get('connection: x-forwarded-proto'), [
    forwarded(seesGet({ fields: { 'x-forwarded-proto': 'http' } })),
    refused(),
  ]),
  request(
    'P02k',
    'a client cannot take our x-forwarded-for away in other letters',
    HOP,
    get('connection: close, X-FORWARDED-FOR'),
    [closing(forwarded(seesGet({ fields: { 'x-forwarded-for': /./ } }))), refused()],
  ),
];

const HOP_BY_HOP: readonly Entry[] = [
  stripped('P04', 'keep-alive', 'keep-alive: timeout=5', 'keep-alive'),
  stripped('P04b', 'proxy-connection', 'proxy-connection: keep-alive', 'proxy-connection'),
  stripped('P04c', 'te other than trailers', 'te: gzip', 'te'),
  request('P04d', 'of te only trailers', 'RFC 9110 10.1.4', get('te: gzip, trailers;q=0.5\r\nconnection: te'), [
    lacks('te'),
    forwarded(seesGet({ fields: { te: ['trailers', 'trailers;q=0.5'] } })),
  ]),
  stripped('P04e', 'an upgrade that Connection does not nominate', 'upgrade: foo', 'upgrade'),
  stripped('P04f', 'http2-settings', 'connection: http2-settings\r\nhttp2-settings: x', 'http2-settings'),
  request(
    'P04g',
    'proxy-authorization',
    'RFC 9110 11.7.2',
    get('proxy-authorization: Basic a'),
    lacks('proxy-authorization'),
    // A proxy that did not ask for it may hand it on.
    forwarded(seesGet()),
  ),
  request(
    'P04h',
    'proxy-authenticate',
    'RFC 9110 11.7.1',
    get('proxy-authenticate: Basic'),
    lacks('proxy-authenticate'),
    forwarded(seesGet()),
  ),
  request('P04i', 'trailer without trailers', 'RFC 9110 6.6.2', get('trailer: x-t'), [
    lacks('trailer'),
    forwarded(seesGet()),
  ]),
];

/** A field by which the origin would believe the client about itself. */
const spoofed = (id: string, name: string, said: string, ...alsoSafe: readonly Outcome[]): Entry =>
  request(
    id,
    `a client's own ${name} is not believed`,
    'RFC 9110 7.6',
    get(`${name}: ${said}`),
    [lacks(name), forwarded(seesGet({ without: [said] }))],
    ...alsoSafe,
  );

/** Means something to Envoy and to us; to others it is a field like any. */
const ANY_FIELD = forwarded(seesGet());

const SPOOFED: readonly Entry[] = [
  request(
    'P05',
    "x-forwarded-for ends with the client's address",
    'RFC 7239 8.1',
    get('x-forwarded-for: 9.9.9.9'),
    ours('x-forwarded-for', '9.9.9.9'),
    forwarded(seesGet({ fields: { 'x-forwarded-for': /,(?!9\.9\.9\.9)[\d.]+$/ } })),
  ),
  request(
    'P05b',
    'x-forwarded-for in two fields',
    'RFC 7239 8.1',
    get('x-forwarded-for: 9.9.9.9\r\nX-Forwarded-For: 8.8.8.8'),
    forwarded(seesGet({ fields: { 'x-forwarded-for': /^(?!.*(?:9\.9\.9\.9|8\.8\.8\.8)$)/ } })),
  ),
  spoofed('P05c', 'x-forwarded-proto', 'evil-proto'),
  spoofed('P05d', 'x-forwarded-host', 'evil.test'),
  spoofed('P05e', 'x-forwarded-port', '91919'),
  spoofed('P05f', 'x-forwarded-prefix', '/evil'),
  spoofed('P05g', 'forwarded', 'for=9.9.9.9;proto=evil'),
  spoofed('P05h', 'x-real-ip', '9.9.9.9'),
  spoofed('P05i', 'x-request-id', 'evil-id'),
  spoofed('P05j', 'x-forwarded-client-cert', 'By=spiffe://evil'),
  spoofed('P05k', 'x-envoy-internal', 'evil-true', ANY_FIELD),
  spoofed('P05l', 'x-envoy-external-address', '9.9.9.9', ANY_FIELD),
  request(
    'P05m',
    'the protected x-forwarded-proto in other letters',
    'RFC 9110 7.6',
    get('X-FORWARDED-PROTO: https'),
    forwarded(seesGet({ fields: { 'x-forwarded-proto': 'http' } })),
  ),
];

const { name, value } = DENIED_FIELD;
const byValue = (id: string, means: string, ...values: readonly string[]): Entry =>
  request(id, means, 'RFC 9110 5.3', get(values.map((one) => `${name}: ${one}`).join('\r\n')), [
    answeredHere(403),
    refused(),
  ]);

const POLICY: readonly Entry[] = [
  byValue('P07', 'a value that policy refuses', value),
  byValue('P07b', 'behind another value', 'user', value),
  byValue('P07c', 'before another value', value, 'user'),
  byValue('P07d', 'between others', 'user', value, 'user'),
  byValue('P07e', 'twice', value, value),
  request(
    'P07f',
    'a value that only contains it',
    'RFC 9110 5.3',
    get(`${name}: ${value}istrator`),
    forwarded(seesGet()),
  ),
  request('P06', 'what policy refuses cannot be nominated away', HOP, get(`connection: ${name}\r\n${name}: ${value}`), [
    answeredHere(403),
    refused(),
    forwarded(seesGet({ lacks: [name] })),
  ]),
];

export const NOMINATED_FIELDS: readonly Entry[] = [...NOMINATED, ...PROTECTED, ...HOP_BY_HOP, ...SPOOFED, ...POLICY];
