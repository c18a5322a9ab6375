// This workload's certificate, kept fresh: a loop of key, request, delivery, and a wait for half of the
// lifetime. Delivered as a Source like every other resource: a bad certificate is refused by the same
// judge, and the one in use stays.

import { create } from '@bufbuild/protobuf';
import { backoffMs } from '../../core/backoff.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import { serviceDefinition } from '../../proto/ads.ts';
import { SecretSchema } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts';
import { IstioCertificateRequestSchema, IstioCertificateService } from '../../proto/gen/istio/v1/auth/ca_pb.ts';
import { encodeCanonical } from '../../proto/registry.ts';
import { SECRET } from '../../proto/resources.ts';
import type { Judge } from '../xds/source.ts';
import { advise } from './advice.ts';
import { type AuthorityAddress, call } from './authority-client.ts';
import { type KeyPair, keyPairOf, loadKeyPair, newSigningRequest, saveKeyPair } from './key-pair.ts';

/** The name under which the certificate is asked for, as in Istio. */
export const OWN_SECRET = 'default';

export interface CertifyOptions {
  readonly authority: AuthorityAddress;
  /** Where the pair is kept over restarts; null: nowhere. */
  readonly file: string | null;
  readonly clock: Clock;
  readonly log: Log;
  /** The service that the bootstrap says we are; ''. A certificate for another is of no use. */
  readonly service: string;
  /** A new pair is in force. */
  readonly onRenewed: (pair: KeyPair) => void;
}

const { createCertificate } = serviceDefinition(IstioCertificateService);
const RETRY = { baseMs: 500, maxMs: 30_000 };
/** Share of the lifetime after which it is renewed, give or take the jitter. */
const RENEW_AT = 0.5;
const JITTER = 0.05;
/** With less than this share left, every failure is told at the level of errors. */
const ALARM_AT = 0.2;

export class Certifier {
  #pair: KeyPair | null = null;
  #timer: Timer | null = null;
  #stopped = false;
  #attempts = 0;
  readonly #options: CertifyOptions;
  readonly #judge: Judge;

  constructor(options: CertifyOptions, judge: Judge) {
    this.#options = options;
    this.#judge = judge;
  }

  get pair(): KeyPair | null {
    return this.#pair;
  }

  /** Takes up the pair of an earlier run, if it is still good; the loop goes on from there. */
  async start(): Promise<void> {
    const { file, clock } = this.#options;
    const kept = file === null ? null : await loadKeyPair(file, clock.wall());
    if (kept !== null && this.#deliver(kept)) this.#waitForRenewal(kept);
    else void this.#renew();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** Half of the time that is left; certificates are dated back, so their beginning says nothing. */
  #waitForRenewal(pair: KeyPair): void {
    const { clock } = this.#options;
    const share = RENEW_AT + (clock.random() * 2 - 1) * JITTER;
    this.#after(Math.max((pair.notAfterMs - clock.wall()) * share, 0), () => void this.#renew());
  }

  #after(ms: number, run: () => void): void {
    if (!this.#stopped) this.#timer = this.#options.clock.after(ms, run);
  }

  async #renew(): Promise<void> {
    const { clock, file, log } = this.#options;
    try {
      const pair = await this.#obtain();
      if (this.#stopped) return;
      if (!this.#deliver(pair)) throw new Error('the certificate was refused');
      if (file !== null) await saveKeyPair(file, pair);
      this.#attempts = 0;
      log.info({ id: pair.id.uri, notAfter: new Date(pair.notAfterMs).toISOString() }, 'certificate renewed');
      this.#waitForRenewal(pair);
    } catch (error) {
      this.#tellFailure(error as Error);
      this.#after(
        backoffMs(RETRY, ++this.#attempts, () => clock.random()),
        () => void this.#renew(),
      );
    }
  }

  async #obtain(): Promise<KeyPair> {
    const { authority, clock } = this.#options;
    const { csr, privateKey } = await newSigningRequest();
    const own = this.#pair !== null && this.#pair.notAfterMs > clock.wall() ? this.#pair : null;
    const response = await call(authority, createCertificate, create(IstioCertificateRequestSchema, { csr }), own);
    const pair = keyPairOf(response.certChain, privateKey, this.#pair?.id ?? null, clock.wall());
    this.#checkService(pair);
    return pair;
  }

  /** A token names a workload; one made for another would only be refused everywhere, one call at a time. */
  #checkService({ id }: KeyPair): void {
    const { service, authority } = this.#options;
    const named = id.segments.at(-1) ?? '';
    if (service === '' || named === service) return;
    const from = authority.tokenFile ?? 'the certificate';
    throw new Error(
      `${from} is for "${named}", the bootstrap is for "${service}": make one with \`fairlead token --service ${service}\``,
    );
  }

  /** Hands the pair to the judge; whether it is in force. */
  #deliver(pair: KeyPair): boolean {
    const secret = create(SecretSchema, {
      name: OWN_SECRET,
      type: {
        case: 'tlsCertificate',
        value: {
          certificateChain: { specifier: { case: 'inlineString', value: pair.chain } },
          privateKey: { specifier: { case: 'inlineString', value: pair.privateKey } },
        },
      },
    });
    const bytes = encodeCanonical(SecretSchema, secret);
    const refusals = this.#judge({
      type: SECRET,
      changed: [{ name: OWN_SECRET, version: String(pair.notBeforeMs), bytes }],
      removed: [],
      complete: false,
    });
    for (const { field, reason } of refusals)
      this.#options.log.error({ field, reason }, 'our own certificate was refused');
    if (refusals.length > 0) return false;
    this.#pair = pair;
    this.#options.onRenewed(pair);
    return true;
  }

  #tellFailure(error: Error): void {
    const { clock, log } = this.#options;
    const pair = this.#pair;
    const left = pair === null ? 0 : (pair.notAfterMs - clock.wall()) / (pair.notAfterMs - pair.notBeforeMs);
    const fields = { reason: advise(error, this.#options.authority), leftPercent: Math.round(left * 100) };
    if (left < ALARM_AT) log.error(fields, 'no certificate could be had; trying again');
    else log.warn(fields, 'the certificate could not be renewed; trying again');
  }
}
