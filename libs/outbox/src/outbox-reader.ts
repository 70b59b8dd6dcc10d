import type { Client } from 'pg';
import type { Headers } from '#libs/contracts';
import { rowOf, type OutboxRow } from './outbox.js';

interface Raw {
  id: string;
  message_id: string;
  topic: string;
  type: string;
  key: string;
  headers: string;
  body: Buffer;
}

const COLUMNS = 'id, message_id, topic, type, key, headers, body';
/** How long a missing id is asked for with each read; after that the sweep finds it, should it still appear. */
const GAP_MS = 2_000;
const MOST_GAPS = 5_000;

/**
 * Reads the outbox in id order, each row once. An id is drawn before its transaction commits, so a lower id can appear after a
 * higher one: ids passed over are asked for again, and `sweep` finds whatever came later still.
 */
export class OutboxReader {
  private last = 0;
  private readonly gaps = new Map<number, number>();
  private readonly known = new Set<number>();
  /** Keys of which nothing is read, each with the row that has to be removed first. */
  private readonly leftOut = new Map<string, number>();
  /** What was left out is to be read before anything newer. */
  private behind = false;
  /** The last look found as many rows as it was to: there may be more. */
  more = false;

  constructor(private readonly client: Client) {}

  /** Rows that appeared since the last read. */
  async read(limit: number): Promise<OutboxRow[]> {
    if (this.behind) return this.sweep(limit);
    const asked = [...this.gaps.keys()];
    const { rows } = await this.client.query<Raw>({
      name: 'outbox-read',
      text: `select ${COLUMNS} from outbox where id > $1 or id = any($2::bigint[]) order by id limit $3`,
      values: [this.last, asked, limit],
    });
    return this.accept(rows, limit);
  }

  /** The oldest rows that were never read, whatever the reason, but for keys that are left out. */
  async sweep(limit: number): Promise<OutboxRow[]> {
    const { rows } = await this.client.query<Raw>({
      name: 'outbox-sweep',
      text: `select ${COLUMNS} from outbox where id <> all($1::bigint[]) and key <> all($2::text[]) order by id limit $3`,
      values: [[...this.known], [...this.leftOut.keys()], limit],
    });
    const accepted = this.accept(rows, limit);
    if (!this.more) this.behind = false;
    return accepted;
  }

  /** Rows just committed, without asking for them; undefined when there may be others before them, and only a read can tell. */
  take(rows: readonly OutboxRow[]): OutboxRow[] | undefined {
    if (this.last === 0 || this.behind) return undefined;
    const fresh = rows.filter(({ rowId }) => rowId > this.last || this.gaps.has(rowId));
    const ahead = fresh.filter(({ rowId }) => rowId > this.last).toSorted((a, b) => a.rowId - b.rowId);
    if (ahead.some(({ rowId }, n) => rowId !== this.last + 1 + n)) return undefined;
    this.last += ahead.length;
    for (const { rowId } of fresh) this.gaps.delete(rowId);
    const kept = fresh.filter(({ key }) => !this.leftOut.has(key));
    for (const { rowId } of kept) this.known.add(rowId);
    return kept.toSorted((a, b) => a.rowId - b.rowId);
  }

  /** Reads nothing of the row's key until that row is removed; then all of it again, in order, with what was `waiting` behind it. */
  leaveOut({ key, rowId }: OutboxRow, waiting: readonly OutboxRow[]): void {
    this.leftOut.set(key, rowId);
    for (const row of waiting) this.known.delete(row.rowId);
  }

  /** Deletes rows whose messages the broker has confirmed. */
  async remove(rows: readonly OutboxRow[]): Promise<void> {
    await this.client.query({
      name: 'outbox-remove',
      text: 'delete from outbox where id = any($1::bigint[])',
      values: [rows.map((row) => row.rowId)],
    });
    for (const { rowId, key } of rows) {
      this.known.delete(rowId);
      if (this.leftOut.get(key) === rowId) this.behind = this.leftOut.delete(key);
    }
  }

  private accept(raw: readonly Raw[], limit: number): OutboxRow[] {
    this.more = raw.length === limit;
    const now = Date.now();
    for (const [id, until] of this.gaps) if (until < now) this.gaps.delete(id);
    const rows: OutboxRow[] = [];
    for (const one of raw) {
      const id = Number(one.id);
      this.gaps.delete(id);
      for (let gap = this.last + 1; this.last > 0 && gap < id && this.gaps.size < MOST_GAPS; gap++) {
        this.gaps.set(gap, now + GAP_MS);
      }
      this.last = Math.max(this.last, id);
      if (this.known.has(id) || this.leftOut.has(one.key)) continue;
      this.known.add(id);
      rows.push(toRow(id, one));
    }
    return rows;
  }
}

function toRow(rowId: number, { message_id, topic, type, key, headers, body }: Raw): OutboxRow {
  return rowOf({ id: message_id, topic, type, key, headers: JSON.parse(headers) as Headers, body }, rowId);
}
