import { closeSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** An append-only file of JSON lines. */
export class Journal<Entry> {
  private constructor(private readonly fd: number) {}

  /** Reads what is there and opens it for more. A last line that a crash cut off is dropped: nobody was told of it. */
  static open<Entry>(file: string): { journal: Journal<Entry>; entries: Entry[] } {
    mkdirSync(dirname(file), { recursive: true });
    const fd = openSync(file, 'a+');
    const bytes = readFileSync(fd);
    const complete = bytes.lastIndexOf('\n') + 1;
    if (complete < bytes.length) ftruncateSync(fd, complete);
    const lines = bytes.toString('utf8', 0, complete).split('\n').filter(Boolean);
    return { journal: new Journal(fd), entries: lines.map((line) => JSON.parse(line) as Entry) };
  }

  /** When it returns, the entry survives the death of this process, though not a power cut. After it throws, nothing of it counts. */
  append(entry: Entry): void {
    writeSync(this.fd, `${JSON.stringify(entry)}\n`);
  }

  close(): void {
    fsyncSync(this.fd);
    closeSync(this.fd);
  }
}
