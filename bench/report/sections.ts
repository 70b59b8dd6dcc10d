import type { CostPerOrder } from '../cost/meter.js';
import type { GrowthFound } from '../experiments/growth.js';
import type { RelayFound } from '../experiments/relay.js';
import type { LatencyFound } from '../experiments/saga.js';
import type { Machine } from '../machine.js';
import { POOL_FOR_BATCHES_OF_ONE } from '../options.js';
import type { Results } from '../results.js';
import { ratioOf } from '../statistics.js';
import { around, number, table } from './markdown.js';
import { fastestOf, LEAST_TIMES_USUAL, targetsOf } from './targets.js';

/** A part of the report; empty where nothing of it was measured. */
type Section = (results: Results) => string;

const STORES = ['rabbitmq', 'postgres', 'kafka'];

const mustBeTrue: Section = (results) => {
  const rows = targetsOf(results).map(({ what, wanted, measured = '–', holds, toldApart }) => [
    what,
    wanted,
    measured,
    holds === undefined
      ? 'not measured'
      : `${holds ? 'yes' : '**no**'}${toldApart === false ? ', but not told apart' : ''}`,
  ]);
  return section(
    'What must be true',
    'Medians, with the 95 % interval of the bootstrap. The interval of a ratio of two medians comes from theirs. “Not told apart”: the interval contains what is wanted.',
    table(['', 'wanted', 'measured', 'holds'], rows),
  );
};

const saga: Section = (results) => {
  const rows = STORES.flatMap((store) => [store, `${store}-one-by-one`]).flatMap((on) => {
    const found = results.find('saga', on);
    if (!found) return [];
    const { batch, perSecond, floorPerSecond, ratio, pairs, dropped, settledMs, concurrency } = found;
    const name = batch === 1 ? `${on.replace('-one-by-one', '')}, batches of one` : on;
    const counted = `${pairs.length - dropped} of ${pairs.length}`;
    const waits = `${number(settledMs.p50)} / ${number(settledMs.p99)}`;
    return [[name, String(concurrency), around(perSecond), around(floorPerSecond), around(ratio), counted, waits]];
  });
  return section(
    'Orders per second',
    `A closed loop: each customer orders again once the last order is settled. The floor is what PostgreSQL and a plain client make of the same
statements, one message per transaction, prepared, with nothing between them; without a broker, transactions that only read, and the relay's reads and deletes. A ratio
above 1 is possible, since a batch of messages shares a commit, a claim and an insert into the outbox. Saga and floor take turns (A B B A); pairs
whose two floors differ by more than a quarter do not count. With batches of one, each service has ${POOL_FOR_BATCHES_OF_ONE} connections, and as many batches but two side by side.`,
    '![Orders per second](charts/throughput.svg)',
    table(['store', 'customers', 'orders/s', 'floor/s', 'ratio', 'pairs counted', 'p50 / p99 to settled, ms'], rows),
  );
};

const latency: Section = (results) => {
  const row = (name: string, rate: string, orders: number | undefined, { p50, p95, p99 }: LatencyFound['settled']) => [
    name,
    rate,
    orders === undefined ? '–' : number(orders),
    ...[p50, p95, p99].map(around),
  ];
  const halves = STORES.map((store) => results.find('latency', store));
  const rows = STORES.flatMap((store, at) => {
    const idle = results.find('idle', store);
    const half = halves[at];
    return [
      ...(idle ? [row(`${store}, one order at a time`, '–', idle.ordersPerRepetition, idle.settled)] : []),
      ...(half ? [row(`${store}, half load`, number(half.perSecond), half.ordersPerRepetition, half.settled)] : []),
    ];
  });
  return section(
    'Time to settled',
    `Milliseconds from when the request was meant to be sent until the order is settled: seven events and sixteen deliveries later. Half load is an
open loop at half of the rate above, with random arrivals, others in each repetition, whether or not the system keeps up.`,
    halves.some((half) => half && half.ordersPerRepetition === undefined) ? ONE_DRAW : '',
    '![Time to settled](charts/settled.svg)',
    table(['', 'orders/s', 'orders of a repetition', 'p50, ms', 'p95, ms', 'p99, ms'], rows),
  );
};

/** Of rows of former code. */
const ONE_DRAW = `Rows of half load without a number of orders had the same arrivals in each repetition, in windows of three or four seconds, and there at rates up to a seventh off
the one told; their intervals know nothing of other arrivals.`;

