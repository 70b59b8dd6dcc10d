import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { comesTrue, identityOf, isRunning, makeFolder, type ProcessIdentity, sendSignal } from '../processes/index.js';
import { FolderInUse, PlatformError } from './errors.js';

interface Recorded {
  readonly label: string;
  readonly identity: ProcessIdentity;
}

/**
 * What this platform has started, written down so that the next start finds what a killed launcher left. Processes are
 * told apart by pid and start time: no other one is ever signalled.
 */
export class RunFolder {
  private readonly running = new Map<number, Recorded>();

  private constructor(
    private readonly lockFile: string,
    private readonly listFile: string,
  ) {}

  /**
   * Claims the data folder for this process, and ends what an earlier launcher left running.
   * @throws FolderInUse while that launcher still runs
   */
  static async claim(dataDir: string): Promise<{ folder: RunFolder; ended: readonly string[] }> {
    const path = join(dataDir, 'run');
    makeWritable(dataDir);
    mayBeEntered(dataDir);
    makeWritable(path);
    const folder = new RunFolder(join(path, 'launcher.json'), join(path, 'processes.json'));
    folder.lock(dataDir);
    return { folder, ended: await folder.endOrphans() };
  }

  record(label: string, pid: number): void {
    const identity = identityOf(pid);
    if (!identity) return;
    this.running.set(pid, { label, identity });
    this.save();
  }

  forget(pid: number): void {
    if (this.running.delete(pid)) this.save();
  }

  release(): void {
    rmSync(this.listFile, { force: true });
    rmSync(this.lockFile, { force: true });
  }

  private lock(dataDir: string): void {
    const mine = JSON.stringify(identityOf(process.pid));
    for (;;) {
      try {
        const fd = openSync(this.lockFile, 'wx');
        writeFileSync(fd, mine);
        closeSync(fd);
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        const holder = readJson<ProcessIdentity>(this.lockFile);
        if (holder && isRunning(holder)) throw new FolderInUse(dataDir, holder.pid);
        rmSync(this.lockFile, { force: true });
      }
    }
  }

  private async endOrphans(): Promise<readonly string[]> {
    const orphans = (readJson<Recorded[]>(this.listFile) ?? []).filter(({ identity }) => isRunning(identity));
    const left = () => orphans.filter(({ identity }) => isRunning(identity));
    for (const [signal, patienceMs] of [
      ['SIGTERM', 5_000],
      ['SIGKILL', 5_000],
    ] as const) {
      for (const { identity } of left()) {
        sendSignal(identity.pid, signal);
        sendSignal(identity.pid, 'SIGCONT');
      }
      if (await comesTrue(() => left().length === 0, patienceMs)) break;
    }
    rmSync(this.listFile, { force: true });
    return orphans.map(({ label }) => label);
  }

  private save(): void {
    writeFileSync(`${this.listFile}.new`, JSON.stringify([...this.running.values()]));
    renameSync(`${this.listFile}.new`, this.listFile);
  }
}

function makeWritable(folder: string): void {
  try {
    makeFolder(folder);
    accessSync(folder, constants.W_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const what = code === 'EEXIST' || code === 'ENOTDIR' ? 'a file is in its place' : code;
    throw new PlatformError(
      `cannot write to the folder ${folder} (${what}); make it writable, or choose another with --data`,
    );
  }
}

/** PostgreSQL never runs as root, so its user has to get through the folder, which `mkdtemp` and some umasks close to all but root. */
function mayBeEntered(folder: string): void {
  const { mode, uid } = statSync(folder);
  if (uid === 0 && process.getuid?.() === 0) chmodSync(folder, (mode & 0o7777) | 0o011);
}

function readJson<T>(file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch {
    return undefined;
  }
}
