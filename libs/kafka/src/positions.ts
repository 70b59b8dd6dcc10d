interface Position {
  /** What has to come next. */
  next: bigint;
  /** Everything before it is settled. */
  settled: bigint;
  /** Nothing has been read since the group was last joined: `next` is where we left off, and the committed offset may lie before it. */
  resumed: boolean;
  refused: number;
}

/** As many brokers may still answer an older read, and so often is it tried to close a gap that is none: messages deleted unread, or another client's markers. */
const mostRefusals = 5;

/**
 * Sees that no message is passed over and none taken twice. kafkajs reads from each broker in a loop of its own: when a partition moves to another broker,
 * or one loop joins the group again while another still waits for its answer, that answer begins behind messages which were handed back.
 */
export class Positions {
  private readonly positions = new Map<string, Position>();

  /** Of an answer asked for from this offset on: from where to take it, or from where to read instead. */
  check(partition: string, asked: bigint): { readonly takeFrom: bigint } | { readonly readFrom: bigint } {
    const position = this.positions.get(partition);
    if (!position) {
      this.positions.set(partition, { next: asked, settled: asked, resumed: false, refused: 0 });
      return { takeFrom: asked };
    }
    if (asked > position.next && position.refused < mostRefusals) {
      position.refused++;
      return { readFrom: position.next };
    }
    if (position.resumed || asked > position.next) position.next = asked;
    position.resumed = false;
    position.refused = 0;
    return { takeFrom: position.next };
  }

  /** @returns what has to come next */
  taken(partition: string, last: bigint): bigint {
    const position = this.positions.get(partition);
    if (!position) return last + 1n;
    if (last >= position.next) position.next = last + 1n;
    return position.next;
  }

  settled(partition: string, last: bigint): void {
    const position = this.positions.get(partition);
    if (position && last >= position.settled) position.settled = last + 1n;
  }

  /**
   * What was taken and not settled is handed back. A replica frozen for longer than its session goes on where it left off, though somebody else
   * may have had the partition meanwhile: what they settled comes twice.
   */
  joined(assigned: ReadonlySet<string>): void {
    for (const [partition, position] of this.positions) {
      if (assigned.has(partition)) Object.assign(position, { next: position.settled, resumed: true, refused: 0 });
      else this.positions.delete(partition);
    }
  }
}
