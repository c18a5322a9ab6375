// Secrets as resources: the trust bundle, which is public, and, only for those who may have it, a
// workload's certificate with its key.

import { create } from '@bufbuild/protobuf';
import { SecretSchema } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts';
import { SECRET } from '../../proto/resources.ts';
import { type EncodedResource, encodeResource } from './resource.ts';
import { OWN_CERTIFICATE, TRUST_BUNDLE } from './tls.ts';

/** The roots of the mesh, PEM, old and new side by side during a rotation. */
export interface TrustBundle {
  readonly pem: string;
}

export interface KeyPair {
  readonly chainPem: string;
  readonly keyPem: string;
}

export function trustBundleSecret(bundle: TrustBundle): EncodedResource {
  const trustedCa = { specifier: { case: 'inlineBytes', value: Buffer.from(bundle.pem) } } as const;
  return encodeResource(
    SECRET,
    TRUST_BUNDLE,
    SecretSchema,
    create(SecretSchema, { name: TRUST_BUNDLE, type: { case: 'validationContext', value: { trustedCa } } }),
  );
}

export function ownCertificateSecret(pair: KeyPair): EncodedResource {
  const inline = (pem: string) => ({ specifier: { case: 'inlineBytes', value: Buffer.from(pem) } }) as const;
  const value = { certificateChain: inline(pair.chainPem), privateKey: inline(pair.keyPem) };
  return encodeResource(
    SECRET,
    OWN_CERTIFICATE,
    SecretSchema,
    create(SecretSchema, { name: OWN_CERTIFICATE, type: { case: 'tlsCertificate', value } }),
  );
}
