// From values to places on an axis, and where its marks stand.

export interface Scale {
  /** 0 to 1. */
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
}

/** Marks on the powers of ten within; all of 1, 2, 5 where there are fewer than three. */
export function logScale(values: readonly number[]): Scale {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const [from, to] = low === high ? [low / 2, high * 2] : [low, high];
  const ticks = logTicks(from, to, [1]);
  return {
    at: (value) => Math.log(value / from) / Math.log(to / from),
    ticks: ticks.length >= 3 ? ticks : logTicks(from, to, [1, 2, 5]),
  };
}

function logTicks(from: number, to: number, steps: readonly number[]): number[] {
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(from)); 10 ** power <= to; power++) {
    for (const step of steps) {
      const value = step * 10 ** power;
      if (value >= from * 0.999 && value <= to * 1.001) ticks.push(value);
    }
  }
  return ticks;
}

const LINEAR_TICKS = 5;

/** From 0 when `fromZero`; ends at a mark. */
export function linearScale(values: readonly number[], fromZero: boolean): Scale {
  const low = fromZero ? 0 : Math.min(...values);
  const high = Math.max(...values, low + Number.EPSILON);
  const rough = (high - low) / LINEAR_TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5].find((one) => one * power >= rough) ?? 10) * power;
  const from = Math.floor(low / step) * step;
  const count = Math.ceil((high - from) / step - 1e-9);
  const ticks = Array.from({ length: count + 1 }, (_, i) => from + i * step);
  const to = ticks.at(-1) ?? high;
  return { at: (value) => (value - from) / (to - from), ticks };
}
