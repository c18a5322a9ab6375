// The fields that HTTP/2 treats specially, each a small number, so that whoever receives fields can switch on
// it: the pseudo fields, those of a connection, and those that a request or a body is made from.

export const KNOWN = {
  NONE: 0,
  METHOD: 1,
  PATH: 2,
  SCHEME: 3,
  AUTHORITY: 4,
  STATUS: 5,
  PROTOCOL: 6,
  /** Begins with a colon, and is none of the six. Has FAULT.NAME_CHARACTER too. */
  OTHER_PSEUDO: 7,
  CONNECTION: 8,
  TE: 9,
  TRANSFER_ENCODING: 10,
  UPGRADE: 11,
  KEEP_ALIVE: 12,
  PROXY_CONNECTION: 13,
  CONTENT_LENGTH: 14,
  HOST: 15,
  COOKIE: 16,
  EXPECT: 17,
} as const;

/** The greatest number that is a pseudo field; NONE is none. */
export const LAST_PSEUDO = KNOWN.OTHER_PSEUDO;

/** By length first: a Map that is asked with a fresh string interns it. */
export function knownField(name: string): number {
  const known = byLength(name);
  if (known !== KNOWN.NONE) return known;
  return name.charCodeAt(0) === 58 ? KNOWN.OTHER_PSEUDO : KNOWN.NONE;
}

function byLength(name: string): number {
  switch (name.length) {
    case 2:
      return name === 'te' ? KNOWN.TE : KNOWN.NONE;
    case 4:
      return name === 'host' ? KNOWN.HOST : KNOWN.NONE;
    case 5:
      return name === ':path' ? KNOWN.PATH : KNOWN.NONE;
    case 6:
      return ofSix(name);
    case 7:
      return ofSeven(name);
    case 9:
      return name === ':protocol' ? KNOWN.PROTOCOL : KNOWN.NONE;
    case 10:
      return ofTen(name);
    case 14:
      return name === 'content-length' ? KNOWN.CONTENT_LENGTH : KNOWN.NONE;
    case 16:
      return name === 'proxy-connection' ? KNOWN.PROXY_CONNECTION : KNOWN.NONE;
    case 17:
      return name === 'transfer-encoding' ? KNOWN.TRANSFER_ENCODING : KNOWN.NONE;
    default:
      return KNOWN.NONE;
  }
}

function ofSix(name: string): number {
  if (name === 'cookie') return KNOWN.COOKIE;
  return name === 'expect' ? KNOWN.EXPECT : KNOWN.NONE;
}

function ofSeven(name: string): number {
  if (name === ':method') return KNOWN.METHOD;
  if (name === ':scheme') return KNOWN.SCHEME;
  if (name === ':status') return KNOWN.STATUS;
  return name === 'upgrade' ? KNOWN.UPGRADE : KNOWN.NONE;
}

function ofTen(name: string): number {
  if (name === ':authority') return KNOWN.AUTHORITY;
  if (name === 'connection') return KNOWN.CONNECTION;
  return name === 'keep-alive' ? KNOWN.KEEP_ALIVE : KNOWN.NONE;
}
