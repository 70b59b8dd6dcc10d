import { expect, it } from 'vitest';
import { describeAtLength, describeWithDocker } from '../tools/docker/available.js';
import { hasFailed } from './after-tests.js';
import { Arena } from './chaos/arena.js';
import { playRound } from './chaos/round.js';
import { failureOf } from './chaos/run-rounds.js';
import { STEADY, STEADY_STEPS } from './chaos/seeds.js';
import { embeddedPostgres, kafka, rabbitmq, type Store } from './stores.js';

await describeAtLength('amid faults of many kinds', () => breaks('postgres', embeddedPostgres));
await describeWithDocker('amid faults of many kinds on RabbitMQ', () => breaks('rabbitmq', rabbitmq));
await describeWithDocker('amid faults of many kinds on Kafka', () => breaks('kafka', kafka));

function breaks(name: Store['name'], start: () => Promise<Store>): void {
  const seed = STEADY[name];
  it(`no order is lost and nothing is done twice (seed ${seed})`, async ({ task, onTestFinished }) => {
    const arena = await Arena.start(start);
    onTestFinished(() => arena.stop(hasFailed(task)));
    const round = await playRound(arena, seed, STEADY_STEPS);
    expect(round.violations, failureOf(round, name)).toEqual([]);
  });
}
