import { spawnSync } from 'node:child_process';
import { Command, Option } from 'commander';

const transports = ['postgres', 'rabbitmq', 'kafka'] as const;

const program = new Command('npm run e2e --')
  .description('Tells the story end to end, and breaks it meanwhile')
  .addOption(new Option('--transport <name>').choices([...transports, 'all']).default('postgres'))
  .parse();

const { transport } = program.opts<{ transport: (typeof transports)[number] | 'all' }>();
const filters = transport === 'all' ? ['e2e/'] : [`e2e/${transport}`];
// What was asked for by name has to run: without Docker it fails, rather than being left out.
const env = { ...process.env, AT_LENGTH: 'true', CI: transport === 'postgres' ? process.env['CI'] : 'true' };
const build = spawnSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
if (build.status !== 0) process.exit(build.status ?? 1);
const run = spawnSync('vitest', ['run', '--project', 'e2e*', ...filters], { stdio: 'inherit', env });
process.exit(run.status ?? 1);
