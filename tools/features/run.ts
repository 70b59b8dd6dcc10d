/*
 * npm run features [-- --write]
 * Runs the conformance suite on every transport that can run here and prints what each was seen to do, as a Markdown table; with --write it
 * replaces the table in libs/messaging/README.md. Imports nothing of this repository, so that Node runs it as it stands.
 */
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv, exit } from 'node:process';

const TRANSPORTS = ['postgres', 'rabbitmq', 'kafka', 'in-memory'];
const README = 'libs/messaging/README.md';

interface Report {
  readonly testResults: readonly { readonly assertionResults: readonly Outcome[] }[];
}

interface Outcome {
  readonly ancestorTitles: readonly string[];
  readonly title: string;
  readonly status: string;
}

const unknown = argv.slice(2).filter((argument) => argument !== '--write');
if (unknown.length > 0) fail(`unknown option ${unknown[0]}; the only one is --write`);

const outcomes = await runSuites(globSync('libs/**/*.{spec,int-spec}.ts').filter(isConformanceSpec));
const table = tableOf(outcomes);
console.log(`\n${table}`);
if (argv.includes('--write')) write(table);
exit(outcomes.some(({ status }) => status === 'failed') ? 1 : 0);

function isConformanceSpec(file: string): boolean {
  return readFileSync(file, 'utf8').includes('describeTransport(');
}

async function runSuites(files: readonly string[]): Promise<Outcome[]> {
  const folder = await mkdtemp(join(tmpdir(), 'farandole-features-'));
  const report = join(folder, 'report.json');
  const args = [
    'run',
    ...files,
    '--no-file-parallelism',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ];
  spawnSync('vitest', args, { stdio: ['ignore', 'inherit', 'inherit'], shell: process.platform === 'win32' });
  const text = await readFile(report, 'utf8').catch(() => fail('vitest left no report'));
  await rm(folder, { recursive: true });
  return (JSON.parse(text) as Report).testResults.flatMap(({ assertionResults }) => assertionResults);
}

function tableOf(all: readonly Outcome[]): string {
  const byTransport = Map.groupBy(all, ({ ancestorTitles }) => ancestorTitles.at(-1) ?? '');
  const titles = new Set(TRANSPORTS.flatMap((name) => byTransport.get(name) ?? []).map(({ title }) => title));
  const mark = (transport: string, title: string) =>
    markOf(byTransport.get(transport)?.find((outcome) => outcome.title === title)?.status);
  const rows = [...titles].map((title) => [title, ...TRANSPORTS.map((transport) => mark(transport, title))]);
  return aligned([['it …', ...TRANSPORTS], ['-', ...TRANSPORTS.map(() => ':-:')], ...rows]);
}

/** Not run at all (no Docker here) and not applicable to this store look the same: nothing was seen. */
function markOf(status: string | undefined): string {
  if (status === 'passed') return 'yes';
  return status === 'failed' ? '**no**' : '–';
}

/** As prettier would have it. */
function aligned(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const cell = (text: string, width: number) => {
    if (text === '-') return '-'.repeat(width);
    if (text === ':-:') return `:${'-'.repeat(width - 2)}:`;
    return text.padEnd(width);
  };
  return rows.map((row) => `| ${row.map((text, column) => cell(text, widths[column] ?? 0)).join(' | ')} |`).join('\n');
}

function write(text: string): void {
  const readme = readFileSync(README, 'utf8');
  const [start, end] = ['<!-- features -->', '<!-- /features -->'];
  if (!readme.includes(start) || !readme.includes(end)) fail(`${README} has no ${start} … ${end}`);
  const before = readme.slice(0, readme.indexOf(start) + start.length);
  writeFileSync(README, `${before}\n\n${text}\n\n${readme.slice(readme.indexOf(end))}`);
  spawnSync('prettier', ['--write', README], { stdio: 'ignore', shell: process.platform === 'win32' });
}

function fail(line: string): never {
  console.error(line);
  exit(1);
}
