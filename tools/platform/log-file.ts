import { openSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder } from '../processes/index.js';

/** What one app writes to its output, over all its restarts; that of the run before is kept beside it. */
export class LogFile {
  readonly fd: number;
  private mark = 0;

  constructor(readonly path: string) {
    makeFolder(dirname(path));
    const previous = path.replace(/\.log$/, '.previous.log');
    rmSync(previous, { force: true });
    try {
      renameSync(path, previous);
    } catch {
      // the first run
    }
    this.fd = openSync(path, 'a');
  }

  /** From here on `lastWords` reads. */
  startAnew(): void {
    this.mark = statSync(this.path).size;
  }

  /**
   * What an app that ended said last. A service that cannot start says why in plain lines; all else it writes is JSON,
   * of which the errors count.
   */
  lastWords(): string {
    const lines = readFileSync(this.path)
      .subarray(this.mark)
      .toString('utf8')
      .split('\n')
      .filter((line) => line.trim());
    const plain = lines.filter((line) => !line.startsWith('{'));
    const told = plain.length > 0 ? plain : lines.map(readable).filter((line) => line !== undefined);
    return told.slice(-12).join('\n');
  }
}

function readable(line: string): string | undefined {
  try {
    const { level, message, err } = JSON.parse(line) as {
      level?: string;
      message?: string;
      err?: { message?: string };
    };
    if (level !== 'error' && level !== 'fatal') return undefined;
    return [message, err?.message].filter(Boolean).join(': ');
  } catch {
    return line;
  }
}
