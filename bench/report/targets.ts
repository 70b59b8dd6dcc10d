import type { Estimate } from '../statistics.js';
import type { Results } from '../results.js';
import { around, number } from './markdown.js';

/** What has to be true, with what was measured. */
export interface Target {
  readonly what: string;
  readonly wanted: string;
  /** Undefined where nothing was measured yet. */
  readonly measured: string | undefined;
  readonly holds: boolean | undefined;
}

const STORES = ['rabbitmq', 'postgres', 'kafka'] as const;
const MORE_MEMORY = 1.2;
const FLAT = 1.1;
/** Rows per second of the relay ÷ those of `pg-transactional-outbox`. */
export const LEAST_TIMES_USUAL = 20;

/** The numbers of what must be true, 6 to 10 of the benchmark's issue, and whether they hold. */
export function targetsOf(results: Results): Target[] {
  return [
    ...throughput(results),
    ...latency(results),
    ...parts(results),
    ...peers(results),
    memory(results),
    growth(results),
  ];
}

function throughput(results: Results): Target[] {
  const wanted = { rabbitmq: 1, postgres: 1, kafka: 0.8 };
  return [
    ...STORES.map((store) =>
      atLeast(`orders per second ÷ the floor, ${store}`, results.find('saga', store)?.ratio, wanted[store]),
    ),
    ...STORES.map((store) =>
      atLeast(`the same with batches of one, ${store}`, results.find('saga', `${store}-one-by-one`)?.ratio, 0.4),
    ),
  ];
}

function latency(results: Results): Target[] {
  const wanted = { rabbitmq: 25, postgres: 25, kafka: 60 };
  return [
    ...STORES.map((store) =>
      below(`idle, p50 to settled, ${store}`, results.find('idle', store)?.settled.p50, wanted[store]),
    ),
    ...STORES.map((store) => below(`half load, p99, ${store}`, results.find('latency', store)?.settled.p99, 250)),
  ];
}

function parts(results: Results): Target[] {
  const relay = results.find('relay', 'rabbitmq');
  const usual = results.find('peers', 'rabbitmq')?.transactionalOutbox;
  return [
    atLeast('relay ÷ amqplib alone, with confirms', relay?.ratio, 0.6),
    atLeast('relay ÷ kafkajs alone', results.find('relay', 'kafka')?.ratio, 0.6),
    timesUsual('as its documentation shows it', relay?.relay.median, usual?.['polling']),
    timesUsual('the fastest of its ways', relay?.relay.median, usual && Math.max(...Object.values(usual))),
    atLeast('POST /orders ÷ bare Fastify', results.find('http', 'postgres')?.accepted.ratio, 0.5),
  ];
}

function timesUsual(way: string, relay: number | undefined, usual: number | undefined): Target {
  const times = relay && usual && relay / usual;
  return {
    what: `relay ÷ pg-transactional-outbox, ${way}`,
    wanted: `≥ ${LEAST_TIMES_USUAL}`,
    measured: times?.toFixed(0),
    holds: times === undefined ? undefined : times >= LEAST_TIMES_USUAL,
  };
}

function peers(results: Results): Target[] {
  const systems = results.find('peers', 'rabbitmq')?.systems;
  const ours = systems?.['farandole'];
  const others = ['nest-rmq', 'golevelup'];
  return others.flatMap((name) => {
    const other = systems?.[name];
    const rate = ours && other && ours.perSecond.median / other.perSecond.median;
    const wait = ours && other && ours.p50.median / other.p50.median;
    return [
      {
        what: `orders per second ÷ ${name}'s`,
        wanted: '> 1',
        measured: rate?.toFixed(2),
        holds: rate === undefined ? undefined : rate > 1,
      },
      {
        what: `idle p50 ÷ ${name}'s`,
        wanted: '< 1',
        measured: wait?.toFixed(2),
        holds: wait === undefined ? undefined : wait < 1,
      },
    ];
  });
}

function memory(results: Results): Target {
  const after = results.all.find(({ experiment }) => experiment === 'memory');
  const looks = after && results.find('memory', after.on)?.after;
  const grown = looks && looks.at(-1)!.total / looks[0]!.total;
  return {
    what: looks
      ? `memory after ${number(looks.at(-1)!.orders)} orders ÷ after ${number(looks[0]!.orders)}`
      : 'memory after 100,000 orders ÷ after 10,000',
    wanted: `≤ ${MORE_MEMORY}`,
    measured: grown?.toFixed(2),
    holds: grown === undefined ? undefined : grown <= MORE_MEMORY,
  };
}

function growth(results: Results): Target {
  const after = results.all.find(({ experiment }) => experiment === 'growth');
  const sizes = after && results.find('growth', after.on)?.sizes;
  const cpu = (at: number) => sizes!.at(at)!.servicesCpu.median + sizes!.at(at)!.postgresCpu.median;
  const grown = sizes && cpu(-1) / cpu(0);
  return {
    what: sizes
      ? `CPU per order with ${number(sizes.at(-1)!.pastOrders)} past orders ÷ with ${number(sizes[0]!.pastOrders)}`
      : 'CPU per order with 1,000,000 past orders ÷ with 10,000',
    wanted: `≤ ${FLAT} (“flat”)`,
    measured: grown?.toFixed(2),
    holds: grown === undefined ? undefined : grown <= FLAT,
  };
}

/** A ratio of no pairs, since the machine was too restless for any to count, is none. */
function atLeast(what: string, found: Estimate | undefined, least: number): Target {
  const ratio = found && found.of > 0 ? found : undefined;
  return {
    what,
    wanted: `≥ ${least.toFixed(1)}`,
    measured: ratio && around(ratio),
    holds: ratio && ratio.median >= least,
  };
}

function below(what: string, ms: Estimate | undefined, most: number): Target {
  return {
    what,
    wanted: `< ${most} ms`,
    measured: ms && `${ms.median.toFixed(1)} ms (${ms.low.toFixed(1)}–${ms.high.toFixed(1)})`,
    holds: ms && ms.median < most,
  };
}
