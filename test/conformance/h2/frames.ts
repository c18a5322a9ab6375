// Frames of HTTP/2 as bytes, right or wrong: written without the sidecar's own writer, which would not say
// what a row has to say.

export const TYPE = {
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

export const END_STREAM = 0x1;
export const ACK = 0x1;
export const END_HEADERS = 0x4;
export const PADDED = 0x8;
export const PRIORITISED = 0x20;

export const ERROR = {
  NONE: 0,
  PROTOCOL: 1,
  INTERNAL: 2,
  FLOW_CONTROL: 3,
  SETTINGS_TIMEOUT: 4,
  STREAM_CLOSED: 5,
  FRAME_SIZE: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION: 9,
  CALM: 11,
} as const;

export const SETTING = { TABLE: 1, PUSH: 2, STREAMS: 3, WINDOW: 4, FRAME: 5, LIST: 6, CONNECT: 8 } as const;

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
/** What a frame may hold unless SETTINGS say more. */
export const MOST_IN_FRAME = 16_384;

/** Names and values. */
export type Fields = readonly (readonly [string, string])[];

/** `length` where the frame says another than it has. */
export function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0), length?: number) {
  const head = Buffer.alloc(9);
  head.writeUIntBE(length ?? payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream >>> 0, 5);
  return Buffer.concat([head, payload]);
}

export function words(...values: readonly number[]): Buffer {
  const out = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) out.writeUInt32BE(value >>> 0, 4 * i);
  return out;
}

function text(value: string): Buffer {
  return Buffer.concat([integer(value.length), Buffer.from(value, 'latin1')]);
}

/** With a prefix of seven bits (RFC 7541 5.1). */
function integer(value: number): Buffer {
  if (value < 127) return Buffer.from([value]);
  const bytes = [127];
  let rest = value - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

/** A field block of literals: no table, no Huffman code. */
export function block(fields: Fields): Buffer {
  return Buffer.concat(fields.map(([name, value]) => Buffer.concat([Buffer.from([0]), text(name), text(value)])));
}

/** Literals that are never to be indexed. */
export function secret(fields: Fields): Buffer {
  return Buffer.concat(fields.map(([name, value]) => Buffer.concat([Buffer.from([0x10]), text(name), text(value)])));
}

/** A literal that goes into the table. */
export function indexed(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0x40]), text(name), text(value)]);
}

/** HEADERS, and CONTINUATION where one frame does not hold the block. */
export function headers(stream: number, fields: Fields | Buffer, end = true): Buffer {
  const bytes = Buffer.isBuffer(fields) ? fields : block(fields);
  const ends = end ? END_STREAM : 0;
  const pieces: Buffer[] = [];
  for (let at = 0; at === 0 || at < bytes.length; at += MOST_IN_FRAME) {
    const last = at + MOST_IN_FRAME >= bytes.length ? END_HEADERS : 0;
    const piece = bytes.subarray(at, at + MOST_IN_FRAME);
    pieces.push(frame(at === 0 ? TYPE.HEADERS : TYPE.CONTINUATION, (at === 0 ? ends : 0) | last, stream, piece));
  }
  return Buffer.concat(pieces);
}

/** A body in as many frames as it takes. */
export function data(stream: number, body: string | Buffer, end = true): Buffer {
  const bytes = typeof body === 'string' ? Buffer.from(body, 'latin1') : body;
  const pieces: Buffer[] = [];
  for (let at = 0; at === 0 || at < bytes.length; at += MOST_IN_FRAME) {
    const last = end && at + MOST_IN_FRAME >= bytes.length ? END_STREAM : 0;
    pieces.push(frame(TYPE.DATA, last, stream, bytes.subarray(at, at + MOST_IN_FRAME)));
  }
  return Buffer.concat(pieces);
}

export function settings(values: Readonly<Record<number, number>> = {}): Buffer {
  const pairs = Object.entries(values).map(([id, value]) => {
    const pair = Buffer.alloc(6);
    pair.writeUInt16BE(Number(id), 0);
    pair.writeUInt32BE(value, 2);
    return pair;
  });
  return frame(TYPE.SETTINGS, 0, 0, Buffer.concat(pairs));
}

export const settingsAck = (): Buffer => frame(TYPE.SETTINGS, ACK, 0);
export const ping = (flags = 0): Buffer => frame(TYPE.PING, flags, 0, Buffer.alloc(8));
export const rst = (stream: number, code: number): Buffer => frame(TYPE.RST_STREAM, 0, stream, words(code));
export const windowUpdate = (stream: number, by: number): Buffer => frame(TYPE.WINDOW_UPDATE, 0, stream, words(by));
export const goaway = (last: number, code: number): Buffer => frame(TYPE.GOAWAY, 0, 0, words(last, code));

/** Depends on `on`. */
export function priority(stream: number, on: number): Buffer {
  return frame(TYPE.PRIORITY, 0, stream, Buffer.concat([words(on), Buffer.from([15])]));
}

// Messages.

/** The pseudo fields of a request, and what follows them. */
export function request(method = 'GET', path = '/d', ...more: Fields): Fields {
  return [[':method', method], [':scheme', 'http'], [':authority', 'a'], [':path', path], ...more];
}

export function response(status: number | string, ...more: Fields): Fields {
  return [[':status', String(status)], ...more];
}
