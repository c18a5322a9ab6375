// The target first-bytes: the beginning of a connection through what listeners read of it before they choose a filter
// chain. Each judges the bytes so far: however they are cut, the same is known at the same byte, and stays so.

import { isIP } from 'node:net';
import { FirstLine, type FirstLineVerdict } from '../../../sidecar/http/first-line.ts';
import { sniff } from '../../../sidecar/net/client-hello.ts';
import { LONGEST_PROXY_HEADER, readProxyHeader, writeProxyHeader } from '../../../sidecar/net/proxy-protocol.ts';
import { everyCut, manyCuts, someCuts } from '../h1/cuts.ts';
import { Random } from '../random.ts';
import { type Effort, type Target, Violation } from '../target.ts';
import { generateFirstBytes } from './first-bytes-inputs.ts';
import { firstLineOf } from './first-line-reference.ts';

interface Reader {
  /** A word for what was made of the input; throws a Violation where it cannot be so. */
  readonly check: (input: Buffer) => string;
  /** What is known once all pieces have come: anything that prints the same where it is the same. */
  readonly read: (pieces: readonly Buffer[]) => unknown;
}

const READERS: readonly Reader[] = [
  { check: checkFirstLine, read: readFirstLine },
  { check: checkHello, read: (pieces) => asTheyCome(pieces, sniff) },
  { check: checkProxyHeader, read: (pieces) => asTheyCome(pieces, readProxyHeader) },
];

export const firstBytes: Target = {
  name: 'first-bytes',
  extension: 'bin',
  variants: READERS.length,
  msPerKib: 4,
  generate: generateFirstBytes,
  run,
};

function run(input: Buffer, variant: number, effort: Effort): string {
  const { check, read } = READERS[variant] as Reader;
  const outcome = check(input);
  const wanted = JSON.stringify(read([input]));
  const ways = [someCuts(input, new Random(input.length, variant))];
  if (effort !== 'quick') ways.push(manyCuts(input));
  if (effort === 'full') ways.push(...everyCut(input));
  for (const pieces of ways) {
    const found = JSON.stringify(read(pieces));
    if (found !== wanted) throw new Violation('judged otherwise in pieces', `${found} for ${wanted}`);
  }
  return outcome;
}

/** A reader of all bytes so far is asked with each piece until it knows, and says the same when asked again. */
function asTheyCome<T extends { readonly kind: string }>(pieces: readonly Buffer[], judge: (bytes: Buffer) => T): T {
  let bytes: Buffer = Buffer.alloc(0);
  let known: T | null = null;
  for (const piece of pieces) {
    bytes = Buffer.concat([bytes, piece]);
    const said = judge(bytes);
    if (known !== null && JSON.stringify(said) !== JSON.stringify(known))
      throw new Violation(
        'another judgement with more bytes',
        `${JSON.stringify(said)} after ${JSON.stringify(known)}`,
      );
    if (said.kind !== 'more') known = said;
  }
  return known ?? judge(bytes);
}

function readFirstLine(pieces: readonly Buffer[]): FirstLineVerdict {
  const line = new FirstLine();
  for (const piece of pieces) {
    const verdict = line.look(piece);
    if (verdict !== 'more') return verdict;
  }
  return 'more';
}

/** Longer lines take the reference too long. */
const LONGEST_COMPARED = 400;

function checkFirstLine(input: Buffer): string {
  const verdict = readFirstLine([input]);
  if (input.length > LONGEST_COMPARED) return told(verdict);
  const wanted = firstLineOf(input);
  if (verdict !== wanted) throw new Violation('a first line judged otherwise', `${verdict} for ${wanted}`);
  return told(verdict);
}

function told(verdict: FirstLineVerdict): string {
  return verdict === 'more' || verdict === 'other' ? `refused: ${verdict}` : `taken: ${verdict}`;
}

/** Every name that is told stands in the message; that of the server in whatever case. */
function checkHello(input: Buffer): string {
  const said = sniff(input);
  if (said.kind !== 'tls') return `refused: ${said.kind}`;
  const message = messageOf(input).toString('latin1');
  if (!/^[\x21-\x7e]*$/.test(said.serverName)) throw new Violation('a server name of other bytes', said.serverName);
  if (!message.toLowerCase().includes(said.serverName)) throw new Violation('a name not there', said.serverName);
  const strange = said.alpn.find((name) => !message.includes(name));
  if (strange !== undefined) throw new Violation('a protocol not there', strange);
  return `taken: ${said.serverName === '' ? 'no name' : 'a name'}, ${said.alpn.length} protocols`;
}

/** What records of a handshake hold together. */
function messageOf(input: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at + 5 <= input.length && input[at] === 22; at += 5 + input.readUInt16BE(at + 3))
    parts.push(input.subarray(at + 5, at + 5 + input.readUInt16BE(at + 3)));
  return Buffer.concat(parts);
}

/** What was found is within the bytes, and found again where we write it. */
function checkProxyHeader(input: Buffer): string {
  const said = readProxyHeader(input);
  if (said.kind === 'bad') return `refused: ${said.reason}`;
  if (said.kind !== 'found') return `refused: ${said.kind}`;
  const { length, version, addresses } = said;
  if (length > input.length || length > LONGEST_PROXY_HEADER) throw new Violation('a header past its bytes');
  if (addresses === null) return `taken: version ${version}, nobody's addresses`;
  for (const { host, port } of [addresses.source, addresses.destination])
    if (isIP(host) === 0 || !(port >= 0 && port <= 65_535)) throw new Violation('no address', `${host} ${port}`);
  const again = readProxyHeader(writeProxyHeader(version, addresses));
  if (JSON.stringify(again) !== JSON.stringify({ ...said, length: again.kind === 'found' ? again.length : 0 }))
    throw new Violation('written otherwise', `${JSON.stringify(again)} for ${JSON.stringify(said)}`);
  return `taken: version ${version}, IPv${isIP(addresses.source.host)}`;
}
