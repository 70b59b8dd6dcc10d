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

  constructor(private readonly client: Client) {}

  /** Rows that appeared since the last read. */
  async read(limit: number): Promise<OutboxRow[]> {
    const asked = [...this.gaps.keys()];
    const { rows } = await this.client.query<Raw>({
      name: 'outbox-read',
      text: `select ${COLUMNS} from outbox where id > $1 or id = any($2::bigint[]) order by id limit $3`,
      values: [this.last, asked, limit],
    });
    return this.accept(rows);
  }

  /** The oldest rows that were never read, whatever the reason. */
  async sweep(limit: number): Promise<OutboxRow[]> {
    const { rows } = await this.client.query<Raw>({
      name: 'outbox-sweep',
      text: `select ${COLUMNS} from outbox where id <> all($1::bigint[]) order by id limit $2`,
      values: [[...this.known], limit],
    });
    return this.accept(rows);
  }

  /** Rows just committed, without asking for them; undefined when there may be others before them, and only a read can tell. */
  take(rows: readonly OutboxRow[]): OutboxRow[] | undefined {
    if (this.last === 0) return undefined;
    const fresh = rows.filter(({ rowId }) => rowId > this.last || this.gaps.has(rowId));
    const ahead = fresh.filter(({ rowId }) => rowId > this.last).toSorted((a, b) => a.rowId - b.rowId);
    if (ahead.some(({ rowId }, n) => rowId !== this.last + 1 + n)) return undefined;
    this.last += ahead.length;
    for (const { rowId } of fresh) {
      this.gaps.delete(rowId);
      this.known.add(rowId);
    }
    return fresh.toSorted((a, b) => a.rowId - b.rowId);
  }

  /** Their message ids are with the broker: the rows go. */
  async remove(rows: readonly OutboxRow[]): Promise<void> {
    await this.client.query({
      name: 'outbox-remove',
      text: 'delete from outbox where id = any($1::bigint[])',
      values: [rows.map((row) => row.rowId)],
    });
    for (const row of rows) this.known.delete(row.rowId);
  }

  private accept(raw: readonly Raw[]): OutboxRow[] {
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
      if (this.known.has(id)) continue;
      this.known.add(id);
      rows.push(toRow(id, one));
    }
    return rows;
  }
}

function toRow(rowId: number, { message_id, topic, type, key, headers, body }: Raw): OutboxRow {
  return rowOf({ id: message_id, topic, type, key, headers: JSON.parse(headers) as Headers, body }, rowId);
}
