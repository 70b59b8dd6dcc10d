import { fork } from 'node:child_process';
import { join } from 'node:path';
import { answerOf } from '../answer.js';
import type { Start } from '../interrupt.js';
import { endPeer, peersFolder } from '../load/peers.js';
import { type Estimate, estimate } from '../statistics.js';
import { say } from './run.js';

/** The ways in which pg-transactional-outbox listens, and how many rows each is given. */
const ROWS = { polling: 1_000, one: 3_000, all: 3_000 };
export type Way = keyof typeof ROWS;
const REPETITIONS = 3;
/** kafkajs sets timers into the past, of which Node warns. */
const KAFKAJS_QUIET = ['--disable-warning=TimeoutNegativeWarning'];

/** Outbox rows per second to confirmed, of pg-transactional-outbox, by its way of listening. Its database needs `wal_level = logical`, and `env` names the broker. */
export async function transactionalOutbox(
  env: Readonly<Record<string, string>>,
  createDatabase: (name: string) => Promise<string>,
  start: Start,
): Promise<Record<Way, Estimate>> {
  const measured: Record<Way, number[]> = { polling: [], one: [], all: [] };
  for (let n = 0; n < REPETITIONS; n++) {
    for (const way of Object.keys(ROWS) as Way[]) {
      const variables = { ...process.env, ...env, DATABASE_URL: await createDatabase(`outbox_${way}_${n}`) };
      const program = join(peersFolder, 'dist', 'transactional-outbox.js');
      const options = { env: variables, execArgv: KAFKAJS_QUIET };
      const child = await start(async () => fork(program, [way, String(ROWS[way])], options), endPeer);
      measured[way].push((await answerOf(child)) as number);
      await endPeer(child);
    }
    const told = Object.entries(measured).map(([way, rates]) => `${way} ${rates.at(-1)!.toFixed(0)}/s`);
    say(`  ${n + 1}: pg-transactional-outbox, ${told.join(', ')}`);
  }
  return { polling: estimate(measured.polling), one: estimate(measured.one), all: estimate(measured.all) };
}
