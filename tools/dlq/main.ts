import colors from 'picocolors';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { NotDone } from '../replay/service.js';
import { ending, follow } from './follow.js';
import { Letters, type Replay } from './letters.js';
import { commandLine, filterOf, type Common, type ReplayOptions } from './options.js';
import { diffLines, groupTable, letterTable, whole } from './tables.js';

const print = (text: string) => void process.stdout.write(`${text}\n`);
const lettersOf = ({ service, url, by }: Common) => new Letters({ service, ...(url ? { url } : {}) }, by);
const width = () => process.stdout.columns ?? 160;

async function replayed(letters: Letters, begun: Replay, { service }: Common): Promise<void> {
  const goesOn = `replay ${begun.id} goes on by itself; look on with --resume ${begun.id}, or end it with stop ${begun.id}`;
  const leave = () => {
    print(`\n${goesOn}`);
    process.exit();
  };
  print(`replay ${begun.id} of ${begun.total} dead letters`);
  process.once('SIGINT', leave);
  const replay = await follow(letters, begun).catch((error: unknown) => {
    throw error instanceof NotDone ? new NotDone(`${error.message}; ${goesOn}`) : error;
  });
  process.off('SIGINT', leave);
  print(ending(replay, service));
  if (replay.state !== 'done' || replay.failed > 0) process.exitCode = 1;
}

async function edited(
  letters: Letters,
  id: string,
  { body: file = '', yes }: ReplayOptions,
): Promise<Replay | undefined> {
  const body = await jsonIn(file);
  const diff = await letters.tryBody(id, body);
  print(diff.length > 0 ? diffLines(diff) : 'The body is the one that the letter has.');
  if (!yes && !(await confirmed('Replay it like this?'))) return undefined;
  return letters.edit(id, body);
}

async function jsonIn(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as unknown;
  } catch (error) {
    throw new NotDone(`--body: ${(error as Error).message}`);
  }
}

async function confirmed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new NotDone('nobody can be asked here: look at the differences, then add --yes');
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(`${question} [y/N] `);
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}

const program = commandLine({
  async list(options) {
    const { state, limit } = options;
    print(letterTable(await lettersOf(options).list(filterOf(options), { state, limit }), Date.now(), width()));
  },
  async groups(options) {
    print(groupTable(await lettersOf(options).groups(filterOf(options)), Date.now(), width()));
  },
  async show(id, options) {
    print(whole(await lettersOf(options).show(id)));
  },
  async replay(id, options) {
    const letters = lettersOf(options);
    const begin = () => {
      if (options.resume !== undefined) return letters.progress(options.resume);
      if (id === undefined) return letters.replay(filterOf(options), options.rate, options.canary);
      return options.body === undefined ? letters.replayOne(id) : edited(letters, id, options);
    };
    const begun = await begin();
    if (begun) await replayed(letters, begun, options);
  },
  async stop(id, options) {
    const { total, done, failed, underWay } = await lettersOf(options).stop(id);
    print(
      `replay ${id}: ${done} of ${total} handled, ${failed} failed again, ${underWay} under way; no more are handed over`,
    );
  },
  async discard(ids, options) {
    const letters = lettersOf(options);
    for (const id of ids) {
      await letters.discard(id, options.reason);
      print(`dead letter ${id} is discarded`);
    }
  },
});

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`${colors.red(error instanceof NotDone ? error.message : String((error as Error).stack))}\n`);
  process.exitCode = 1;
}