const cost: Section = (results) => {
  const costs: [string, CostPerOrder][] = STORES.flatMap((store) => {
    const one = results.find('saga', store)?.cost;
    return one ? [[store, one] as [string, CostPerOrder]] : [];
  });
  const row = (name: string, of: (cost: CostPerOrder) => number) => [name, ...costs.map(([, one]) => number(of(one)))];
  if (costs.length === 0) return '';
  const services = Object.keys(costs[0]![1].cpu.services);
  return section(
    'What one order costs, under load',
    `CPU time is that of the processes, from /proc; the rest is what PostgreSQL counts. Each event stated is one message published to the broker; of what is handled,
three are commands, and the others messages delivered by it.`,
    table(
      ['', ...costs.map(([store]) => store)],
      [
        ...services.map((name) => row(`CPU of ${name}, µs`, ({ cpu }) => cpu.services[name] ?? 0)),
        row('CPU of the payment provider, µs', ({ cpu }) => cpu.provider),
        row('CPU of PostgreSQL, µs', ({ cpu }) => cpu.postgres),
        row('CPU of the broker, µs', ({ cpu }) => cpu.broker),
        row('transactions that write', ({ writeTransactions }) => writeTransactions),
        row('times the log was made durable', ({ walSyncs }) => walSyncs),
        row('statements', ({ statements }) => statements),
        row('bytes of write-ahead log', ({ walBytes }) => walBytes),
        row('events stated', ({ eventsStated }) => eventsStated),
        row('deliveries and commands handled', ({ deliveriesClaimed }) => deliveriesClaimed),
      ],
    ),
  );
};

const parts: Section = (results) => {
  const relays = ['rabbitmq', 'kafka'].flatMap((store) => {
    const found = results.find('relay', store);
    return found ? [{ store, ...found }] : [];
  });
  const http = results.find('http', 'postgres');
  const https = http
    ? [
        ['POST /orders ÷ bare Fastify, requests/s', http.accepted],
        ['the same, refused for an unknown product', http.refused],
      ].map(([name, one]) => {
        const { order, fastify, ratio } = one as typeof http.accepted;
        return [name as string, around(order), around(fastify), around(ratio)];
      })
    : [];
  const inbox = results.find('inbox', 'postgres')?.perSecond ?? {};
  return section(
    'The parts alone',
    table(
      ['', 'ours', 'bare', 'ratio'],
      [
        ...relays.map(({ store, relay, bare, ratio }) => [
          `relay to ${store} ÷ its client alone, rows/s`,
          ...[relay, bare, ratio].map(around),
        ]),
        ...https,
      ],
    ),
    table(
      ['pg-transactional-outbox, rows/s to confirmed', ...relays.map(({ store }) => `to ${store}`)],
      relays.length === 0 ? [] : WAYS.map(([way, told]) => [told, ...relays.map(({ usual }) => around(usual[way]))]),
    ),
    ...relays.flatMap(boundOfTheBroker),
    table(
      ['inbox: messages of one transaction', 'messages/s through claim, reaction and outbox'],
      Object.entries(inbox).map(([size, perSecond]) => [size, around(perSecond)]),
    ),
  );
};

const WAYS = [
  ['polling', 'polling, as documented'],
  ['one', 'replication, in order, as documented'],
  ['all', 'replication, all at once'],
] as const;

function boundOfTheBroker({ store, bare, usual }: RelayFound & { readonly store: string }): string[] {
  const times = ratioOf(bare, fastestOf(usual)).median;
  if (times >= LEAST_TIMES_USUAL) return [];
  const dearer =
    store === 'rabbitmq'
      ? '; but there a message goes to a quorum queue of each service that reacts and to a stream, here to one quorum queue'
      : '';
  return [
    `The client of ${store} alone has ${number(bare.median)} rows/s confirmed, ${number(times)} times the fastest of these${dearer}.`,
  ];
}

const peers: Section = (results) => {
  const found = results.find('peers', 'rabbitmq');
  if (!found) return '';
  return section(
    'The same story written the usual way',
    `On the same RabbitMQ and PostgreSQL, each in its turn. The peers change their state, commit, publish with a confirm and acknowledge, message by message;
they have neither outbox nor inbox, so a crash loses events or repeats changes. They do less otherwise too: no commands of their own, no copies of an order in each service
(events carry all that comes next), no traces, metrics, log lines, idempotency keys.`,
    found.packages ? `They are made of ${versionsIn(found.packages)}.` : '',
    table(
      [
        '',
        ...[found.concurrency, found.manyCustomers].map((customers) => `orders/s, ${customers} customers`),
        'idle p50, ms',
        'idle p99, ms',
      ],
      Object.entries(found.systems).map(([name, one]) => [
        name,
        around(one.perSecond),
        around(one.crowdedPerSecond),
        around(one.p50),
        around(one.p99),
      ]),
    ),
    'What one order costs each, under load:',
    table(
      ['', 'CPU of Node, µs', 'of PostgreSQL', 'of RabbitMQ', 'statements', 'transactions that write'],
      Object.entries(found.systems).map(([name, { cpu, statements, writeTransactions }]) => [
        name,
        ...[cpu.node, cpu.postgres, cpu.broker, statements, writeTransactions].map(number),
      ]),
    ),
    ...purposes(results),
  );
};

/** The dearest of ours first. */
function purposes(results: Results): string[] {
  const { systems } = results.find('purposes', 'rabbitmq') ?? {};
  if (!systems) return [];
  const all = [...new Set(Object.values(systems).flatMap((of) => Object.keys(of)))];
  const ours = (purpose: string) => systems['farandole']?.[purpose] ?? 0;
  return [
    'What Node spends it on, by CPU profiles of all processes (µs an order):',
    table(
      ['', ...Object.keys(systems)],
      all
        .toSorted((one, other) => ours(other) - ours(one))
        .map((purpose) => [
          LABELS[purpose] ?? purpose,
          ...Object.values(systems).map((of) => number(of[purpose] ?? 0)),
        ]),
    ),
  ];
}

