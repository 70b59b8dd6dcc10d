import { type Estimate, ratioOf } from '../statistics.js';
import type { RelayFound } from '../experiments/relay.js';
import type { Results } from '../results.js';
import { around, number } from './markdown.js';

/** What has to be true, with what was measured. */
export interface Target {
  readonly what: string;
  readonly wanted: string;
  /** Undefined where nothing was measured yet. */
  readonly measured: string | undefined;
  readonly holds: boolean | undefined;
  /** False where the interval contains the wanted value; undefined where there is no interval. */
  readonly toldApart?: boolean | undefined;
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
  return [
    atLeast('relay ÷ amqplib alone, with confirms', relay?.ratio, 0.6),
    atLeast('relay ÷ kafkajs alone', results.find('relay', 'kafka')?.ratio, 0.6),
    ...(['rabbitmq', 'kafka'] as const).flatMap((store) => timesUsual(results, store)),
    atLeast('POST /orders ÷ bare Fastify', results.find('http', 'postgres')?.accepted.ratio, 0.5),
  ];
}

function timesUsual(results: Results, store: string): Target[] {
  const found = results.find('relay', store);
  const times = (usual?: Estimate) => found && usual && ratioOf(found.relay, usual);
  const isEnough = (ratio: number) => ratio >= LEAST_TIMES_USUAL;
  const row = (way: string, usual?: Estimate) =>
    target(`relay ÷ pg-transactional-outbox, ${way}, ${store}`, `≥ ${LEAST_TIMES_USUAL}`, times(usual), isEnough);
  return [row('polling', found?.usual.polling), row('the fastest of its ways', found && fastestOf(found.usual))];
}

/** Of the ways in which pg-transactional-outbox listens. */
export function fastestOf(usual: RelayFound['usual']): Estimate {
  return Object.values(usual).toSorted((one, other) => other.median - one.median)[0]!;
}

function peers(results: Results): Target[] {
  const systems = results.find('peers', 'rabbitmq')?.systems;
  const ours = systems?.['farandole'];
  const others = ['nest-rmq', 'golevelup'];
  return others.flatMap((name) => {
    const other = systems?.[name];
    const compared = (of: 'perSecond' | 'crowdedPerSecond' | 'p50') => ours && other && ratioOf(ours[of], other[of]);
    const isMore = (ratio: number) => ratio > 1;
    return [
      target(`orders per second ÷ ${name}'s`, '> 1', compared('perSecond'), isMore),
      target(`the same with many customers, ${name}`, '> 1', compared('crowdedPerSecond'), isMore),
      target(`idle p50 ÷ ${name}'s`, '< 1', compared('p50'), (ratio) => ratio < 1),
    ];
  });
}

function memory(results: Results): Target {
  const after = results.all.find(({ experiment }) => experiment === 'memory');
  const looks = after && results.find('memory', after.on)?.after;
  const wanted = `≤ ${MORE_MEMORY}`;
  if (!looks) {
    return { what: 'memory after 100,000 orders ÷ after 10,000', wanted, measured: undefined, holds: undefined };
  }
  const [first, last] = [looks[0]!, looks.at(-1)!];
  const grown = last.total / first.total;
  return {
    what: `memory after ${number(last.orders)} orders ÷ after ${number(first.orders)}`,
    wanted,
    measured: `${grown.toFixed(2)}; ${mostGrown(first.bytes, last.bytes)}`,
    holds: grown <= MORE_MEMORY,
  };
}

/** The service whose memory grew the most, and how many times. */
function mostGrown(before: Readonly<Record<string, number>>, after: Readonly<Record<string, number>>): string {
  const times = Object.entries(after).map(([name, bytes]) => [name, bytes / before[name]!] as const);
  const [name, most] = times.toSorted(([, one], [, other]) => other - one)[0]!;
  return `${name} alone ${most.toFixed(2)}`;
}

/** By PostgreSQL's CPU time: sizes are measured in ascending order, so that services which get warmer would hide growth. */
function growth(results: Results): Target {
  const after = results.all.find(({ experiment }) => experiment === 'growth');
  const sizes = after && results.find('growth', after.on)?.sizes;
  const [first, last] = [sizes?.[0], sizes?.at(-1)];
  return target(
    sizes
      ? `PostgreSQL's CPU per order with ${number(last!.pastOrders)} past orders ÷ with ${number(first!.pastOrders)}`
      : "PostgreSQL's CPU per order with 1,000,000 past orders ÷ with 10,000",
    `≤ ${FLAT} (“flat”)`,
    first && last && ratioOf(last.postgresCpu, first.postgresCpu),
    (ratio) => ratio <= FLAT,
  );
}

/** A ratio of no pairs, since the machine was too restless for any to count, is none. */
function atLeast(what: string, found: Estimate | undefined, least: number): Target {
  const ratio = found && found.of > 0 ? found : undefined;
  return target(what, `≥ ${least.toFixed(1)}`, ratio, (value) => value >= least);
}

function below(what: string, found: Estimate | undefined, most: number): Target {
  const told = ({ median, low, high }: Estimate) => `${median.toFixed(1)} ms (${low.toFixed(1)}–${high.toFixed(1)})`;
  return target(what, `< ${most} ms`, found, (ms) => ms < most, told);
}

function target(
  what: string,
  wanted: string,
  found: Estimate | undefined,
  holds: (value: number) => boolean,
  tell = around,
): Target {
  if (!found) return { what, wanted, measured: undefined, holds: undefined };
  return {
    what,
    wanted,
    measured: tell(found),
    holds: holds(found.median),
    toldApart: holds(found.low) === holds(found.high),
  };
}
