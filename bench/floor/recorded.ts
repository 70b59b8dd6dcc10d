import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A statement that a service sent, and its answer. */
export interface Recorded {
  /** When it was answered, milliseconds since 1970. */
  readonly at: number;
  /** The order in which the process sent its statements. */
  readonly nth: number;
  readonly connection: number;
  readonly database: string;
  readonly application: string;
  readonly text: string;
  readonly values: readonly unknown[];
  readonly command: string;
  readonly rowCount: number;
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

/** A parameter as JSON can hold it; `fromJson` makes it one again. */
export function toJson(value: unknown): unknown {
  if (value instanceof Uint8Array) return { base64: Buffer.from(value).toString('base64') };
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value === 'bigint') return String(value);
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, toJson(inner)]));
  }
  return value;
}

export function fromJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fromJson);
  if (value !== null && typeof value === 'object') {
    const { base64, ...rest } = value as { base64?: string };
    if (typeof base64 === 'string') return Buffer.from(base64, 'base64');
    return Object.fromEntries(Object.entries(rest).map(([name, inner]) => [name, fromJson(inner)]));
  }
  return value;
}

/** What each process wrote down in the folder, one process after another. */
export async function readRecorded(folder: string): Promise<Recorded[]> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.jsonl'));
  const texts = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')));
  return texts.flatMap((text) =>
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Recorded),
  );
}
