// TLS contexts towards upstreams: one for all clusters that present the same certificate and trust the same roots, as
// most of a mesh do. Each takes some 50 KB outside the heap, which the collector does not see and gives back with the
// whole of the heap only: one for each cluster and rotation was 1 MB a minute in a gateway that had little to do.

import type { SecureContext } from 'node:tls';
import { nodeTls } from '../../core/node-tls.ts';
import { contextOptions, type TlsMaterial } from './tls.ts';

interface Shared {
  /** All that the context is made of. */
  readonly parts: readonly string[];
  readonly context: WeakRef<SecureContext>;
}

/** By the chain that is presented; '' for none. */
const shared = new Map<string, Shared[]>();

const lost = new FinalizationRegistry<string>(forgetLost);

/** The context for this material. Throws OpenSSL's error where key and certificate do not fit. */
export function secureContext(material: TlsMaterial): SecureContext {
  const chain = material.certificates[0]?.chain ?? '';
  const parts = partsOf(material);
  for (const one of shared.get(chain) ?? []) {
    // One that nobody used any more may still stand before its successor.
    const known = isSame(one.parts, parts) ? one.context.deref() : undefined;
    if (known !== undefined) return known;
  }
  const context = nodeTls().createSecureContext(contextOptions(material));
  shared.set(chain, [...(shared.get(chain) ?? []), { parts, context: new WeakRef(context) }]);
  lost.register(context, chain);
  return context;
}

/** Nobody uses it any more, and its key goes with it. */
function forgetLost(chain: string): void {
  const left = (shared.get(chain) ?? []).filter(({ context }) => context.deref() !== undefined);
  if (left.length > 0) shared.set(chain, left);
  else shared.delete(chain);
}

/** In an order of their own: those that may lack stand at a place of theirs. */
function partsOf({ tls, certificates, validation }: TlsMaterial): string[] {
  return [
    tls.minVersion,
    tls.maxVersion,
    tls.cipherSuites.join(':'),
    tls.ecdhCurves.join(':'),
    validation?.trustedCa ?? '',
    validation?.crl ?? '',
    ...certificates.flatMap(({ chain, privateKey }) => [chain, privateKey]),
  ];
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((part, i) => part === b[i]);
}
