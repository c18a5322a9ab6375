// A response that was refused and comes again, byte for byte, would most likely be refused again. It is not
// judged at once: a server that answers each NACK with the same thing would otherwise keep both ends busy for
// as long as it is wrong. It waits, each time twice as long; of those that come meanwhile the last is judged.

import { createHash } from 'node:crypto';
import { backoffMs } from '../../core/backoff.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import type { DiscoveryResponse } from '../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts';

const BACKOFF = { baseMs: 500, maxMs: 30_000 };

interface Held {
  readonly judge: () => void;
  readonly timer: Timer;
}

/** Of one resource type on one stream. */
export class RepeatedRefusal {
  /** What was refused last; '' where the last response was taken. */
  #refused = '';
  #times = 0;
  #held: Held | null = null;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether this is what was refused last. Then `judge` runs later, unless another response takes its place. */
  holds(response: DiscoveryResponse, judge: () => void): boolean {
    if (this.#refused === '' || digestOf(response) !== this.#refused) {
      this.stop();
      return false;
    }
    const timer = this.#held?.timer ?? this.#clock.after(this.#nextWait(), () => this.release());
    this.#held = { judge, timer };
    return true;
  }

  /** A response was judged. */
  judged(response: DiscoveryResponse, refused: boolean): void {
    const digest = refused ? digestOf(response) : '';
    if (digest !== this.#refused) this.#times = 0;
    this.#refused = digest;
  }

  /** Judges now what waits. false: nothing does. */
  release(): boolean {
    const held = this.#held;
    this.stop();
    held?.judge();
    return held !== null;
  }

  /** At least half of the longest wait: none at all would be no brake. */
  #nextWait(): number {
    this.#times++;
    const longest = backoffMs(BACKOFF, this.#times, () => 1);
    return longest / 2 + (this.#clock.random() * longest) / 2;
  }

  stop(): void {
    this.#held?.timer.cancel();
    this.#held = null;
  }
}

/** Of everything but the nonce. */
function digestOf({ versionInfo, resources }: DiscoveryResponse): string {
  const hash = createHash('sha256').update(`${versionInfo.length}:${versionInfo}`);
  for (const { typeUrl, value } of resources) hash.update(`${typeUrl.length}:${typeUrl}${value.length}:`).update(value);
  return hash.digest('base64');
}
