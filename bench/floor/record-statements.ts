/* Loaded into a service with `node --import`: writes down what it asks of its database, and what that answered. */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, type QueryResult } from 'pg';
import { toJson, type Recorded } from './recorded.js';

interface Patched {
  query(this: Client & { connectionNumber?: number }, ...args: unknown[]): unknown;
}

const folder = process.env['BENCH_RECORD_TO'];
let connections = 0;
let statements = 0;

if (folder) {
  const file = join(folder, `${process.pid}.jsonl`);
  const prototype = Client.prototype as unknown as Patched;
  const { query } = prototype;
  prototype.query = function recorded(...args) {
    const [first, second] = args;
    const config = first as { text?: string; values?: unknown[] };
    const text = typeof first === 'string' ? first : config.text;
    const values = Array.isArray(second) ? (second as unknown[]) : (config.values ?? []);
    this.connectionNumber ??= ++connections;
    const { database = '', connectionNumber: connection } = this;
    const nth = ++statements;
    const write = (answer: QueryResult | QueryResult[] | undefined) => {
      if (!text || !answer || Array.isArray(answer)) return;
      const { command, rowCount, rows } = answer;
      const { application_name: application } = (
        this as unknown as { connectionParameters: { application_name?: string } }
      ).connectionParameters;
      const line: Recorded = {
        at: Date.now(),
        nth,
        connection,
        database,
        application: application ?? '',
        text,
        values: values.map(toJson),
        command,
        rowCount: rowCount ?? 0,
        rows: rows.map((row) => toJson(row) as Record<string, unknown>),
      };
      appendFileSync(file, `${JSON.stringify(line)}\n`);
    };
    const callback = args.at(-1);
    if (typeof callback === 'function') {
      const told = callback as (error: Error | null, answer?: QueryResult) => void;
      args[args.length - 1] = (error: Error | null, answer?: QueryResult) => {
        if (!error) write(answer);
        told(error, answer);
      };
      return query.apply(this, args);
    }
    const answered = query.apply(this, args);
    if (answered instanceof Promise) answered.then(write, () => undefined);
    return answered;
  };
}
