import autocannon from 'autocannon';
import { fork } from 'node:child_process';
import { bodyOf } from '../../e2e/world.js';
import { answerOf } from '../answer.js';
import { untilInterrupted } from '../interrupt.js';
import { environmentOf, type Options } from '../options.js';
import { type Estimate, estimate, mean } from '../statistics.js';
import { System } from '../system.js';
import { say } from './run.js';

interface Compared {
  /** Requests per second. */
  readonly order: Estimate;
  readonly fastify: Estimate;
  readonly ratio: Estimate;
}

export interface HttpFound {
  readonly connections: number;
  /** Both store the order and its event in one transaction. */
  readonly accepted: Compared;
  /** Both read and validate the body, and refuse it for a product that nobody sells. */
  readonly refused: Compared;
}

const CONNECTIONS = 16;
/** Relaying is measured elsewhere; what piles up meanwhile turns no request away. */
const MANY = '10000000';
const UNRELAYED = { PUBLISH: 'false', OUTBOX_MAX_DEPTH: MANY, ORDERS_MAX_UNSETTLED: MANY };

/** `POST /orders` of the order service against a bare Fastify with the same schema. */
export function http(options: Omit<Options, 'store' | 'concurrency' | 'batch'>): Promise<HttpFound> {
  return untilInterrupted(async (start) => {
    const system = await System.start({ store: 'postgres', env: { ...environmentOf(options), ...UNRELAYED } }, start);
    const database = await copyOfOrders(system);
    const bare = await start(
      async () => fork(new URL('../load/bare-fastify.js', import.meta.url), [database]),
      (child) => child.kill(),
    );
    const bareUrl = (await answerOf(bare)) as string;
    const urls = { order: `${system.world.platform.url('order')}/orders`, fastify: `${bareUrl}/orders` };
    const compare = async (sku: string, expected: number): Promise<Compared> => {
      const run = (url: string, seconds: number) => requests(url, JSON.stringify(bodyOf({ sku })), seconds, expected);
      for (const url of Object.values(urls)) await run(url, 2);
      const all: { order: number[]; fastify: number[] }[] = [];
      for (let n = 0; n < options.repetitions; n++) {
        const first = await run(urls.order, options.seconds);
        const fastify = [await run(urls.fastify, options.seconds), await run(urls.fastify, options.seconds)];
        all.push({ order: [first, await run(urls.order, options.seconds)], fastify });
        say(
          `  ${n + 1}: order ${mean(all[n]!.order).toFixed(0)}/s, fastify ${mean(fastify).toFixed(0)}/s (${expected})`,
        );
      }
      return {
        order: estimate(all.flatMap((one) => one.order)),
        fastify: estimate(all.flatMap((one) => one.fastify)),
        ratio: estimate(all.map((one) => mean(one.order) / mean(one.fastify))),
      };
    };
    return {
      connections: CONNECTIONS,
      accepted: await compare('mug-blue', 202),
      refused: await compare('nothing-of-ours', 422),
    };
  });
}

async function requests(url: string, body: string, seconds: number, expected: number): Promise<number> {
  const result = await autocannon({
    url,
    method: 'POST',
    connections: CONNECTIONS,
    duration: seconds,
    headers: { 'content-type': 'application/json' },
    body,
  });
  const answers = result.statusCodeStats?.[`${expected}`]?.count ?? 0;
  if (result.errors + result.timeouts > 0 || answers < result.requests.total) {
    throw new Error(`${url}: not every answer was ${expected}: ${JSON.stringify(result.statusCodeStats)}`);
  }
  return result.requests.total / result.duration;
}

/** The bare server's own database, with the tables of the order service. */
async function copyOfOrders(system: System): Promise<string> {
  const { withClient } = await import('../../tools/postgres/connect.js');
  const url = system.databaseUrl('order');
  await system.world.platform.stopApp('order');
  await withClient(system.world.platform.postgres.url, (client) =>
    client.query('create database bare_orders template "order"'),
  );
  await system.world.platform.start('order');
  return url.replace(/\/order$/, '/bare_orders');
}
