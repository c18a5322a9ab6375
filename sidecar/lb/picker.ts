// The shapes of load balancing. A picker is built whole from a host list and replaced whole when hosts,
// weights or health change: no timers, sockets or clocks of its own, and chance is handed in.

/** What a picker sees of a host. */
export interface Candidate {
  /** 1 or more. */
  readonly weight: number;
  /** Requests under way; read at every pick. */
  readonly active: number;
  readonly health: Health;
  /** When it joined, in ms on the clock given to the picker; -Infinity: for long. */
  readonly joinedMs: number;
}

/** `excluded`: not checked yet, counted neither as healthy nor as failing. */
export type Health = 'healthy' | 'degraded' | 'unhealthy' | 'excluded';

/** What may be asked of one pick. */
export interface PickKey<H> {
  /** Hosts that are better not taken (tried before). */
  readonly skip?: (host: H) => boolean;
  /** How often to pick again when `skip` says so; the last host is taken then. Envoy's default is 1. */
  readonly attempts?: number;
  /** Priorities to leave out while another one is available (Envoy's `previous_priorities`). */
  readonly avoidPriorities?: ReadonlySet<number>;
}

export interface Picker<H> {
  /** null: no host may be used. */
  pick(key?: PickKey<H>): H | null;
}

/** Chooses from one list of hosts; made by the policies. */
export type Choose<H> = () => H | null;

/** Uniform in [0, 1). */
export type Random = () => number;

export function indexBelow(length: number, random: Random): number {
  return Math.min(Math.floor(random() * length), length - 1);
}

export function equalWeights(hosts: readonly Candidate[]): boolean {
  return hosts.every(({ weight }) => weight === hosts[0]?.weight);
}
