/* Loaded into a service with `node --import`: writes down what it asks of its database, and what that answered. */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, type QueryResult } from 'pg';
import { OpeningQuery } from '../../libs/service/src/prepared-query.js';
import { toJson, type Recorded } from './recorded.js';

interface Patched {
  query(this: Client & { connectionNumber?: number }, ...args: unknown[]): unknown;
}

type Callback = (error: Error | null | undefined, answer?: QueryResult) => void;

const folder = process.env['BENCH_RECORD_TO'];
let connections = 0;
let statements = 0;

if (folder) {
  const file = join(folder, `${process.pid}.jsonl`);
  const prototype = Client.prototype as unknown as Patched;
  const { query } = prototype;
  prototype.query = function recorded(...args) {
    const [first, second] = args;
    const config = first as { text?: string; values?: unknown[]; callback?: Callback };
    const text = typeof first === 'string' ? first : config.text;
    const values = Array.isArray(second) ? (second as unknown[]) : (config.values ?? []);
    this.connectionNumber ??= ++connections;
    const { database = '', connectionNumber: connection } = this;
    // An opening query brings a BEGIN that no text shows.
    const begin = first instanceof OpeningQuery ? ++statements : undefined;
    const nth = ++statements;
    const write = (answer: QueryResult | QueryResult[] | undefined) => {
      if (!text || !answer || Array.isArray(answer)) return;
      const { command, rowCount, rows } = answer;
      const { application_name: application } = (
        this as unknown as { connectionParameters: { application_name?: string } }
      ).connectionParameters;
      const note = (own: Pick<Recorded, 'nth' | 'text' | 'values' | 'command' | 'rowCount' | 'rows'>) => {
        const line: Recorded = { at: Date.now(), connection, database, application: application ?? '', ...own };
        appendFileSync(file, `${JSON.stringify(line)}\n`);
      };
      if (begin !== undefined) note({ nth: begin, text: 'begin', values: [], command: 'BEGIN', rowCount: 0, rows: [] });
      note({
        nth,
        text,
        values: values.map(toJson),
        command,
        rowCount: rowCount ?? 0,
        rows: rows.map((row) => toJson(row) as Record<string, unknown>),
      });
    };
    const writeAndTell = (tell: Callback) => (error: Error | null | undefined, answer?: QueryResult) => {
      if (!error) write(answer);
      tell(error, answer);
    };
    const callback = args.at(-1);
    if (typeof callback === 'function') args[args.length - 1] = writeAndTell(callback as Callback);
    else if (config.callback) config.callback = writeAndTell(config.callback);
    const answered = query.apply(this, args);
    if (answered instanceof Promise) answered.then(write, () => undefined);
    return answered;
  };
}
