// Addresses: TCP over IP for listeners and endpoints, and Unix sockets; a name only where something resolves it.

import { isIP } from 'node:net';
import type { AddressSchema } from '../../../proto/gen/envoy/config/core/v3/address_pb.ts';
import {
  PipeSchema,
  SocketAddress_Protocol,
  SocketAddressSchema,
} from '../../../proto/gen/envoy/config/core/v3/address_pb.ts';
import { isPipe } from '../../../core/addresses.ts';
import type { ListenAddress } from '../../model/listener.ts';
import type { Fields } from './fields.ts';
import { canonicalAddress } from './matcher.ts';

export interface DecodedAddress extends ListenAddress {
  readonly ipv4Compat: boolean;
}

/**
 * What may stand in the place of an IP address: a DNS name where names are resolved, a Unix socket where they are
 * not (in Envoy, too, a cluster of names has none).
 */
export type AddressKinds = 'ip' | 'ip or name' | 'ip or pipe';

/** Null after a report. */
export function decodeAddress(f: Fields<typeof AddressSchema>, kinds: AddressKinds): DecodedAddress | null {
  const address = f.take('address');
  f.end();
  if (address.case === 'socketAddress')
    return decodeSocketAddress(f.choice('socketAddress', address.value, SocketAddressSchema), kinds === 'ip or name');
  if (address.case === 'pipe' && kinds === 'ip or pipe') return decodePipe(f.choice('pipe', address.value, PipeSchema));
  if (address.case === 'pipe') f.unsupported('pipe', 'a Unix socket is not supported by fairlead in this place');
  else if (address.case !== undefined) f.unsupported(address.case);
  return null;
}

/** `sun_path` of Linux has 108 bytes, the last of them zero. */
const LONGEST_PATH = 107;

function decodePipe(f: Fields<typeof PipeSchema>): DecodedAddress {
  const path = f.take('path');
  const mode = f.take('mode');
  f.end();
  const length = Buffer.byteLength(path);
  if (length > LONGEST_PATH)
    f.invalid('path', `is ${length} bytes long; the path of a Unix socket has ${LONGEST_PATH} at most`);
  if (path.includes('\0')) f.invalid('path', 'holds a zero byte');
  if (path.startsWith('@')) checkAbstract(f, mode);
  return { host: isPipe(path) ? path : `./${path}`, port: 0, mode, ipv4Compat: false };
}

function checkAbstract(f: Fields<typeof PipeSchema>, mode: number): void {
  if (process.platform !== 'linux') f.unsupported('path', 'abstract Unix sockets (@name) are known to Linux only');
  if (mode !== 0) f.invalid('mode', 'cannot be set for an abstract Unix socket');
}

export function decodeSocketAddress(f: Fields<typeof SocketAddressSchema>, names: boolean): DecodedAddress {
  const host = f.take('address');
  const port = f.take('portSpecifier');
  if (f.take('protocol') !== SocketAddress_Protocol.TCP) f.unsupported('protocol', 'UDP is not supported by fairlead');
  if (port.case === 'namedPort') f.unsupported('namedPort');
  const ipv4Compat = f.take('ipv4Compat');
  f.end();
  if (isIP(host) === 0 && (!names || isPipe(host))) {
    f.invalid(
      'address',
      `"${host}" is not an IP address (names are resolved for clusters of type STRICT_DNS and LOGICAL_DNS)`,
    );
  }
  return { host: canonicalAddress(host), port: port.case === 'portValue' ? port.value : 0, mode: 0, ipv4Compat };
}
