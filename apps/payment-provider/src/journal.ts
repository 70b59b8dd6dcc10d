import { closeSync, fstatSync, fsyncSync, mkdirSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * An append-only file of JSON lines. Two processes write over nothing of each other's, but what is promised of crashes and failures holds for
 * one alone: a line cut off by the one spoils the next of the other, and mending it may cut that off.
 */
export class Journal<Entry> {
  private constructor(
    private readonly fd: number,
    private readonly file: string,
  ) {}

  /**
   * Reads what is there and opens it for more. A last line that a crash cut off is dropped: nobody was told of it.
   * @throws an error that names the line which is no JSON
   */
  static open<Entry>(file: string): { journal: Journal<Entry>; entries: Entry[] } {
    mkdirSync(dirname(file), { recursive: true });
    const fd = openSync(file, 'a+');
    const bytes = readFileSync(fd);
    const complete = bytes.lastIndexOf('\n') + 1;
    // By name: Windows lets nobody shorten what is open for appending.
    if (complete < bytes.length) truncateSync(file, complete);
    const lines = bytes.toString('utf8', 0, complete).split('\n').slice(0, -1);
    const entries = lines.map((line, n) => parse<Entry>(line, `${file}, line ${n + 1}`));
    return { journal: new Journal(fd, file), entries };
  }

  /** When it returns, the entry survives the death of this process, though not a power cut. After it throws, the file is as before. */
  append(entry: Entry): void {
    const line = Buffer.from(`${JSON.stringify(entry)}\n`);
    const { size } = fstatSync(this.fd);
    try {
      // A disk that is nearly full takes a part, and says no only when it is asked to take the rest.
      for (let done = 0; done < line.length;) done += writeSync(this.fd, line, done);
    } catch (error) {
      truncateSync(this.file, size);
      throw error;
    }
  }

  close(): void {
    fsyncSync(this.fd);
    closeSync(this.fd);
  }
}

function parse<Entry>(line: string, place: string): Entry {
  try {
    return JSON.parse(line) as Entry;
  } catch (error) {
    throw new Error(`LEDGER_FILE: ${place} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
