import { Command } from 'commander';
import colors from 'picocolors';
import { shareWithContainers } from '../tools/docker/cpu-group.js';
import { growth } from './experiments/growth.js';
import { http } from './experiments/http.js';
import { idle } from './experiments/idle.js';
import { relay } from './experiments/relay.js';
import { DoesNotCount } from './experiments/run.js';
import { inbox } from './experiments/inbox.js';
import { memory } from './experiments/memory.js';
import { peers, purposes } from './experiments/peers.js';
import { profile } from './experiments/profile.js';
import { saga } from './experiments/saga.js';
import { tracing } from './experiments/tracing.js';
import { all } from './all.js';
import { Interrupted } from './interrupt.js';
import { countOf, type Options, storeName } from './options.js';
import { tellProfile } from './report/profile.js';
import { writeReport } from './report/report.js';
import { type ExperimentName, type Found, keep, Results } from './results.js';

type Given = { readonly [Name in keyof Options]?: Options[Name] };

/** Where there is nothing to choose. */
const STORES_OF: Readonly<Record<string, string>> = {
  peers: 'rabbitmq',
  purposes: 'rabbitmq',
  http: 'postgres',
  inbox: 'postgres',
};
const FULL = { repetitions: 7, seconds: 5 };
const QUICK = { repetitions: 7, seconds: 2 };

const program = new Command('npm run bench --')
  .description(
    'Measures Farandole on this machine; runs of whole orders end with the checks of what must hold, or do not count.',
  )
  .showSuggestionAfterError(false);

function experiment(name: string, description: string, run: (options: Options) => Promise<void>): Command {
  return program
    .command(name)
    .description(description)
    .option('--store <name>', 'postgres, rabbitmq or kafka', storeName, 'postgres')
    .option('--concurrency <n>', 'customers of the closed loop', countOf, 64)
    .option('--batch <n>', 'most deliveries of one transaction', countOf, 100)
    .option('--repetitions <n>', `how often (default: ${FULL.repetitions})`, countOf)
    .option('--seconds <n>', `how long each takes (default: ${FULL.seconds}; with --quick ${QUICK.seconds})`, countOf)
    .option('--log-level <level>', 'of the services', 'info')
    .option('--profile <folder>', 'has the services write CPU profiles there')
    .option('--quick', 'short runs', false)
    .action((given: Given) => {
      shareWithContainers();
      return run({ ...(given.quick ? QUICK : FULL), ...given } as Options);
    });
}

/** Measures, and keeps each part of what was found under the name of an experiment. */
const storing =
  <Measured>(
    name: string,
    measure: (options: Options) => Promise<Measured>,
    parts: (measured: Measured) => Partial<Found>,
  ) =>
  async (options: Options) => {
    const startedAt = Date.now();
    const store = STORES_OF[name] ?? options.store;
    const on = options.batch === 1 ? `${store}-one-by-one` : store;
    const found = parts(await measure(options));
    for (const part of Object.keys(found) as ExperimentName[]) {
      const result = await keep({ experiment: part, on, quick: options.quick, startedAt }, found[part]!);
      process.stdout.write(`${JSON.stringify(result.found, null, 2)}\n`);
    }
  };

experiment(
  'idle',
  'one order at a time',
  storing('idle', idle, (found) => ({ idle: found })),
);
experiment(
  'saga',
  'orders per second against the floor, then latency at half of that',
  storing('saga', saga, ({ saga: throughput, latency }) => ({ saga: throughput, latency })),
);

experiment(
  'relay',
  'outbox rows per second to confirmed, against the client alone',
  storing('relay', relay, (found) => ({ relay: found })),
);
experiment(
  'inbox',
  'messages per second through claim, reaction and outbox',
  storing('inbox', inbox, (found) => ({ inbox: found })),
);
experiment(
  'http',
  'POST /orders, against bare Fastify',
  storing('http', http, (found) => ({ http: found })),
);
experiment(
  'peers',
  'the same story written the usual way, on RabbitMQ',
  storing('peers', peers, (found) => ({ peers: found })),
);
experiment(
  'purposes',
  'what these systems spend their CPU time on',
  storing('purposes', purposes, (found) => ({ purposes: found })),
);
experiment(
  'tracing',
  'what it costs to export all spans, or a tenth of them',
  storing('tracing', tracing, (found) => ({ tracing: found })),
);
experiment(
  'memory',
  'of the services, after 10,000 and after 100,000 orders',
  storing('memory', memory, (found) => ({ memory: found })),
);
experiment(
  'growth',
  'what an order costs after 10,000, 100,000 and 1,000,000 others',
  storing('growth', growth, (found) => ({ growth: found })),
);
experiment('profile', 'where the time of one order goes, hop by hop, and what is busy under load', async (options) => {
  process.stdout.write(`${tellProfile(await profile(options))}\n`);
});

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
  .option('--quick', 'from short runs', false)
  .action(report);

async function report({ quick }: { readonly quick: boolean }): Promise<void> {
  const results = await Results.read(quick);
  if (results.all.length === 0) {
    process.stderr.write(colors.red('nothing was measured yet\n'));
    process.exitCode = 1;
  } else process.stdout.write(`${await writeReport(results)}\n`);
}

try {
  await program.parseAsync(process.argv);
} catch (error) {
  const told =
    error instanceof DoesNotCount || error instanceof Interrupted ? error.message : String((error as Error).stack);
  process.stderr.write(`${colors.red(told)}\n`);
  // All is stopped, but whoever was ordering would go on asking for half a minute.
  process.exit(1);
}
