import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { comesTrue } from '../processes/index.js';
import type { AppName } from './apps.js';
import { AppFailed, Interrupted } from './errors.js';
import { readiness } from './health.js';
import type { LogFile } from './log-file.js';
import type { RunFolder } from './run-folder.js';

export interface AppPlan {
  readonly app: AppName;
  /** Names the process: `inventory`, or `inventory-2` for a second replica. */
  readonly label: string;
  readonly entry: string;
  readonly url: string;
  readonly env: NodeJS.ProcessEnv;
}

export interface Surroundings {
  readonly log: LogFile;
  readonly folder: RunFolder;
  readonly supervise: boolean;
  /** Told, in a line each, what happens to the process by itself. */
  readonly report: (line: string) => void;
}

const startWithinMs = 120_000;
/** An app that reaches its database but not its broker starts too: its messages wait in the outbox. */
const degradedAfterMs = 20_000;
const stopWithinMs = 12_000;
const firstBackoffMs = 250;
const longestBackoffMs = 30_000;
/** An app that ran for this long has recovered: the backoff begins again. */
const soundAfterMs = 30_000;

const leash = new URL(import.meta.url.endsWith('.ts') ? './leash.ts' : './leash.js', import.meta.url);

interface Life {
  readonly child: ChildProcess;
  readonly ended: Promise<string>;
  over: boolean;
}

/** One app as a process: started until it is ready, ended in order or at once, and started again when it dies. */
export class AppProcess {
  private life: Life | undefined;
  /** Whether it is meant to run; what ends while it is not is no accident. */
  private wanted = false;
  private failures = 0;
  private generation = 0;

  constructor(
    readonly plan: AppPlan,
    private readonly surroundings: Surroundings,
  ) {}

  get pid(): number | undefined {
    return this.life?.over === false ? this.life.child.pid : undefined;
  }

  get logFile(): string {
    return this.surroundings.log.path;
  }

  /** Resolves once it is ready. @throws AppFailed when it ends before that, with what it said last */
  async start(): Promise<void> {
    if (this.pid !== undefined) return this.ready();
    this.wanted = true;
    this.failures = 0;
    await this.launch(++this.generation);
  }

  /** Resolves once it is ready, whoever starts it. */
  async ready(withinMs = startWithinMs): Promise<void> {
    if (await comesTrue(async () => this.pid !== undefined && (await this.isReady()), withinMs)) return;
    throw new AppFailed(
      this.plan.label,
      `was not ready within ${withinMs / 1000} s`,
      this.surroundings.log.lastWords(),
    );
  }

  /** `kill -9`. Resolves once it is gone; a supervised one is started again by itself. */
  async kill(): Promise<void> {
    if (!this.surroundings.supervise) this.wanted = false;
    const { life } = this;
    life?.child.kill('SIGKILL');
    await life?.ended;
  }

  /** SIGTERM, and SIGKILL when that does not end it. Resolves once it is gone. */
  async stop({ withinMs = stopWithinMs } = {}): Promise<void> {
    this.wanted = false;
    this.generation++;
    const { life } = this;
    if (!life || life.over) return;
    if (process.platform === 'win32') life.child.send('farandole:stop');
    else life.child.kill('SIGTERM');
    life.child.kill('SIGCONT');
    await Promise.race([life.ended, pause(withinMs, undefined, { ref: false })]);
    if (!life.over) life.child.kill('SIGKILL');
    await life.ended;
  }

  /** Holds it as it is, connections and locks included, as a long garbage collection or a suspended machine would. */
  pause(): void {
    this.life?.child.kill('SIGSTOP');
  }

  resume(): void {
    this.life?.child.kill('SIGCONT');
  }

  private async launch(generation: number): Promise<void> {
    const { plan, surroundings } = this;
    if (!existsSync(plan.entry)) throw new AppFailed(plan.label, `is not built (${plan.entry}); run npm run build`, '');
    surroundings.log.startAnew();
    const life = this.spawn();
    this.life = life;
    const startedAt = Date.now();
    let readyOnce = false;
    void life.ended.then((how) => {
      if (readyOnce && this.wanted) void this.revive(how, Date.now() - startedAt, generation);
    });
    await this.untilReady(life, startedAt);
    readyOnce = true;
  }

  private spawn(): Life {
    const { plan, surroundings } = this;
    const { fd } = surroundings.log;
    const child = spawn(process.execPath, ['--import', leash.href, plan.entry], {
      env: plan.env,
      stdio: ['ignore', fd, fd, 'ipc'],
      // in a process group of its own: Ctrl-C reaches the launcher alone, which stops all in order
      detached: process.platform !== 'win32',
      windowsHide: true,
    });
    const { pid } = child;
    if (pid !== undefined) surroundings.folder.record(plan.label, pid);
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(`cannot be run (${error.message})`));
      child.once('exit', (code, signal) => resolve(signal ? `ended (${signal})` : `ended (exit code ${code})`));
    });
    const life: Life = { child, ended, over: false };
    void ended.then(() => {
      life.over = true;
      if (pid !== undefined) surroundings.folder.forget(pid);
    });
    return life;
  }

  private async untilReady(life: Life, startedAt: number): Promise<void> {
    const { label, url } = this.plan;
    const lastWords = () => this.surroundings.log.lastWords();
    while (!life.over) {
      const { state, answer } = await readiness(url);
      const waited = Date.now() - startedAt;
      if (life.over) break;
      if (state === 'ready') return;
      if (state === 'degraded' && waited > degradedAfterMs) {
        return this.surroundings.report(`${label} runs, but not all it needs is there: ${answer}`);
      }
      if (waited > startWithinMs) {
        await this.stop({ withinMs: 1_000 });
        throw new AppFailed(label, `was not ready within ${startWithinMs / 1000} s (${answer})`, lastWords());
      }
      await Promise.race([life.ended, pause(50)]);
    }
    if (!this.wanted) throw new Interrupted();
    throw new AppFailed(label, await life.ended, lastWords());
  }

  /** Starts it again, later each time it fails, until it is ready or no longer wanted. */
  private async revive(how: string, livedMs: number, generation: number): Promise<void> {
    const { report, supervise } = this.surroundings;
    const { label } = this.plan;
    if (!supervise) return report(`${label} ${how}`);
    if (livedMs > soundAfterMs) this.failures = 0;
    for (let what = `${label} ${how}`; ;) {
      const delayMs = Math.min(firstBackoffMs * 2 ** this.failures++, longestBackoffMs);
      report(`${what}; it is started again in ${delayMs / 1000} s`);
      await pause(delayMs);
      if (!this.wanted || generation !== this.generation) return;
      try {
        return await this.launch(generation);
      } catch (error) {
        if (error instanceof Interrupted || !this.wanted) return;
        what = (error as Error).message;
      }
    }
  }

  private async isReady(): Promise<boolean> {
    return (await readiness(this.plan.url)).state !== 'not yet';
  }
}
