import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { v8Options } from '../../libs/service/src/v8.js';
import { withClient } from '../../tools/postgres/connect.js';
import { services } from '../../tools/platform/apps.js';
import { answerOf } from '../answer.js';
import { clock, type Span } from '../cost/cpu-profile.js';
import type { CostPerOrder } from '../cost/meter.js';
import { cpuOf } from '../cost/processes.js';
import { sharesOf } from '../cost/purposes.js';
import { removeFolder } from '../database.js';
import { lettersFolder } from '../letters.js';
import { LoadClient, skus } from '../load/client.js';
import { closedLoop, oneByOne } from '../load/loops.js';
import { buildPeers, endPeer, peersFolder } from '../load/peers.js';
import { type Options, profiling } from '../options.js';
import { type Estimate, estimate, median, percentile } from '../statistics.js';
import { type Bench, say, warmUp, warmUpSingly, withBench } from './run.js';

type PeersOptions = Omit<Options, 'store'>;

export interface PeerFound {
  /** Orders per second, closed loop. */
  readonly perSecond: Estimate;
  /** The same with many customers. */
  readonly crowdedPerSecond: Estimate;
  /** One order at a time, milliseconds from the request to settled. */
  readonly p50: Estimate;
  readonly p99: Estimate;
  /** Of one order under load: CPU µs of its Node processes, of PostgreSQL and of the broker; and what PostgreSQL counts. */
  readonly cpu: { readonly node: number; readonly postgres: number; readonly broker: number };
  readonly statements: number;
  readonly writeTransactions: number;
}

export interface PeersFound {
  readonly concurrency: number;
  readonly manyCustomers: number;
  /** Versions of what the peers are made of; rows of former code do not tell. */
  readonly packages?: Readonly<Record<string, string>>;
  readonly systems: Readonly<Record<string, PeerFound>>;
}

