// HttpStream: how a codec looks from above. Six verbs out, five callbacks in, the same for HTTP/1.1 and
// HTTP/2, for servers and clients; so pumping bytes from any to any is one piece of code (proxy/pump.ts).
//
// Rules of the seam: callbacks of one stream never overlap and never run inside a verb of the same
// stream; after `onReset` or `reset` nothing more is called; `end` is said exactly once per direction,
// with a head, with data or with trailers. A `sendData` that returned false is followed by one `onDrain`.

import type { ProxyError } from '../errors.ts';
import type { HeaderList } from './head.ts';

/** Bytes of one exchange on one side, as they were on the wire; those of its field lines also alone. */
export interface WireBytes {
  received: number;
  receivedFields: number;
  sent: number;
  sentFields: number;
}

export function noBytes(): WireBytes {
  return { received: 0, receivedFields: 0, sent: 0, sentFields: 0 };
}

/** A piece of body: bytes, or a latin1 text where it was read as one together with its head. */
export type Piece = Buffer | string;

export interface HttpStream<Out> {
  /** Counted as the exchange goes on. */
  readonly wire: WireBytes;
  /** `more`: data follows within this very call of the sender, and the head may wait for it. */
  sendHead(head: Out, end: boolean, more?: boolean): void;
  /** false: wait for onDrain. The chunk is given away: its memory may be used again once it was written. */
  sendData(chunk: Piece, end: boolean): boolean;
  /** Ends the message. */
  sendTrailers(trailers: HeaderList): void;
  /** Ends this exchange only. */
  reset(error: ProxyError): void;
  /** Brake on the reading side. */
  pause(): void;
  resume(): void;
}

export interface StreamReader<In> {
  /** Informational heads too; the final one is >= 200, or 101 after an upgrade. */
  /** `more`: `onData` or `onTrailers` follows before the codec returns, if only with nothing. */
  onHead(head: In, end: boolean, more: boolean): void;
  /** The chunk holds until the call returns: whoever keeps it longer copies it (`kept`, slabs.ts). */
  onData(chunk: Piece, end: boolean): void;
  /** Ends the message. */
  onTrailers(trailers: HeaderList): void;
  onDrain(): void;
  onReset(error: ProxyError): void;
}
