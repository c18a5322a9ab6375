// The target hpack: a peer's blocks through the decoder, and lists through the encoder, each beside the plain
// decoder of the tests, which they must agree with after every command.

import { DEFAULT_LIST_LIMITS, HpackDecoder, type ListLimits } from '../../../sidecar/http/h2/hpack/decoder.ts';
import { blockBound, HpackEncoder } from '../../../sidecar/http/h2/hpack/encoder.ts';
import { GUESSABLE_COOKIE } from '../../../sidecar/http/h2/hpack/indexing.ts';
import { FIRST_DYNAMIC } from '../../../sidecar/http/h2/hpack/static-table.ts';
import { CompressionError, type Pair, ReferenceDecoder, sizeOf } from '../../sidecar/http/h2/hpack/reference.ts';
import { integer, Taken } from '../../sidecar/http/h2/hpack/taken.ts';
import { type Effort, type Target, Violation } from '../target.ts';
import { expectedFaults, expectedKnown } from './field-oracle.ts';
import { generateProgram } from './hpack-inputs.ts';
import { commandsOf } from './hpack-program.ts';

const NOTHING = Buffer.alloc(0);
const ROOMY: ListLimits = { bytes: 1 << 30, fields: 1 << 30 };

interface Variant {
  readonly limits: ListLimits;
  readonly sink: boolean;
}

const VARIANTS: readonly Variant[] = [
  { limits: DEFAULT_LIST_LIMITS, sink: true },
  { limits: { bytes: 300, fields: 5 }, sink: true },
  { limits: { bytes: 300, fields: 5 }, sink: false },
];

export const hpack: Target = {
  name: 'hpack',
  extension: 'bin',
  variants: VARIANTS.length,
  // Most of it the plain decoder's.
  msPerKib: 20,
  generate: generateProgram,
  run,
};

function run(input: Buffer, variant: number, effort: Effort): string {
  const peer = new Peer(VARIANTS[variant] as Variant);
  const ours = new Ours();
  for (const command of commandsOf(input)) {
    if (command.do === 'decode') peer.decode(command.block);
    else if (command.do === 'encode') ours.encode(command.list);
    else {
      peer.resize(command.size);
      ours.resize(command.size);
    }
    if (effort !== 'quick') peer.checkTable();
  }
  peer.checkTable();
  ours.checkSecrets();
  return peer.outcome;
}

/** One who sends us blocks. */
class Peer {
  readonly #decoder: HpackDecoder;
  readonly #reference = new ReferenceDecoder();
  readonly #variant: Variant;
  outcome = 'taken';

  constructor(variant: Variant) {
    this.#variant = variant;
    this.#decoder = new HpackDecoder(4096, variant.limits);
  }

  resize(size: number): void {
    this.#decoder.setMaxTableSize(size);
    this.#reference.setMaxTableSize(size);
  }

  decode(block: Buffer): void {
    if (this.outcome.startsWith('refused')) return;
    const taken = new Taken();
    // Within other bytes, which are none of the block.
    const within = Buffer.concat([Buffer.of(0x82, 0xff), block, Buffer.of(0x82, 0x40)]);
    const result = this.#decoder.decode(within, 2, 2 + block.length, this.#variant.sink ? taken : null);
    const pairs = this.#expected(block);
    const fitting = pairs === null ? [] : fittingOf(pairs, this.#variant.limits);
    const wanted = pairs === null ? 'compression' : fitting.length < pairs.length ? 'too-large' : 'ok';
    if (result !== wanted) throw new Violation(`${result} for ${wanted}`);
    if (result === 'compression') this.outcome = 'refused';
    else if (result === 'too-large') this.outcome = 'taken, too large';
    if (this.#variant.sink && result !== 'compression') checkFields(taken, fitting);
  }

  /** null: malformed. */
  #expected(block: Buffer): Pair[] | null {
    try {
      return this.#reference.decode(block);
    } catch (error) {
      if (error instanceof CompressionError) return null;
      throw error;
    }
  }

  /** Each entry, asked for by its index, and none behind the last. A block that only asks changes nothing. */
  checkTable(): void {
    if (this.outcome.startsWith('refused')) return;
    const { table, bytes, limit, least } = this.#reference;
    if (this.#decoder.tableBytes !== bytes) throw new Violation('the table has another size');
    // A block that does not begin with a change of size would be a fault.
    if (limit > least || !this.#variant.sink) return;
    // Any block settles what was owed: let it be the same one for both.
    const taken = new Taken();
    this.#decoder.decode(NOTHING, 0, 0, taken);
    this.#reference.decode(NOTHING);
    for (const [age, pair] of table.entries()) {
      const at = integer(0x80, 0x7f, FIRST_DYNAMIC + age);
      const result = this.#decoder.decode(at, 0, at.length, taken);
      const fits = sizeOf(pair) <= this.#variant.limits.bytes;
      if (result !== (fits ? 'ok' : 'too-large')) throw new Violation('an entry is missing');
    }
    checkFields(
      taken,
      table.filter((pair) => sizeOf(pair) <= this.#variant.limits.bytes),
    );
  }
}

/** What we send to others. */
class Ours {
  readonly #encoder = new HpackEncoder();
  readonly #decoder = new HpackDecoder(4096, ROOMY);
  readonly #reference = new ReferenceDecoder();

  resize(size: number): void {
    for (const side of [this.#encoder, this.#decoder, this.#reference]) side.setMaxTableSize(size);
  }

  encode(list: readonly string[]): void {
    const half = (list.length >> 2) * 2;
    const [first, second] = [list.slice(0, half), list.slice(half)];
    const most = blockBound(first, second);
    const out = Buffer.alloc(most + 8, 0xee);
    const end = this.#encoder.encode(first, second, out, 4);
    if (end > most + 4) throw new Violation('a block is longer than its bound');
    if (out.subarray(0, 4).some((byte) => byte !== 0xee) || out.subarray(end).some((byte) => byte !== 0xee))
      throw new Violation('written outside of the block');
    const block = out.subarray(4, end);
    const taken = new Taken();
    if (this.#decoder.decode(block, 0, block.length, taken) !== 'ok') throw new Violation('our block is not read');
    if (!same(taken.list, list)) throw new Violation('our block is read otherwise');
    if (!same(this.#reference.decode(block).flat(), list)) throw new Violation('our block is read otherwise by others');
  }

  checkSecrets(): void {
    for (const [name, value] of this.#reference.table) {
      const cookie = name === 'cookie' || name === 'set-cookie';
      if (name === 'authorization' || name === 'proxy-authorization' || (cookie && value.length < GUESSABLE_COOKIE))
        throw new Violation('a secret is indexed', name);
    }
  }
}

function fittingOf(pairs: readonly Pair[], limits: ListLimits): readonly Pair[] {
  let bytes = 0;
  const over = pairs.findIndex((pair, i) => {
    bytes += sizeOf(pair);
    return bytes > limits.bytes || i >= limits.fields;
  });
  return over < 0 ? pairs : pairs.slice(0, over);
}

function checkFields({ fields }: Taken, pairs: readonly Pair[]): void {
  if (fields.length !== pairs.length) throw new Violation('another number of fields');
  for (const [i, [name, value]] of pairs.entries()) {
    const field = fields[i];
    if (field?.name !== name || field.value !== value) throw new Violation('a field is read otherwise', name);
    if (field.known !== expectedKnown(name)) throw new Violation('a field is known otherwise', name);
    if (field.faults !== expectedFaults(name, value))
      throw new Violation('other faults of a field', JSON.stringify([name, value]));
  }
}

function same(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((text, i) => text === other[i]);
}
