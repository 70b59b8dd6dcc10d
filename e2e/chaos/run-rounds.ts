import type { Arena } from './arena.js';
import type { Options } from './options.js';
import { playRound, type Round } from './round.js';

const STEPS_PER_ROUND = 20;

/** Round after round, each with the next seed, until the time is over or one fails. Resolves with whether one failed. */
export async function runRounds(
  arena: Arena,
  { seed: first, minutes, steps, transport }: Options,
  print: (line: string) => void,
): Promise<boolean> {
  const until = Date.now() + minutes * 60_000;
  const rounds: Round[] = [];
  for (let seed = first; rounds.length === 0 || (steps === undefined && Date.now() < until); seed++) {
    print(`round ${rounds.length + 1}, seed ${seed}`);
    const round = await playRound(arena, seed, steps ?? STEPS_PER_ROUND, print);
    rounds.push(round);
    if (round.violations.length > 0) {
      print(failureOf(round, transport));
      break;
    }
  }
  print(summaryOf(rounds));
  return rounds.some(({ violations }) => violations.length > 0);
}

/** What happened, what is wrong, and how to do it again. */
export function failureOf({ seed, steps, timeline, violations }: Round, transport: Options['transport']): string {
  return [
    `seed ${seed} on ${transport} failed. What happened (UTC, as in the logs):`,
    ...timeline,
    'What is wrong:',
    ...violations.map((violation) => `  ${violation}`),
    `Again: npm run chaos -- --transport ${transport} --seed ${seed} --steps ${steps.length}`,
  ].join('\n');
}

function summaryOf(rounds: readonly Round[]): string {
  const faults = new Map<string, number>();
  for (const { fault } of rounds.flatMap(({ steps }) => steps)) {
    faults.set(fault.kind, (faults.get(fault.kind) ?? 0) + 1);
  }
  const orders = rounds.reduce((sum, round) => sum + round.orders, 0);
  const bad = rounds.filter(({ violations }) => violations.length > 0).length;
  const told = [...faults].map(([kind, count]) => `${count} × ${kind}`).join(', ');
  return `seeds ${rounds[0]?.seed}–${rounds.at(-1)?.seed}: ${rounds.length} rounds, ${bad} of them failed; ${orders} orders; ${told}`;
}
