/* A process of the floor: plays recorded orders on connections of its own when told to, and answers how many. */
import { readFile } from 'node:fs/promises';
import { Client } from 'pg';
import { PLANNING } from '../../libs/service/src/preparing-client.js';
import { Script } from './replay.js';
import type { Transaction } from './script.js';

export interface Setup {
  readonly scriptsFile: string;
  readonly urls: Readonly<Record<string, string>>;
  readonly customers: number;
}

export interface Run {
  /** Milliseconds since 1970. */
  readonly from: number;
  readonly until: number;
  readonly customers: number;
}

type Customer = ReadonlyMap<string, Client>;

const { scriptsFile, urls, customers: most } = JSON.parse(process.argv[2]!) as Setup;
const names = new Map<string, string>();
const scripts = (JSON.parse(await readFile(scriptsFile, 'utf8')) as Transaction[][]).map(
  (transactions) => new Script(transactions, names),
);
const customers = await Promise.all(Array.from({ length: most }, connect));
let next = 0;

process.on('message', (run: Run) => {
  void Promise.all(customers.slice(0, run.customers).map((one) => orders(one, run))).then((counts) =>
    process.send!(counts.reduce((sum, count) => sum + count, 0)),
  );
});
process.send!('ready');

async function connect(): Promise<Customer> {
  const clients = Object.entries(urls).map(
    ([database, url]) => [database, new Client({ connectionString: url, options: PLANNING })] as const,
  );
  for (const [, client] of clients) await client.connect();
  return new Map(clients);
}

/** How many orders were done within the time that counts. */
async function orders(customer: Customer, { from, until }: Run): Promise<number> {
  let count = 0;
  for (;;) {
    await scripts[next++ % scripts.length]!.play(customer);
    const now = Date.now();
    if (now >= until) return count;
    if (now >= from) count++;
  }
}
