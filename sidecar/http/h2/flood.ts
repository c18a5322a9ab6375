// Frames that cost us more than the peer, counted against what the connection is used for. Each count has its
// bound (robustness.md 2.4, X01 to X10; Envoy's formulas where it has one); past it the connection ends.

/** Streams after which a share of early resets is an attack, and how many of them may be. */
const RESETS_BEGIN = 500;
const MOST_RESET_SHARE = 0.5;
/** A stream that was reset younger than this was hardly wanted (milliseconds). */
export const EARLY_RESET_MS = 1_000;
/** PING and SETTINGS within one period. */
const PERIOD_MS = 10_000;
const MOST_PINGS = 1_000;
const MOST_SETTINGS = 100;
/** DATA frames with nothing in them and no end, one after another (Envoy: 1). */
const MOST_EMPTY_DATA = 10;
/** Envoy's max_inbound_priority_frames_per_stream. */
const PRIORITIES_PER_STREAM = 100;
/** Envoy's max_inbound_window_update_frames_per_data_frame_sent; the others are of its formula. */
const UPDATES_PER_DATA = 10;
const UPDATES_FREE = 5;
const UPDATES_PER_STREAM = 2;
/** Frames of unknown types, ORIGIN and ALTSVC among them. */
export const MOST_UNKNOWN_FRAMES = 1_000;
/** Answers of ours (PING and SETTINGS acknowledged, RST_STREAM) that a peer may leave unread (Envoy: 1000). */
const MOST_UNREAD_CONTROL = 1_000;

/** The name of a bound that was passed, as its counter is called; null: none was. */
export type Flood =
  | 'stream_reset_flood'
  | 'ping_flood'
  | 'settings_flood'
  | 'inbound_empty_frames_flood'
  | 'inbound_priority_frames_flood'
  | 'inbound_window_update_frames_flood'
  | 'inbound_unknown_frames_flood'
  | 'inbound_continuation_flood'
  | 'outbound_control_flood';

export class FloodGuard {
  #streams = 0;
  #earlyResets = 0;
  #periodBegan = Number.NEGATIVE_INFINITY;
  #pings = 0;
  #settings = 0;
  #emptyData = 0;
  #priorities = 0;
  #updates = 0;
  #unreadControl = 0;
  #dataSent = 0;

  opened(): void {
    this.#streams++;
  }

  earlyReset(): Flood | null {
    this.#earlyResets++;
    const isFlood = this.#streams >= RESETS_BEGIN && this.#earlyResets > this.#streams * MOST_RESET_SHARE;
    return isFlood ? 'stream_reset_flood' : null;
  }

  ping(now: number): Flood | null {
    this.#period(now);
    return ++this.#pings > MOST_PINGS ? 'ping_flood' : null;
  }

  settings(now: number): Flood | null {
    this.#period(now);
    return ++this.#settings > MOST_SETTINGS ? 'settings_flood' : null;
  }

  #period(now: number): void {
    if (now - this.#periodBegan < PERIOD_MS) return;
    this.#periodBegan = now;
    this.#pings = 0;
    this.#settings = 0;
  }

  data(length: number): Flood | null {
    if (length > 0) this.#emptyData = 0;
    else if (++this.#emptyData > MOST_EMPTY_DATA) return 'inbound_empty_frames_flood';
    return null;
  }

  priority(): Flood | null {
    const most = PRIORITIES_PER_STREAM * (1 + this.#streams);
    return ++this.#priorities > most ? 'inbound_priority_frames_flood' : null;
  }

  windowUpdate(): Flood | null {
    const most = UPDATES_FREE + UPDATES_PER_STREAM * (this.#streams + UPDATES_PER_DATA * this.#dataSent);
    return ++this.#updates > most ? 'inbound_window_update_frames_flood' : null;
  }

  sentData(): void {
    this.#dataSent++;
  }

  /** An answer of ours to a frame; `blocked`: the peer does not read. */
  sentControl(blocked: boolean): Flood | null {
    this.#unreadControl = blocked ? this.#unreadControl + 1 : 0;
    return this.#unreadControl > MOST_UNREAD_CONTROL ? 'outbound_control_flood' : null;
  }
}
