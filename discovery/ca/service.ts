// istio.v1.auth.IstioCertificateService: how sidecars, ours and Istio's agents, ask for a leaf. Served on
// the encrypted port only.

import { create } from '@bufbuild/protobuf';
import type { ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import { status as grpcStatus, type UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Clock } from '../../core/clock.ts';
import { serviceDefinition } from '../../proto/ads.ts';
import {
  type IstioCertificateRequest,
  type IstioCertificateResponse,
  IstioCertificateResponseSchema,
  IstioCertificateService,
} from '../../proto/gen/istio/v1/auth/ca_pb.ts';
import type { Authority } from './authority.ts';
import { authenticate } from './caller.ts';
import { CsrError, issue } from './issue.ts';

export interface CaEvents {
  issued(identity: string, serial: string, notAfter: Date): void;
  refused(reason: string): void;
}

export interface CaOptions {
  readonly authority: Authority;
  readonly tokenKey: Buffer;
  readonly clock: Clock;
  readonly longestMs: () => number;
  readonly events: CaEvents;
}

type Call = ServerUnaryCall<IstioCertificateRequest, IstioCertificateResponse>;

export function caService(options: CaOptions): {
  readonly definition: ReturnType<typeof serviceDefinition<typeof IstioCertificateService>>;
  readonly implementation: UntypedServiceImplementation;
} {
  return {
    definition: serviceDefinition(IstioCertificateService),
    implementation: {
      createCertificate: (call: Call, done: sendUnaryData<IstioCertificateResponse>) => {
        answer(options, call).then(
          (response) => done(null, response),
          (error: Error & { code?: number }) => {
            options.events.refused(error.message);
            const code = error instanceof CsrError ? grpcStatus.INVALID_ARGUMENT : (error.code ?? grpcStatus.INTERNAL);
            done({ code, details: error.message });
          },
        );
      },
    },
  };
}

async function answer(
  { authority, tokenKey, clock, longestMs, events }: CaOptions,
  call: Call,
): Promise<IstioCertificateResponse> {
  const caller = authenticate(call, authority.trustDomain, tokenKey, clock);
  if (!caller.ok) throw Object.assign(new Error(caller.reason), { code: grpcStatus.UNAUTHENTICATED });
  const wantedMs = Math.max(0, Number(call.request.validityDuration)) * 1000;
  const issued = await issue(
    authority,
    { csrPem: call.request.csr, identity: caller.identity, wantedMs, longestMs: longestMs() },
    clock,
  );
  events.issued(caller.identity.uri, issued.certificate.serialNumber, issued.notAfter);
  return create(IstioCertificateResponseSchema, { certChain: [...issued.chain] });
}
