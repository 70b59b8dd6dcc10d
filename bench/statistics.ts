/** A median with the interval that resampling gives it. */
export interface Estimate {
  readonly median: number;
  /** 95 % of the resampled medians lie between these. */
  readonly low: number;
  readonly high: number;
  readonly of: number;
}

const RESAMPLES = 10_000;

/** The smallest value that at least `percent` of the values do not exceed; NaN of none. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Percentile bootstrap of the median; the same values give the same interval. */
export function estimate(values: readonly number[]): Estimate {
  const random = randomFrom(1);
  const draw = () => values[Math.floor(random() * values.length)] ?? Number.NaN;
  const medians = Array.from({ length: RESAMPLES }, () => median(values.map(draw)));
  return {
    median: median(values),
    low: percentile(medians, 2.5),
    high: percentile(medians, 97.5),
    of: values.length,
  };
}

/** The ratio of medians that were measured independently, its interval from theirs (MOVER, on a logarithmic scale). */
export function ratioOf(one: Estimate, other: Estimate): Estimate {
  const ratio = one.median / other.median;
  const below = Math.hypot(Math.log(one.median / one.low), Math.log(other.high / other.median));
  const above = Math.hypot(Math.log(one.high / one.median), Math.log(other.median / other.low));
  return {
    median: ratio,
    low: ratio * Math.exp(-below),
    high: ratio * Math.exp(above),
    of: Math.min(one.of, other.of),
  };
}

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
