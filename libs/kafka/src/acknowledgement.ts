import { Partitioners, type ICustomPartitioner, type RecordMetadata } from 'kafkajs';

/**
 * Compares what was sent with what the brokers say they stored. kafkajs 2.2.4 resolves too early when a partition moves to another broker amid a
 * send: it tries again only with brokers that have not answered yet, and the new one already has, for partitions of its own.
 */
export class Acknowledgement {
  private readonly sent = new Set<string>();

  /** Java's, so that whoever else writes to these topics gets the same partition for the same key. */
  readonly partitioner: ICustomPartitioner = () => {
    const choose = Partitioners.DefaultPartitioner();
    return (args) => {
      const partition = choose(args);
      this.sent.add(`${args.topic}[${partition}]`);
      return partition;
    };
  };

  /** Before each send; one at a time. */
  begin(): void {
    this.sent.clear();
  }

  /** @throws Error if a partition's messages were sent and not acknowledged */
  check(stored: readonly RecordMetadata[]): void {
    const acknowledged = new Set(stored.map(({ topicName, partition }) => `${topicName}[${partition}]`));
    const missing = [...this.sent].filter((partition) => !acknowledged.has(partition));
    if (missing.length > 0) throw new Error(`the leader of ${missing.join(', ')} changed meanwhile`);
  }
}
