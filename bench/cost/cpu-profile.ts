import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where a process spent its time. */
export interface Hot {
  readonly what: string;
  /** Of the time in which the process did anything. */
  readonly percent: number;
}

/** As V8 writes them. */
export interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
    readonly children?: readonly number[];
  }[];
  /** Microseconds of the clock that `process.hrtime` reads. */
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const MOST = 25;

/** Microseconds of the machine's clock. */
export interface Span {
  readonly from: number;
  readonly until: number;
}

export function clock(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}

/** The functions with the most time of their own, and the packages, by service; of the profiles in a folder. */
export async function hottest(folder: string, span: Span): Promise<Record<string, Hot[]>> {
  const found: Record<string, Hot[]> = {};
  for await (const profile of profilesIn(folder)) {
    const service = serviceOf(profile);
    if (!service) continue;
    found[service] = top(
      profile,
      span,
      ({ functionName, url, lineNumber }) => `${functionName || '(anonymous)'} ${shortened(url)}:${lineNumber + 1}`,
    );
    found[`${service}, by package`] = top(profile, span, ({ url, functionName }) => packageOf(url, functionName));
  }
  return found;
}

export type Frame = Profile['nodes'][number]['callFrame'];

/** One after the other: they are large. */
export async function* profilesIn(folder: string): AsyncGenerator<Profile> {
  for (const name of (await readdir(folder)).filter((one) => one.endsWith('.cpuprofile'))) {
    yield JSON.parse(await readFile(join(folder, name), 'utf8')) as Profile;
  }
}

/** Microseconds within the span that each frame was on top for, sample by sample; those without work are left out. */
export function frameTimes({ nodes, samples, timeDeltas, startTime }: Profile, { from, until }: Span) {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  let now = startTime;
  return samples.flatMap((id, at): [Frame, number][] => {
    const frame = frames.get(id)!;
    const us = timeDeltas[at] ?? 0;
    now += us;
    return frame.functionName === '(idle)' || now < from || now > until ? [] : [[frame, us]];
  });
}

function top(profile: Profile, span: Span, nameOf: (frame: Frame) => string): Hot[] {
  const times = new Map<string, number>();
  let busy = 0;
  for (const [frame, us] of frameTimes(profile, span)) {
    busy += us;
    const name = nameOf(frame);
    times.set(name, (times.get(name) ?? 0) + us);
  }
  return [...times]
    .toSorted(([, one], [, other]) => other - one)
    .slice(0, MOST)
    .map(([what, time]) => ({ what, percent: (100 * time) / busy }));
}

/** The service whose built code it ran. */
function serviceOf({ nodes }: Profile): string | undefined {
  for (const { callFrame } of nodes) {
    const app = /\/dist\/apps\/([^/]+)\/src\/main\.js/.exec(callFrame.url)?.[1];
    if (app) return app;
  }
  return undefined;
}

function packageOf(url: string, functionName: string): string {
  if (url === '') return functionName || '(native)';
  if (url.startsWith('node:')) return url;
  const installed = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  return installed ?? /\/dist\/((?:apps|libs|tools)\/[^/]+)/.exec(url)?.[1] ?? url;
}

function shortened(url: string): string {
  return url.replace(/^.*\/(node_modules|dist)\//, '');
}
