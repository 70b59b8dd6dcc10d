import { readFile } from 'node:fs/promises';
import { NotDone } from '../ops.js';
import { ending, follow } from './follow.js';
import { Letters, type Replay } from './letters.js';
import { filterOf, type Actions, type Common, type ReplayOptions } from './options.js';
import { diffLines, groupTable, letterTable, whole } from './tables.js';

export interface Terminal {
  /** Characters of a line. */
  readonly width: number;
  print(text: string): void;
  /** @throws NotDone where nobody can be asked */
  confirm(question: string): Promise<boolean>;
  /** Calls back when somebody wants to look no longer; returns how to end that. */
  onLeave(leave: () => void): () => void;
}

/** What the commands do. All reject with NotDone; a replay tells whether all of it was handled. */
export function actionsOn({ width, print, confirm, onLeave }: Terminal, notAllHandled: () => void): Actions {
  const replayed = async (letters: Letters, begun: Replay, { service }: Common) => {
    const { id, total } = begun;
    const goesOn = `replay ${id} goes on by itself; look on with --resume ${id}, or end it with stop ${id}`;
    print(`replay ${id} of ${total} dead letters`);
    const stay = onLeave(() => print(`\n${goesOn}`));
    const replay = await follow(letters, begun).catch((error: unknown) => {
      throw error instanceof NotDone ? new NotDone(`${error.message}; ${goesOn}`) : error;
    });
    stay();
    print(ending(replay, service));
    if (replay.state !== 'done' || replay.failed > 0) notAllHandled();
  };

  const edited = async (letters: Letters, id: string, { body: file = '', yes }: ReplayOptions) => {
    const body = await jsonIn(file);
    const diff = await letters.tryBody(id, body);
    print(diff.length > 0 ? diffLines(diff) : 'The body is the one that the letter has.');
    return yes || (await confirm('Replay it like this?')) ? letters.edit(id, body) : undefined;
  };

  return {
    async list(options) {
      const { state, limit } = options;
      print(letterTable(await lettersOf(options).list(filterOf(options), { state, limit }), Date.now(), width));
    },
    async groups(options) {
      print(groupTable(await lettersOf(options).groups(filterOf(options)), Date.now(), width));
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
      const soFar = `${done} of ${total} handled, ${failed} failed again, ${underWay} under way`;
      print(`replay ${id}: ${soFar}; no more are handed over`);
    },
    async discard(ids, options) {
      const letters = lettersOf(options);
      for (const id of ids) {
        await letters.discard(id, options.reason);
        print(`dead letter ${id} is discarded`);
      }
    },
  };
}

function lettersOf({ service, url, by }: Common): Letters {
  return new Letters({ service, ...(url ? { url } : {}) }, by);
}

async function jsonIn(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as unknown;
  } catch (error) {
    throw new NotDone(`--body: ${(error as Error).message}`);
  }
}
