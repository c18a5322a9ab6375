// Node's TLS, loaded by whoever first needs it: 3 MB that a proxy without TLS does not hold.

type Tls = typeof import('node:tls');

let tls: Tls | null = null;

export function nodeTls(): Tls {
  tls ??= process.getBuiltinModule('node:tls');
  return tls;
}
