// What an input of the target hpack means: commands, each a byte that says what, two for a length, and so many
// bytes. Any bytes are a program; one that ends too soon has a shorter last command.

export type Command =
  /** A peer's field block. */
  | { readonly do: 'decode'; readonly block: Buffer }
  /** Names and values, which are written by us and read by a peer. */
  | { readonly do: 'encode'; readonly list: readonly string[] }
  /** A table size that one side allows the other. */
  | { readonly do: 'resize'; readonly size: number };

const HEAD = 3;
/** Separates names and values. No byte of a field, so that fields are any bytes but this one. */
const SEPARATOR = '\n';

export function commandsOf(input: Buffer): Command[] {
  const commands: Command[] = [];
  for (let at = 0; at + HEAD <= input.length; ) {
    const length = input.readUInt16BE(at + 1);
    const payload = input.subarray(at + HEAD, at + HEAD + length);
    commands.push(commandOf(input[at] as number, payload, length));
    at += HEAD + payload.length;
  }
  return commands;
}

function commandOf(what: number, payload: Buffer, length: number): Command {
  if ((what & 3) === 2) return { do: 'resize', size: payload.length >= 4 ? payload.readUInt32BE(0) : length };
  if ((what & 3) === 1) return { do: 'encode', list: listOf(payload) };
  return { do: 'decode', block: payload };
}

function listOf(payload: Buffer): string[] {
  const parts = payload.toString('latin1').split(SEPARATOR);
  return parts.length % 2 === 0 ? parts : parts.slice(0, -1);
}

export function decodeCommand(block: Buffer): Buffer {
  return commandBytes(0, block);
}

export function encodeCommand(list: readonly string[]): Buffer {
  return commandBytes(1, Buffer.from(list.join(SEPARATOR), 'latin1'));
}

export function resizeCommand(size: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(size);
  return commandBytes(2, payload);
}

function commandBytes(what: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(HEAD);
  head.writeUInt8(what);
  head.writeUInt16BE(Math.min(payload.length, 0xffff), 1);
  return Buffer.concat([head, payload.subarray(0, 0xffff)]);
}
