// A histogram that costs one array increment: log-linear bins of two significant digits, as Envoy's, so
// that quantiles read the same. Bucket counts for Prometheus are summed from the bins when asked.

/** Upper bounds of Prometheus buckets, in ms (Envoy's defaults). */
export const BUCKET_BOUNDS: readonly number[] = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000, 3600000,
];

/** The quantiles that /stats shows, in percent. */
export const QUANTILES: readonly number[] = [0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 100];

const DECADES = 5;
/** 0 to 99 one by one, then 90 bins for every power of ten; the last one takes everything from 9.9 million up. */
const BINS = 100 + 90 * DECADES;

export class Histogram {
  count = 0;
  sum = 0;
  /** Made with the first value: most clusters of a large mesh never see one. */
  #bins: Float64Array | null = null;

  /** Adds a value of 0 or more; fractions are cut off. */
  record(value: number): void {
    this.#bins ??= new Float64Array(BINS);
    const whole = value > 0 ? Math.floor(value) : 0;
    const bin = binOf(whole);
    this.#bins[bin] = (this.#bins[bin] as number) + 1;
    this.count++;
    this.sum += whole;
  }

  /** Values at or below each of BUCKET_BOUNDS. */
  cumulative(): number[] {
    let seen = 0;
    let bin = 0;
    return BUCKET_BOUNDS.map((bound) => {
      for (; bin < BINS && lowest(bin) + width(bin) * Number(bin >= 100) <= bound; bin++)
        seen += this.#bins?.[bin] ?? 0;
      return seen;
    });
  }

  /** The value below which `percent` of all values lie; 0 when there is none. */
  quantile(percent: number): number {
    let rank = Math.max(1, Math.ceil((percent / 100) * this.count));
    for (let bin = 0; this.#bins !== null && bin < BINS; bin++) {
      const here = this.#bins[bin] as number;
      if (rank <= here) return lowest(bin) + spread(bin) * (rank / (here + 1));
      rank -= here;
    }
    return 0;
  }

  /** Adds everything that another one holds. */
  add(other: Histogram): void {
    if (other.#bins === null) return;
    this.#bins ??= new Float64Array(BINS);
    for (let bin = 0; bin < BINS; bin++) this.#bins[bin] = (this.#bins[bin] as number) + (other.#bins[bin] as number);
    this.count += other.count;
    this.sum += other.sum;
  }

  /** Bins that hold something, as pairs of index and count: what another thread can be sent. */
  filled(): number[] {
    const pairs: number[] = [];
    for (let bin = 0; this.#bins !== null && bin < BINS; bin++) {
      const count = this.#bins[bin] as number;
      if (count !== 0) pairs.push(bin, count);
    }
    return pairs;
  }

  /** Adds what another one's `filled` and `sum` said. */
  addFilled(pairs: readonly number[], sum: number): void {
    if (pairs.length === 0) return;
    this.#bins ??= new Float64Array(BINS);
    for (let i = 0; i < pairs.length; i += 2) {
      const [bin, count] = [pairs[i] as number, pairs[i + 1] as number];
      this.#bins[bin] = (this.#bins[bin] as number) + count;
      this.count += count;
    }
    this.sum += sum;
  }

  clear(): void {
    this.count = 0;
    this.sum = 0;
    this.#bins = null;
  }
}

export function merged(...histograms: readonly Histogram[]): Histogram {
  const sum = new Histogram();
  for (const histogram of histograms) sum.add(histogram);
  return sum;
}

function binOf(value: number): number {
  if (value < 100) return value;
  let bin = 90;
  let scale = 10;
  for (let decade = 1; decade < DECADES && value >= scale * 100; decade++) {
    bin += 90;
    scale *= 10;
  }
  return Math.min(bin + Math.floor(value / scale), BINS - 1);
}

function lowest(bin: number): number {
  if (bin < 100) return bin;
  return (((bin - 100) % 90) + 10) * width(bin);
}

function width(bin: number): number {
  return bin < 100 ? 1 : 10 ** (Math.floor((bin - 100) / 90) + 1);
}

/** Envoy's bins below 10 are a tenth wide, and its zero is exact; this is what interpolation goes by. */
function spread(bin: number): number {
  if (bin === 0) return 0;
  return bin < 10 ? 0.1 : width(bin);
}
