import colors from 'picocolors';

export interface Outcome {
  /** `completed`, `cancelled: out_of_stock`, or why it did not come to an end. */
  readonly end: string;
  /** From the request to the settled order; undefined when it did not get there. */
  readonly durationMs?: number;
}

/** The smallest value that at least `percent` of the values do not exceed. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN;
}

/** How the orders ended, the most frequent first. */
export function countEnds(outcomes: readonly Outcome[]): readonly (readonly [end: string, count: number])[] {
  const counts = new Map<string, number>();
  for (const { end } of outcomes) counts.set(end, (counts.get(end) ?? 0) + 1);
  return [...counts].toSorted(([, a], [, b]) => b - a);
}

export function summarise(outcomes: readonly Outcome[], tookMs: number): string {
  const durations = outcomes.flatMap(({ durationMs }) => durationMs ?? []);
  const ends = countEnds(outcomes);
  const width = Math.max(0, ...ends.map(([end]) => end.length));
  const perSecond = (durations.length / tookMs) * 1000;
  const percentiles = [50, 95, 99].map((percent) => `p${percent} ${Math.round(percentile(durations, percent))} ms`);
  return [
    `${colors.bold(`${outcomes.length} orders`)} in ${(tookMs / 1000).toFixed(1)} s, ${perSecond.toFixed(0)} a second`,
    ...ends.map(([end, count]) => `  ${end.padEnd(width)}  ${String(count).padStart(6)}`),
    durations.length === 0 ? 'none was settled' : `from POST to settled: ${percentiles.join(', ')}`,
  ].join('\n');
}
