import { Command, Option } from 'commander';
import colors from 'picocolors';
import { shareWithContainers } from '../tools/docker/cpu-group.js';
import { growth } from './experiments/growth.js';
import { http } from './experiments/http.js';
import { idle } from './experiments/idle.js';
import { relay } from './experiments/relay.js';
import { inbox } from './experiments/inbox.js';
import { memory } from './experiments/memory.js';
import { peers, purposes } from './experiments/peers.js';
import { profile } from './experiments/profile.js';
import { saga } from './experiments/saga.js';
import { tracing } from './experiments/tracing.js';
import { all } from './all.js';
import { countOf, type Options, storeName } from './options.js';
import { tellProfile } from './report/profile.js';
import { writeReport } from './report/report.js';
import { type ExperimentName, type Found, isOneByOne, keep, kindOf, reportFolder, Results } from './results.js';
import type { StoreName } from './stores.js';

const FULL = { repetitions: 7, seconds: 5 };
const QUICK = { repetitions: 7, seconds: 2 };

const OPTIONS: Readonly<Record<keyof Options, Option>> = {
  store: new Option('--store <name>', 'postgres, rabbitmq or kafka').argParser(storeName).default('postgres'),
  concurrency: new Option('--concurrency <n>', 'customers of the closed loop').argParser(countOf).default(64),
  batch: new Option('--batch <n>', 'most deliveries of one transaction').argParser(countOf).default(100),
  repetitions: new Option('--repetitions <n>', `how often (default: ${FULL.repetitions})`).argParser(countOf),
  seconds: new Option(
    '--seconds <n>',
    `how long each takes (default: ${FULL.seconds}; with --quick ${QUICK.seconds})`,
  ).argParser(countOf),
  logLevel: new Option('--log-level <level>', 'of the services').default('info'),
  profile: new Option('--profile <folder>', 'has the services write CPU profiles there'),
  quick: new Option('--quick', 'short runs').default(false),
};

/** Options of an experiment with all services under load. */
const LOAD = ['concurrency', 'batch', 'logLevel', 'quick'] as const;
const TIMES = ['repetitions', 'seconds'] as const;

export const program = new Command('npm run bench --')
  .description(
    'Measures Farandole on this machine; runs of whole orders end with the checks of what must hold, or do not count.',
  )
  .showSuggestionAfterError(false);

/** The experiment takes the options that it reads, and no others. */
function experiment<Name extends keyof Options>(
  name: string,
  description: string,
  takes: readonly Name[],
  run: (options: Pick<Options, Name>) => Promise<void>,
): void {
  const command = program.command(name).description(description);
  for (const option of takes) command.addOption(OPTIONS[option]);
  command.action((given: Partial<Options>) => {
    shareWithContainers();
    return run({ ...(given.quick ? QUICK : FULL), ...given } as Options);
  });
}

/** Measures, and keeps each part of what was found under the name of an experiment. */
const storing =
  <Taken extends Partial<Options>, Measured>(
    name: string,
    measure: (options: Taken) => Promise<Measured>,
    parts: (measured: Measured) => Partial<Found>,
    fixedStore?: StoreName,
  ) =>
  async (options: Taken) => {
    const startedAt = Date.now();
    const store = fixedStore ?? options.store;
    const on = isOneByOne(name, options.batch) ? `${store}-one-by-one` : `${store}`;
    const kind = kindOf(name, options);
    const found = parts(await measure(options));
    for (const part of Object.keys(found) as ExperimentName[]) {
      const result = await keep({ experiment: part, on, kind, startedAt }, found[part]!);
      process.stdout.write(`${JSON.stringify(result.found, null, 2)}\n`);
    }
  };

experiment(
  'idle',
  'one order at a time',
  ['store', ...LOAD, 'profile', ...TIMES],
  storing('idle', idle, (found) => ({ idle: found })),
);
experiment(
  'saga',
  'orders per second against the floor, then latency at half of that',
  ['store', ...LOAD, 'profile', ...TIMES],
  storing('saga', saga, ({ saga: throughput, latency }) => ({ saga: throughput, latency })),
);

experiment(
  'relay',
  'outbox rows per second to confirmed, against the client alone',
  ['store', 'logLevel', 'quick', ...TIMES],
  storing('relay', relay, (found) => ({ relay: found })),
);
experiment(
  'inbox',
  'messages per second through claim, reaction and outbox',
  ['quick', ...TIMES],
  storing('inbox', inbox, (found) => ({ inbox: found }), 'postgres'),
);
experiment(
  'http',
  'POST /orders, against bare Fastify',
  ['logLevel', 'profile', 'quick', ...TIMES],
  storing('http', http, (found) => ({ http: found }), 'postgres'),
);
experiment(
  'peers',
  'the same story written the usual way, on RabbitMQ',
  [...LOAD, 'profile', ...TIMES],
  storing('peers', peers, (found) => ({ peers: found }), 'rabbitmq'),
);
experiment(
  'purposes',
  'what these systems spend their CPU time on',
  [...LOAD, ...TIMES],
  storing('purposes', purposes, (found) => ({ purposes: found }), 'rabbitmq'),
);
experiment(
  'tracing',
  'what it costs to export all spans, or a tenth of them',
  ['store', ...LOAD, 'profile', ...TIMES],
  storing('tracing', tracing, (found) => ({ tracing: found })),
);
experiment(
  'memory',
  'of the services, after 10,000 and after 100,000 orders',
  ['store', ...LOAD, 'profile'],
  storing('memory', memory, (found) => ({ memory: found })),
);
experiment(
  'growth',
  'what an order costs after 10,000, 100,000 and 1,000,000 others',
  ['store', ...LOAD, 'profile', ...TIMES],
  storing('growth', growth, (found) => ({ growth: found })),
);
experiment(
  'profile',
  'where the time of one order goes, hop by hop, and what is busy under load',
  ['store', ...LOAD, 'seconds'],
  async (options) => {
    process.stdout.write(`${tellProfile(await profile(options))}\n`);
  },
);

program
  .command('all')
  .description(
    'all experiments but tracing, the most important first; can be ended at any time, what was found is kept',
  )
  .option('--from <n>', 'begin with the n-th', countOf, 1)
  .option('--quick', 'short runs', false)
  .action(async (options: { from: number; quick: boolean }) => {
    if ((await all(options)) > 0) process.exitCode = 1;
    await report(options);
  });
program
  .command('report')
  .description('writes bench/RESULTS.md from what was found')
  .option('--quick', 'from short runs; in bench/results/quick', false)
  .action(report);

async function report({ quick }: { readonly quick: boolean }): Promise<void> {
  const results = await Results.read(quick);
  if (results.all.length === 0) {
    process.stderr.write(colors.red('nothing was measured yet\n'));
    process.exitCode = 1;
  } else process.stdout.write(`${await writeReport(results, reportFolder(quick))}\n`);
}
