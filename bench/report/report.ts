import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import type { Estimate } from '../statistics.js';
import type { Results } from '../results.js';
import { type Bar, barChart } from './chart.js';
import { sections } from './sections.js';

const STORES = ['rabbitmq', 'postgres', 'kafka'];

/** Writes RESULTS.md, and its charts beside it; resolves with the path. */
export async function writeReport(results: Results, folder: string): Promise<string> {
  const file = join(folder, 'RESULTS.md');
  const charts = join(folder, 'charts');
  await mkdir(charts, { recursive: true });
  for (const [name, svg] of Object.entries(chartsOf(results))) await writeFile(join(charts, `${name}.svg`), svg);
  await writeFile(file, await format(reportOf(results), { ...(await resolveConfig(file)), filepath: file }));
  return file;
}

/** The report as Markdown. */
export function reportOf(results: Results): string {
  const quick = results.all.some((one) => one.quick)
    ? ['**Of quick runs: they show that the bench works, more than what the system can do.**']
    : [];
  const parts = sections.map((section) => section(results)).filter((text) => text !== '');
  return `${['# Results', 'Written by `npm run bench -- report`.', ...quick, ...parts].join('\n\n')}\n`;
}

function chartsOf(results: Results): Record<string, string> {
  const throughput = STORES.flatMap((store) => [store, `${store}-one-by-one`]).flatMap((on) => {
    const found = results.find('saga', on);
    if (!found) return [];
    const name = on.replace('-one-by-one', ', batches of 1');
    return [[bar(name, found.perSecond), { ...bar('its floor', found.floorPerSecond), beside: true }]];
  });
  const settled = STORES.flatMap((store) => {
    const idle = results.find('idle', store)?.settled;
    const half = results.find('latency', store)?.settled;
    return [
      [
        ...(idle ? [bar(`${store}, idle, p50`, idle.p50)] : []),
        ...(half ? [{ ...bar('half load, p50', half.p50), beside: true }] : []),
        ...(half ? [{ ...bar('half load, p99', half.p99), beside: true }] : []),
      ],
    ];
  });
  return {
    ...(throughput.length > 0 ? { throughput: barChart('Orders per second', 'medians', throughput) } : {}),
    ...(settled.flat().length > 0 ? { settled: barChart('Time to settled', 'ms', settled) } : {}),
  };
}

function bar(label: string, { median: value, low, high }: Estimate): Bar {
  return { label, value, low, high };
}
