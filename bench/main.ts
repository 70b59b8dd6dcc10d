import { Command } from 'commander';
import colors from 'picocolors';
import { http } from './experiments/http.js';
import { idle } from './experiments/idle.js';
import { relay } from './experiments/relay.js';
import { DoesNotCount } from './experiments/run.js';
import { inbox } from './experiments/inbox.js';
import { peers } from './experiments/peers.js';
import { profile } from './experiments/profile.js';
import { saga } from './experiments/saga.js';
import { tracing } from './experiments/tracing.js';
import { countOf, type Options, storeName } from './options.js';
import { tellProfile } from './report/profile.js';
import { keep } from './results.js';

type Given = { readonly [Name in keyof Options]?: Options[Name] };

const FULL = { repetitions: 7, seconds: 5 };
const QUICK = { repetitions: 7, seconds: 2 };

const program = new Command('npm run bench --')
  .description(
    'Measures Farandole on this machine; every run ends with the checks of what must hold, or does not count.',
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
    .action((given: Given) => run({ ...(given.quick ? QUICK : FULL), ...given } as Options));
}

const storing =
  <Found>(
    name: string,
    measure: (options: Options) => Promise<Found>,
    parts: (found: Found) => Record<string, unknown>,
  ) =>
  async (options: Options) => {
    const startedAt = Date.now();
    const on = options.batch === 1 ? `${options.store}-one-by-one` : options.store;
    const found = parts(await measure(options));
    for (const [experimentName, part] of Object.entries(found)) {
      const result = await keep({ experiment: experimentName, on, quick: options.quick, startedAt }, part);
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
  'tracing',
  'what it costs to export all spans, or a tenth of them',
  storing('tracing', tracing, (found) => ({ tracing: found })),
);
experiment('profile', 'where the time of one order goes, hop by hop, and what is busy under load', async (options) => {
  process.stdout.write(`${tellProfile(await profile(options))}\n`);
});

try {
  await program.parseAsync(process.argv);
} catch (error) {
  const told = error instanceof DoesNotCount ? error.message : String((error as Error).stack);
  process.stderr.write(`${colors.red(told)}\n`);
  process.exitCode = 1;
}
