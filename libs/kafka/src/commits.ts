import type { OffsetsByTopicPartition } from 'kafkajs';
import { Backoff } from '#libs/messaging';
import { pause } from './waiting.js';

/** Between two commits: what a crash leaves uncommitted comes twice. */
const PACE_MS = 100;

interface Position {
  readonly topic: string;
  readonly partition: number;
  /** The next one to read. */
  readonly offset: string;
}

/** Tells the broker what is settled: one request at a time, each with all that has come together meanwhile. */
export class Commits {
  private readonly due = new Map<string, Position>();
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  private abandoned = false;

  constructor(private readonly commit: (offsets: OffsetsByTopicPartition) => Promise<void>) {}

  /** Later positions of one partition replace earlier ones. */
  note(topic: string, partition: number, offset: string): void {
    if (this.abandoned) return;
    this.due.set(`${topic}/${partition}`, { topic, partition, offset });
    this.running ??= this.run();
  }

  /** Resolves once everything is committed, or after one last attempt: what failed will be delivered again. */
  async finish(): Promise<void> {
    this.stopping.abort();
    await this.running;
    if (this.due.size > 0) await this.attempt().catch(() => {});
  }

  /** Nothing is committed any more. */
  abandon(): void {
    this.abandoned = true;
    this.stopping.abort();
  }

  private async run(): Promise<void> {
    const backoff = new Backoff(100, 2_000);
    do {
      try {
        await this.attempt();
        backoff.reset();
        await pause(PACE_MS, this.stopping.signal);
      } catch {
        await backoff.pause(this.stopping.signal);
      }
    } while (this.due.size > 0 && !this.stopping.signal.aborted);
    this.running = undefined;
  }

  private async attempt(): Promise<void> {
    const positions = [...this.due.entries()];
    await this.commit(byTopic(positions.map(([, position]) => position)));
    for (const [key, position] of positions) {
      if (this.due.get(key) === position) this.due.delete(key);
    }
  }
}

function byTopic(positions: readonly Position[]): OffsetsByTopicPartition {
  const topics = Map.groupBy(positions, ({ topic }) => topic);
  return {
    topics: [...topics].map(([topic, of]) => ({
      topic,
      partitions: of.map(({ partition, offset }) => ({ partition, offset })),
    })),
  };
}
