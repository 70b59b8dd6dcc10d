/** A bar with the interval around its value. */
export interface Bar {
  readonly label: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** What is measured against: drawn paler. */
  readonly beside?: boolean;
}

const WIDTH = 720;
const LEFT = 210;
const RIGHT = 90;
const TOP = 44;
const ROW = 26;
const GAP = 12;

/** Horizontal bars in groups, as an SVG that reads on light and dark pages. */
export function barChart(title: string, unit: string, groups: readonly (readonly Bar[])[]): string {
  const most = Math.max(...groups.flat().map(({ high }) => high));
  const x = (value: number) => LEFT + (value / most) * (WIDTH - LEFT - RIGHT);
  const parts: string[] = [];
  let y = TOP;
  for (const group of groups) {
    for (const { label, value, low, high, beside } of group) {
      const middle = y + ROW / 2;
      parts.push(
        `<text class="label" x="${LEFT - 10}" y="${middle + 4}">${escaped(label)}</text>`,
        `<rect class="${beside ? 'beside' : 'bar'}" x="${LEFT}" y="${y + 4}" width="${at(x(value) - LEFT)}" height="${ROW - 8}" rx="2"/>`,
        `<path class="interval" d="M${at(x(low))} ${middle}H${at(x(high))}"/>`,
        `<text x="${at(x(high) + 8)}" y="${middle + 4}">${told(value)}</text>`,
      );
      y += ROW;
    }
    y += GAP;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" role="img" aria-label="${escaped(title)}">
<style>
text { font: 13px system-ui, sans-serif; fill: #24292f } .title { font-weight: 600 } .label { text-anchor: end }
.bar { fill: #2f6fdb } .beside { fill: #a8b3c2 } .interval { stroke: #24292f; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .bar { fill: #5b95f5 } .beside { fill: #5d6875 } .interval { stroke: #e6edf3 } }
</style>
<text class="title" x="${LEFT}" y="24">${escaped(title)} (${escaped(unit)})</text>
${parts.join('\n')}
</svg>
`;
}

function at(value: number): string {
  return value.toFixed(1);
}

function told(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
