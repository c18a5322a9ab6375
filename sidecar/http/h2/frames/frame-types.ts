// Numbers of frames, and what must hold of each before its payload is looked at (RFC 9113 4 and 6).

export const FRAME = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

export const FLAG = {
  /** Of DATA and HEADERS. */
  END_STREAM: 0x1,
  /** Of SETTINGS and PING. */
  ACK: 0x1,
  END_HEADERS: 0x4,
  PADDED: 0x8,
  PRIORITY: 0x20,
} as const;

/** Bytes before the payload. */
export const FRAME_HEAD = 9;

/** What a client sends first. */
export const PREFACE: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export interface FrameRule {
  readonly name: string;
  /** Whether it belongs to a stream. */
  readonly stream: 'required' | 'forbidden' | 'either';
  readonly least: number;
  readonly most: number;
  /** The length is a multiple of this. */
  readonly unit: number;
}

const ANY_LENGTH = { least: 0, most: 2 ** 24, unit: 1 };

function exactly(length: number) {
  return { least: length, most: length, unit: 1 };
}

/** By type. */
export const FRAME_RULES: readonly FrameRule[] = [
  { name: 'DATA', stream: 'required', ...ANY_LENGTH },
  { name: 'HEADERS', stream: 'required', ...ANY_LENGTH },
  { name: 'PRIORITY', stream: 'required', ...exactly(5) },
  { name: 'RST_STREAM', stream: 'required', ...exactly(4) },
  { name: 'SETTINGS', stream: 'forbidden', ...ANY_LENGTH, unit: 6 },
  { name: 'PUSH_PROMISE', stream: 'required', ...ANY_LENGTH },
  { name: 'PING', stream: 'forbidden', ...exactly(8) },
  { name: 'GOAWAY', stream: 'forbidden', ...ANY_LENGTH, least: 8 },
  { name: 'WINDOW_UPDATE', stream: 'either', ...exactly(4) },
  { name: 'CONTINUATION', stream: 'required', ...ANY_LENGTH },
];
