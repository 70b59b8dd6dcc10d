import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where a process spent its time. */
export interface Hot {
  readonly what: string;
  /** Of the time in which the process did anything. */
  readonly percent: number;
}

interface Profile {
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
  for (const name of (await readdir(folder)).filter((one) => one.endsWith('.cpuprofile'))) {
    const profile = JSON.parse(await readFile(join(folder, name), 'utf8')) as Profile;
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

type Frame = Profile['nodes'][number]['callFrame'];

function top(
  { nodes, samples, timeDeltas, startTime }: Profile,
  { from, until }: Span,
  nameOf: (frame: Frame) => string,
): Hot[] {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const times = new Map<string, number>();
  let busy = 0;
  let now = startTime;
  samples.forEach((id, at) => {
    const frame = frames.get(id)!;
    const time = timeDeltas[at] ?? 0;
    now += time;
    if (frame.functionName === '(idle)' || now < from || now > until) return;
    busy += time;
    const name = nameOf(frame);
    times.set(name, (times.get(name) ?? 0) + time);
  });
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
