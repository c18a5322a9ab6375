// Addresses: TCP over IP for listeners and endpoints; a name only where something resolves it.

import { isIP } from 'node:net';
import type { AddressSchema } from '../../../proto/gen/envoy/config/core/v3/address_pb.ts';
import { SocketAddress_Protocol, SocketAddressSchema } from '../../../proto/gen/envoy/config/core/v3/address_pb.ts';
import type { SocketAddress } from '../../model/listener.ts';
import type { Fields } from './fields.ts';
import { canonicalAddress } from './matcher.ts';

export interface DecodedAddress extends SocketAddress {
  readonly ipv4Compat: boolean;
}

/** `names`: whether a DNS name may stand in the place of an IP address. Null after a report. */
export function decodeAddress(f: Fields<typeof AddressSchema>, names: boolean): DecodedAddress | null {
  const address = f.take('address');
  f.end();
  if (address.case === 'socketAddress')
    return decodeSocketAddress(f.choice('socketAddress', address.value, SocketAddressSchema), names);
  if (address.case !== undefined) f.unsupported(address.case);
  return null;
}

export function decodeSocketAddress(f: Fields<typeof SocketAddressSchema>, names: boolean): DecodedAddress {
  const host = f.take('address');
  const port = f.take('portSpecifier');
  if (f.take('protocol') !== SocketAddress_Protocol.TCP) f.unsupported('protocol', 'UDP is not supported by fairlead');
  if (port.case === 'namedPort') f.unsupported('namedPort');
  const ipv4Compat = f.take('ipv4Compat');
  f.end();
  if (!names && isIP(host) === 0) {
    f.invalid(
      'address',
      `"${host}" is not an IP address (names are resolved for clusters of type STRICT_DNS and LOGICAL_DNS)`,
    );
  }
  return { host: canonicalAddress(host), port: port.case === 'portValue' ? port.value : 0, ipv4Compat };
}
