// PROXY headers: what a stock Envoy takes and refuses, at every split, and that what we write reads back.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ProxyAddresses, readProxyHeader, writeProxyHeader } from '../../../sidecar/net/proxy-protocol.ts';

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');

function v2(command: number, family: number, body: Buffer, length = body.length): Buffer {
  return Buffer.concat([SIGNATURE, Buffer.from([command, family, length >> 8, length & 255]), body]);
}

const PORTS = Buffer.from([0x04, 0x57, 0x08, 0xae]);
const IP4 = Buffer.concat([Buffer.from([1, 2, 3, 4, 5, 6, 7, 8]), PORTS]);
const IP6 = Buffer.concat([
  Buffer.from('20010db8000000000000000000000001', 'hex'),
  Buffer.from('20010db8000000000000000000000002', 'hex'),
  PORTS,
]);
const line = (text: string) => Buffer.from(text, 'latin1');
const FOUR: ProxyAddresses = {
  source: { host: '1.2.3.4', port: 1111 },
  destination: { host: '5.6.7.8', port: 2222 },
};
const SIX: ProxyAddresses = {
  source: { host: '2001:db8::1', port: 1111 },
  destination: { host: '2001:db8::2', port: 2222 },
};

const TAKEN: Readonly<Record<string, readonly [Buffer, ProxyAddresses | null]>> = {
  'TCP4 as text': [line('PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n'), FOUR],
  'TCP6 as text': [line('PROXY TCP6 2001:db8::1 2001:db8::2 1111 2222\r\n'), SIX],
  UNKNOWN: [line('PROXY UNKNOWN\r\n'), null],
  'UNKNOWN with something': [line('PROXY UNKNOWN ff::1 ff::2 1 2\r\n'), null],
  'the longest line': [line(`PROXY UNKNOWN ${'x'.repeat(92)}\r\n`), null],
  'TCP over IPv4': [v2(0x21, 0x11, IP4), FOUR],
  'TCP over IPv6': [v2(0x21, 0x21, IP6), SIX],
  'datagrams over IPv4': [v2(0x21, 0x12, IP4), FOUR],
  'with an extension': [v2(0x21, 0x11, Buffer.concat([IP4, Buffer.from([4, 0, 3, 97, 98, 99])])), FOUR],
  'with an extension of 65 kB': [
    v2(0x21, 0x11, Buffer.concat([IP4, Buffer.from([4, 0xff, 0]), Buffer.alloc(0xff00)])),
    FOUR,
  ],
  LOCAL: [v2(0x20, 0, Buffer.alloc(0)), null],
  'LOCAL with addresses': [v2(0x20, 0x11, IP4), null],
};

const REFUSED: Readonly<Record<string, Buffer>> = {
  'three numbers': line('PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n'),
  'a leading zero': line('PROXY TCP4 01.2.3.4 5.6.7.8 1 2\r\n'),
  'a port too large': line('PROXY TCP4 1.2.3.4 5.6.7.8 70000 2\r\n'),
  'a port with a sign': line('PROXY TCP4 1.2.3.4 5.6.7.8 +1 2\r\n'),
  'another family': line('PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n'),
  'a zone': line('PROXY TCP6 fe80::1%eth0 fe80::2 1 2\r\n'),
  'a bare line end': line(`PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n${'x'.repeat(100)}`),
  'a bare line end before another': line('PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n\r\n'),
  'a line too long': line(`PROXY UNKNOWN ${'x'.repeat(93)}\r\n`),
  'one word more': line('PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n'),
  'two spaces': line('PROXY  TCP4 1.2.3.4 5.6.7.8 1 2\r\n'),
  'UDP4 as text': line('PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n'),
  'no family': v2(0x21, 0, Buffer.alloc(0)),
  'a Unix socket': v2(0x21, 0x31, Buffer.alloc(216)),
  'no transport': v2(0x21, 0x10, IP4),
  'too short': v2(0x21, 0x11, IP4.subarray(0, 8)),
  'version 1 in binary': v2(0x11, 0x11, IP4),
  'another command': v2(0x22, 0x11, IP4),
  'an extension cut off': v2(0x21, 0x11, Buffer.concat([IP4, Buffer.from([4, 0, 9, 97])])),
  'an extension of two bytes': v2(0x21, 0x11, Buffer.concat([IP4, Buffer.from([4, 0])])),
};

for (const [name, [header, addresses]] of Object.entries(TAKEN)) {
  test(`takes ${name}, at every split and with bytes behind it`, () => {
    const version = header[0] === 13 ? 2 : 1;
    const expected = { kind: 'found', version, length: header.length, addresses };
    const step = header.length > 1000 ? 997 : 1;
    for (let length = 0; length < header.length; length += step) {
      const { kind } = readProxyHeader(header.subarray(0, length));
      assert.equal(kind, 'more', `after ${length} of ${header.length} bytes`);
    }
    assert.deepEqual(readProxyHeader(header), expected);
    assert.deepEqual(readProxyHeader(Buffer.concat([header, line('\r\nmore')])), expected);
  });
}

for (const [name, header] of Object.entries(REFUSED)) {
  test(`refuses ${name}`, () => assert.equal(readProxyHeader(header).kind, 'bad'));
}

test('anything else is no header', () => {
  for (const text of ['hello', 'GET / HTTP/1.1\r\n', 'proxy TCP4 ', 'PROXX', '\r\n\r\nX', '\x16\x03\x01'])
    assert.equal(readProxyHeader(line(text)).kind, 'none', JSON.stringify(text));
});

test('what is written reads back', () => {
  const ends: readonly ProxyAddresses[] = [
    FOUR,
    SIX,
    { source: { host: '::', port: 0 }, destination: { host: '::1', port: 65_535 } },
    { source: { host: '1:2:3:4:5:6:7:8', port: 1 }, destination: { host: 'fe80::', port: 2 } },
  ];
  for (const version of [1, 2] as const) {
    for (const addresses of ends) {
      const header = writeProxyHeader(version, addresses);
      assert.deepEqual(readProxyHeader(header), { kind: 'found', version, length: header.length, addresses });
    }
    const mixed = writeProxyHeader(version, { source: FOUR.source, destination: SIX.destination });
    assert.deepEqual(readProxyHeader(mixed), { kind: 'found', version, length: mixed.length, addresses: null });
  }
  const mapped = writeProxyHeader(2, {
    source: { host: '::ffff:1.2.3.4', port: 1 },
    destination: { host: '::1', port: 2 },
  });
  const found = readProxyHeader(mapped);
  assert.equal(found.kind === 'found' && found.addresses?.source.host, '::ffff:102:304');
});