export interface PurposesFound {
  /** CPU µs of Node for one order under load, by system and by what it was spent on. */
  readonly systems: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

interface Contestant {
  readonly name: string;
  readonly client: LoadClient;
  readonly pids: readonly number[];
  readonly rates: number[];
  readonly p50: number[];
  readonly p99: number[];
  readonly costs: CostPerOrder[];
  readonly nodeCpu: number[];
  /** When it was under load. */
  readonly loaded: Span[];
}

const PEERS = ['nest-rmq', 'golevelup'];
/** As many as `saga` is measured with under full load: batches of ours grow with what waits. */
const MANY_CUSTOMERS = 256;

/** The same story written the usual way, on the same broker and PostgreSQL, each in its turn while the others are idle. */
export async function peers(options: PeersOptions): Promise<PeersFound> {
  return compare(options, async (contestants, bench) => {
    const crowded = contestants.map(({ name, client, pids }) => contestant(name, client, pids));
    await inTurns(crowded, { ...options, concurrency: MANY_CUSTOMERS }, underLoad(bench), lastRate);
    const systems = contestants.map(
      (one, n) => [one.name, { ...foundOf(one), crowdedPerSecond: estimate(crowded[n]!.rates) }] as const,
    );
    return {
      concurrency: options.concurrency,
      manyCustomers: MANY_CUSTOMERS,
      packages: packages(),
      systems: Object.fromEntries(systems),
    };
  });
}

/** All are pinned. */
function packages(): Readonly<Record<string, string>> {
  const manifest = readFileSync(join(peersFolder, 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { dependencies: Record<string, string> }).dependencies;
}

/** What each of them spends its time on, by the profiles that its processes write; the writing costs something, so that the rates are not kept. */
export async function purposes(options: Omit<PeersOptions, 'profile'>): Promise<PurposesFound> {
  const profile = await mkdtemp(join(tmpdir(), 'farandole-profile-'));
  try {
    const measured = await compare({ ...options, profile }, async (contestants) => contestants);
    // The payment provider, which all of them share, has no such path.
    const codeOf = (name: string) =>
      new RegExp(name === 'farandole' ? '/dist/apps/\\w+/src/main\\.js' : `/peers/dist/${name}\\.js`);
    const systems = measured.map(({ name, loaded }) => [name, { code: codeOf(name), spans: loaded }] as const);
    const shares = await sharesOf(profile, Object.fromEntries(systems));
    const inMicroseconds = ({ name, nodeCpu }: Contestant) =>
      Object.fromEntries(Object.entries(shares[name]!).map(([purpose, share]) => [purpose, share * median(nodeCpu)]));
    return { systems: Object.fromEntries(measured.map((one) => [one.name, inMicroseconds(one)])) };
  } finally {
    await removeFolder(profile);
  }
}

async function compare<Found>(
  options: PeersOptions,
  conclude: (contestants: readonly Contestant[], bench: Bench) => Promise<Found>,
): Promise<Found> {
  buildPeers();
  return withBench(
    { ...options, store: 'rabbitmq' },
    {
      prepare: async () => undefined,
      work: async (bench) => {
        const mail = await bench.start(lettersFolder, removeFolder);
        const contestants = [farandole(bench)];
        for (const peer of PEERS)
          contestants.push(await startPeer(peer, bench, { MAIL_DIR: mail, ...profiling(options.profile) }));
        for (const { client } of contestants.slice(1)) await warmUp(client, options);
        for (const { client } of contestants) await warmUpSingly(client, options);
        await inTurns(contestants, options, singly(bench), ({ p50 }) => `${p50.at(-1)!.toFixed(1)} ms`);
        await inTurns(contestants, options, underLoad(bench), lastRate);
        return conclude(contestants, bench);
      },
    },
  );
}

function farandole({ system, client }: Bench): Contestant {
  const pids = system.world.platform.processes.flatMap(({ plan, pid }) =>
    pid !== undefined && plan.app !== 'payment-provider' ? [pid] : [],
  );
  return contestant('farandole', client, pids);
}

function contestant(name: string, client: LoadClient, pids: readonly number[]): Contestant {
  return { name, client, pids, rates: [], p50: [], p99: [], costs: [], nodeCpu: [], loaded: [] };
}

async function startPeer(name: string, { system, start }: Bench, env: Record<string, string>): Promise<Contestant> {
  const { postgres } = system.world.platform;
  const own: ChildProcess[] = [];
  let target = { orderUrl: '', orderDatabase: '', placed: () => undefined };
  for (const service of services) {
    const url = await postgres.createDatabase(`${name.replace('-', '_')}_${service}`);
    const variables = {
      ...env,
      DATABASE_URL: url,
      RABBITMQ_URL: system.store.env['RABBITMQ_URL']!,
      PAYMENT_PROVIDER_URL: system.world.platform.url('payment-provider'),
    };
    const child = await start(async () => forkService(name, service, variables), endPeer);
    const address = (await answerOf(child)) as string;
    own.push(child);
    if (service === 'order')
      target = { ...target, orderUrl: address.replace('[::1]', '127.0.0.1'), orderDatabase: url };
    if (service === 'inventory') {
      await withClient(url, (client) =>
        client.query('insert into stock (sku, on_hand) select unnest($1::text[]), 1000000', [skus]),
      );
    }
  }
  const client = await start(
    () => LoadClient.start(target),
    (started) => started.stop(),
  );
  return contestant(
    name,
    client,
    own.map(({ pid }) => pid!),
  );
}

function forkService(peer: string, service: string, env: Record<string, string>): ChildProcess {
  return fork(join(peersFolder, 'dist', `${peer}.js`), [service], {
    env: { ...process.env, ...env },
    execArgv: v8Options,
  });
}

type Measure = (one: Contestant, options: PeersOptions) => Promise<void>;

/** Forth and back, so that whatever the machine does meanwhile, it does to all. */
async function inTurns(
  contestants: readonly Contestant[],
  options: PeersOptions,
  measure: Measure,
  told: (one: Contestant) => string,
): Promise<void> {
  for (let n = 0; n < options.repetitions; n++) {
    for (const one of n % 2 === 0 ? contestants : contestants.toReversed()) await measure(one, options);
    say(`  ${n + 1}: ${contestants.map((one) => `${one.name} ${told(one)}`).join(', ')}`);
  }
}

function singly({ quiet }: Bench): Measure {
  return async (one, { seconds }) => {
    const latencies = (await oneByOne(one.client, seconds * 10)).map(({ sentAt, settledAt }) => settledAt - sentAt);
    await quiet.reached();
    one.p50.push(percentile(latencies, 50));
    one.p99.push(percentile(latencies, 99));
  };
}

const lastRate = ({ rates }: Contestant) => `${rates.at(-1)!.toFixed(0)}/s`;

function underLoad({ quiet, meter }: Bench): Measure {
  return async (one, { concurrency, seconds }) => {
    const before = cpuOf(one.pids);
    await meter.begin();
    const from = clock();
    const window = { rampMs: 1_000, windowMs: seconds * 1_000 };
    const { perSecond, orders } = await closedLoop(one.client, concurrency, window);
    await quiet.reached();
    one.loaded.push({ from, until: clock() });
    one.costs.push(await meter.end(orders.length));
    one.nodeCpu.push((cpuOf(one.pids) - before) / orders.length);
    one.rates.push(perSecond);
  };
}

function foundOf({ rates, p50, p99, costs, nodeCpu }: Contestant): Omit<PeerFound, 'crowdedPerSecond'> {
  const middle = (of: (cost: CostPerOrder) => number) => median(costs.map(of));
  return {
    perSecond: estimate(rates),
    p50: estimate(p50),
    p99: estimate(p99),
    cpu: {
      node: median(nodeCpu),
      postgres: middle(({ cpu }) => cpu.postgres),
      broker: middle(({ cpu }) => cpu.broker),
    },
    statements: middle(({ statements }) => statements),
    writeTransactions: middle(({ writeTransactions }) => writeTransactions),
  };
}
