// Bytes of heads as text: one character a byte, nothing interpreted.

type Slice = (this: Buffer, start: number, end: number) => string;

/** What `toString` ends in; asking it directly leaves out the look-up of the encoding (measured: 50 ns a call). */
const direct = (Buffer.prototype as { readonly latin1Slice?: Slice }).latin1Slice;
const slice: Slice =
  direct ??
  function (this: Buffer, start, end) {
    return this.toString('latin1', start, end);
  };

export function latin1(bytes: Buffer, start: number, end: number): string {
  return slice.call(bytes, start, end);
}

type Write = (this: Buffer, text: string, at: number, length: number) => number;

const directWrite = (Buffer.prototype as { readonly latin1Write?: Write }).latin1Write;
const write: Write =
  directWrite ??
  function (this: Buffer, text, at, length) {
    return this.write(text, at, length, 'latin1');
  };

/** Writes text, one byte a character; the end. */
export function writeLatin1(text: string, bytes: Buffer, at: number): number {
  return at + write.call(bytes, text, at, text.length);
}
