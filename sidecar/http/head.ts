// Request and response heads as every codec gives and takes them. Header lists are flat
// [name, value, name, value, ...], names in lower case, order kept, bytes as latin1: a list costs one
// array per message and keeps repeated fields apart (robustness: a list is never joined for matching).

export type HeaderList = string[] & {
  /**
   * Names of fields that came over HTTP/2 as never to be indexed, pseudo fields included: on the next hop they leave
   * so too (RFC 7541 7.1.3). On the list, since lists are what goes from codec to codec; not there on nearly all.
   */
  neverIndexed?: Set<string>;
};

/** One that is only read. */
export type FieldsView = readonly string[] & { readonly neverIndexed?: ReadonlySet<string> };

/** HTTP version as major * 10 + minor. */
export type HttpVersion = 10 | 11 | 20;

export interface RequestHead {
  method: string;
  /** Origin-form as it will be matched and forwarded; `*` for OPTIONS *. */
  path: string;
  /** Host of the request, port included; '' when an HTTP/1.0 client sent none. */
  authority: string;
  scheme: 'http' | 'https';
  readonly version: HttpVersion;
  headers: HeaderList;
  /** Lower-case protocol of an upgrade that was asked for, or null. */
  upgrade: string | null;
  /** `Expect: 100-continue` was sent. The field itself stays in `headers`. */
  readonly expectsContinue: boolean;
  /** Bytes of the head on the wire. */
  readonly wireBytes: number;
}

export interface ResponseHead {
  /** The connection should not be used for another request. */
  readonly close?: boolean;
  status: number;
  headers: HeaderList;
  readonly version: HttpVersion;
  readonly wireBytes: number;
}

/** A list of its own with the same fields. */
export function copyFields(headers: HeaderList): HeaderList {
  return keepMarks(headers, headers.slice());
}

/** `to`, which is made from `from`, with what `from` says of its fields. */
export function keepMarks(from: HeaderList, to: HeaderList): HeaderList {
  if (from.neverIndexed !== undefined) to.neverIndexed = from.neverIndexed;
  return to;
}

/** The first value of a field, or null. `name` in lower case. */
export function field(headers: readonly string[], name: string): string | null {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] === name) return headers[i + 1] as string;
  }
  return null;
}

/** All values of a field, in order. */
export function fields(headers: readonly string[], name: string): string[] {
  const found: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] === name) found.push(headers[i + 1] as string);
  }
  return found;
}

/** Whether a content type is gRPC's; that of gRPC-Web is not. */
export function isGrpcType(type: string): boolean {
  return type === 'application/grpc' || type.startsWith('application/grpc+');
}

/** Whether a name is one of Envoy's own; the third letter tells nearly all others apart at once. */
export function isEnvoyName(name: string): boolean {
  return name.charCodeAt(2) === 101 && name.startsWith('x-envoy-');
}

/** Removes every occurrence in place; whether there was one. */
export function removeField(headers: HeaderList, name: string): boolean {
  let kept = 0;
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] === name) continue;
    if (kept !== i) {
      headers[kept] = headers[i] as string;
      headers[kept + 1] = headers[i + 1] as string;
    }
    kept += 2;
  }
  // Setting a length leaves compiled code, also where it changes nothing.
  if (kept === headers.length) return false;
  headers.length = kept;
  return true;
}

/** Sets a field to one value: the first occurrence is overwritten, further ones go. */
export function setField(headers: HeaderList, name: string, value: string): void {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] !== name) continue;
    headers[i + 1] = value;
    removeAfter(headers, name, i + 2);
    return;
  }
  headers.push(name, value);
}

function removeAfter(headers: HeaderList, name: string, from: number): void {
  for (let i = headers.length - 2; i >= from; i -= 2) {
    if (headers[i] === name) headers.splice(i, 2);
  }
}

/** A request header by Envoy's name: pseudo-headers included. */
export function requestField(head: RequestHead, name: string): string | null {
  if (name.charCodeAt(0) !== 58) return name === 'host' ? head.authority || null : field(head.headers, name);
  switch (name) {
    case ':path':
      return head.path === '' ? null : head.path;
    case ':method':
      return head.method;
    case ':authority':
      return head.authority === '' ? null : head.authority;
    case ':scheme':
      // Decided together with the authority; without one the request goes nowhere.
      return head.authority === '' ? null : head.scheme;
    default:
      return null;
  }
}

/** Every value of a request header by Envoy's name. */
export function requestFields(head: RequestHead, name: string): string[] {
  if (name.charCodeAt(0) !== 58 && name !== 'host') return fields(head.headers, name);
  const value = requestField(head, name);
  return value === null ? [] : [value];
}
