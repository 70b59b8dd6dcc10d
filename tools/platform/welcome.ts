import { relative } from 'node:path';
import colors from 'picocolors';
import type { Platform } from './platform.js';

/** What a person wants to know once all is ready: addresses, something to paste, and how to stop. */
export function welcome(platform: Platform, transport: string, startedInMs: number): string {
  const rows: [string, string, string][] = platform.processes.map(({ plan }) => [
    plan.label,
    plan.url,
    `${plan.url}/docs`,
  ]);
  const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  const table = [...rows, ['PostgreSQL', platform.postgres.url, ''] as const].map(
    ([name, url, docs]) =>
      `  ${name.padEnd(width(0))}   ${colors.cyan(url.padEnd(docs ? width(1) : 0))}   ${colors.dim(docs)}`,
  );
  return [
    '',
    `${colors.bold('Farandole is ready')} ${colors.dim(`(${(startedInMs / 1000).toFixed(1)} s, transport ${transport})`)}`,
    '',
    ...table.map((line) => line.trimEnd()),
    '',
    'Place an order, here or with npm run order:',
    '',
    curl(platform),
    '',
    `Logs: ${near(platform.dataDir)}/logs    Stop: Ctrl-C    Afresh: npm start -- --reset`,
    '',
  ].join('\n');
}

function curl(platform: Platform): string {
  const order = platform.processes.find(({ plan }) => plan.app === 'order')?.plan.url ?? 'http://127.0.0.1:3001';
  const body = {
    customer: { name: 'Ada Lovelace', email: 'ada@example.com' },
    lines: [{ sku: 'mug-blue', quantity: 2 }],
    shippingAddress: { street: '1 Main St', city: 'London', postalCode: 'N1', country: 'GB' },
    paymentToken: 'tok_visa',
  };
  return `  curl -i ${order}/orders -H 'content-type: application/json' -d '${JSON.stringify(body)}'`;
}

function near(folder: string): string {
  const path = relative(process.cwd(), folder);
  return path.startsWith('..') ? folder : path || '.';
}
