import type { Estimate } from '../statistics.js';

/** A table, the first column to the left and the others to the right; nothing where there are no rows. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, n) => (n === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

/** A median with its interval. */
export function around({ median, low, high }: Estimate): string {
  return `${number(median)} (${number(low)}–${number(high)})`;
}

/** Three digits, or all before the point. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(3)));
}