/** Rows of former code count there what they do not list, too. */
const LABELS: Readonly<Record<string, string>> = { 'Node itself': 'Node itself, and what is not listed' };

const memory: Section = (results) => {
  const { on } = results.all.find(({ experiment }) => experiment === 'memory') ?? {};
  const found = on && results.find('memory', on);
  if (!found) return '';
  const names = Object.keys(found.after[0]?.bytes ?? {});
  const mebi = (bytes: number) => number(bytes / 2 ** 20);
  return section(
    'Memory',
    `Resident memory of each service, MiB, at rest after so many orders (on ${on}).`,
    table(
      ['orders', ...names, 'together'],
      found.after.map(({ orders, bytes, total }) => [
        number(orders),
        ...names.map((name) => mebi(bytes[name] ?? 0)),
        mebi(total),
      ]),
    ),
  );
};

const growth: Section = (results) => {
  const { on } = results.all.find(({ experiment }) => experiment === 'growth') ?? {};
  const found = on && results.find('growth', on);
  if (!found) return '';
  return section(
    'As past orders grow in number',
    `The tables of all five services hold so many orders of the past week and what the inboxes keep of them (on ${on}, ${found.concurrency} customers).`,
    table(
      [
        'past orders',
        'orders/s',
        'CPU of services, µs/order',
        'of PostgreSQL',
        'time in statements, ms/order',
        'WAL, bytes/order',
      ],
      found.sizes.map(({ pastOrders, perSecond, servicesCpu, postgresCpu, statementMs, walBytes }) => [
        number(pastOrders),
        ...[perSecond, servicesCpu, postgresCpu, statementMs, walBytes].map(around),
      ]),
    ),
    grownBy(found.sizes),
  );
};

function grownBy(sizes: GrowthFound['sizes']): string {
  const [first, last] = [sizes[0]!, sizes.at(-1)!];
  const times = (of: 'postgresCpu' | 'statementMs' | 'walBytes') => around(ratioOf(last[of], first[of]));
  return `With ${number(last.pastOrders)} past orders an order takes ${times('statementMs')} times as long in statements as with ${number(first.pastOrders)}, ${times('postgresCpu')} times PostgreSQL's CPU time
and ${times('walBytes')} times the write-ahead log. “Flat” is judged by PostgreSQL's CPU time; why statements take longer than that tells was not looked into. That of the services is
not judged: sizes are measured in ascending order, so that services which get warmer would hide growth.`;
}

const how: Section = ({ all }) => {
  const distinct = (tell: (machine: Machine) => string) => [...new Set(all.map(({ machine }) => tell(machine)))];
  const machines = distinct(({ cpu, cores, memoryGb, system }) => `${cpu}, ${cores} cores, ${memoryGb} GB, ${system}`);
  const versions = distinct(({ node, packages }) => `Node ${node.slice(1)}, ${versionsIn(packages)}`);
  return section(
    'How it was measured',
    `${machines.length > 1 ? 'On several machines, so that rows bear comparison with their own floor only. ' : ''}${[...machines, ...versions].join('; ')}.
Services, PostgreSQL, broker and bench share the machine. PostgreSQL is durable (fsync and synchronous_commit on), and so are the broker's queues and confirms.
Runs of \`saga\`, \`idle\`, \`memory\`, \`growth\`, and our part of \`peers\` and \`purposes\`, ended with the checks of what must hold of each order, or they would not be here; \`relay\`, \`inbox\` and \`http\` have
no such checks, and what the peers did is not checked. Raw results are in [results](${all.some(({ quick }) => quick) ? '.' : 'results'}), those of \`saga\` with the script of the floor. A commit is “changed” where apps or libraries had changes that are not in it.`,
    table(
      ['command', 'commit', 'servers', 'processor', 'at', 'took'],
      Object.values(Object.groupBy(all, ({ command, at }) => `${command} ${at}`)).map((group) => {
        const { command, machine, at, tookSeconds } = group![0]!;
        const { commit, cpu, servers } = machine;
        const told = servers ? versionsIn(servers) : '–';
        return [`\`${command}\``, commit, told, cpu, at.slice(0, 16).replace('T', ' '), `${tookSeconds} s`];
      }),
    ),
  );
};

function versionsIn(versions: Readonly<Record<string, string>>): string {
  return Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ');
}

/** All sections in the order in which they are read. */
export const sections: readonly Section[] = [mustBeTrue, saga, latency, cost, parts, peers, memory, growth, how];

/** Empty where none of its tables has a row. */
function section(title: string, ...paragraphs: readonly string[]): string {
  if (!paragraphs.some((text) => text.startsWith('|'))) return '';
  return [`## ${title}`, ...paragraphs.filter((text) => text !== '')].join('\n\n');
}
