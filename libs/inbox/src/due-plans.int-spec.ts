import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { commands } from '../testing/commands.js';
import { freshInboxDatabase } from '../testing/database.js';
import { DueTable } from './due.js';

interface Plan {
  readonly 'Node Type': string;
  readonly 'Index Name'?: string;
  readonly 'Index Cond'?: string;
  readonly Alias?: string;
  readonly Plans?: readonly Plan[];
}

const due = new DueTable();
const holder = { id: '01a22eb2-c522-7875-8cf7-f47dddf2c077', takesSuspects: true };

let database: DataSource;
let close: () => Promise<void>;

beforeAll(async () => {
  ({ database, close } = await freshInboxDatabase());
  await database.query('alter table due set (autovacuum_enabled = off)');
});
afterAll(() => close?.());

/** The plan that a service keeps of the statement that a look sends. */
async function planOf(look: (instead: DataSource) => Promise<unknown>): Promise<Plan> {
  let statement = '';
  const query = async (text: string) => ((statement = text), [[], 0]);
  await look({ query } as unknown as DataSource);
  return database.transaction(async (tx) => {
    await tx.query('set local enable_seqscan = off');
    const [row]: [{ 'QUERY PLAN': [{ Plan: Plan }] }] = await tx.query(
      `explain (generic_plan, format json) ${statement}`,
    );
    return row['QUERY PLAN'][0].Plan;
  });
}

/** How rows ahead are found; a bitmap's index is that of its only child. */
function waysAhead(plan: Plan): string[] {
  const { Alias, Plans = [] } = plan;
  const { 'Index Name': index, 'Index Cond': condition } = plan['Index Name'] ? plan : (Plans[0] ?? plan);
  return [...(Alias === 'ahead' ? [`${index} ${condition}`] : []), ...Plans.flatMap(waysAhead)];
}

/** A plan stays until the table is vacuumed or analysed next, whatever is added and deleted meanwhile. */
it.each([
  { state: 'as created', rows: 0, after: [] },
  { state: 'found empty', rows: 0, after: ['vacuum analyze due'] },
  { state: 'found full of dead rows', rows: 2_000, after: ['delete from due', 'analyze due'] },
  { state: 'found with a few rows', rows: 5, after: ['vacuum analyze due'] },
])('in a table $state, what is ahead of due work is looked up in its own lane', async ({ rows, after }) => {
  await due.add(database.manager, commands(rows));
  for (const statement of after) await database.query(statement);
  const ofItsLane = [expect.stringMatching(/^due_lane .*\(lane = d\.lane\)/)];
  expect(waysAhead(await planOf((instead) => due.lease(instead, holder, 10)))).toEqual(ofItsLane);
  expect(waysAhead(await planOf((instead) => due.nextInMs(instead, holder)))).toEqual(ofItsLane);
});
