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
