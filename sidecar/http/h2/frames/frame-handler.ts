// What a reader of frames tells. Buffers are lent for the length of a call: the bytes are those that came off
// the socket, or the reader's own.

export interface FrameHandler {
  /**
   * A whole field block, of HEADERS and what CONTINUATION there was. `dependsOn` is the stream of a priority,
   * which means nothing any more but may not be the stream itself; -1: none was sent.
   */
  onHeaders(stream: number, endStream: boolean, block: Buffer, start: number, end: number, dependsOn: number): void;
  /**
   * A piece of DATA as it came. `counted` is what it takes of the windows: all of the frame with its padding at
   * the first piece, 0 at the others. `last`: the frame has no more data, and with END_STREAM the stream neither.
   */
  onData(
    stream: number,
    flags: number,
    payload: Buffer,
    start: number,
    end: number,
    counted: number,
    last: boolean,
  ): void;
  /** Any other frame, of the right length: PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE. */
  onFrame(type: number, flags: number, stream: number, payload: Buffer, start: number, end: number): void;
  /** A frame that is wrong for its stream alone; it is skipped. */
  onStreamFault(stream: number, code: number, reason: string): void;
  /** The connection cannot go on. Nothing follows. */
  onFault(code: number, reason: string): void;
}
