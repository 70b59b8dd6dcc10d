import type { Admin } from 'kafkajs';
import type { TransportLog } from '#libs/messaging';
import type { AdminConnection } from './admin.js';
import type { ResolvedSettings } from './settings.js';
import { pause } from './waiting.js';

/** Creates topics where they are missing. */
export class Topics {
  private readonly known = new Set<string>();
  private readonly reported = new Set<string>();
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly settings: ResolvedSettings,
    private readonly admin: AdminConnection,
    private readonly log: TransportLog,
  ) {}

  /** Resolves once all of them exist and have leaders. */
  async ensure(topics: Iterable<string>): Promise<void> {
    const wanted = [...new Set(topics)];
    const missing = () => wanted.filter((topic) => !this.known.has(topic));
    if (missing().length === 0) return;
    const mine = this.running.catch(() => {}).then(() => this.create(missing()));
    this.running = mine;
    await mine;
  }

  /** After a failure: they may have been deleted. */
  forget(): void {
    this.known.clear();
  }

  private async create(topics: string[]): Promise<void> {
    if (topics.length === 0) return;
    const found = await this.admin.ask(async (admin) => {
      const existing = new Set(await admin.listTopics());
      const absent = topics.filter((topic) => !existing.has(topic));
      await this.createEach(absent, admin);
      return metadataOf(admin, topics);
    }, 10_000);
    for (const { name, partitions: has } of found.topics) this.note(name, has.length);
  }

  /** By a request for each: from the answer for several, kafkajs does not tell which were created where others were not. */
  private async createEach(topics: string[], admin: Admin): Promise<void> {
    const { partitions, replicationFactor } = this.settings;
    const created: string[] = [];
    const errors: Error[] = [];
    const create = async (topic: string) => {
      const request = { topics: [{ topic, numPartitions: partitions, replicationFactor }], waitForLeaders: false };
      if (await admin.createTopics({ ...request, timeout: 5_000 })) created.push(topic);
    };
    await Promise.all(topics.map((topic) => create(topic).catch((error: Error) => errors.push(error))));
    const line = `kafka: created ${created.toSorted().join(', ')} with ${partitions} partitions each`;
    if (created.length > 0) this.log.info({ topics: created, partitions }, line);
    const [error] = errors;
    if (error) throw errors.length > 1 ? new AggregateError(errors) : error;
  }

  private note(topic: string, has: number): void {
    this.known.add(topic);
    const { partitions } = this.settings;
    if (has === partitions || this.reported.has(topic)) return;
    this.reported.add(topic);
    const fields = { topic, has, partitions };
    if (has > partitions) {
      const line = `kafka: ${topic} has ${has} partitions, more than the ${partitions} configured; give all topics as many`;
      return this.log.info(fields, line);
    }
    const advice = `kafka-topics.sh --alter --topic ${topic} --partitions ${partitions}, while no message of it waits, since keys move`;
    const line = `kafka: ${topic} has ${has} partitions, fewer than the ${partitions} configured: add some with ${advice}`;
    this.log.warn(fields, line);
  }
}

/** Once all of them have leaders, as a send to a topic without is stored twice. kafkajs' own `waitForLeaders` gives up where a broker has not heard of the topic yet. */
async function metadataOf(admin: Admin, topics: string[]): ReturnType<Admin['fetchTopicMetadata']> {
  for (const signal = AbortSignal.timeout(5_000); ; await pause(100, signal)) {
    try {
      return await admin.fetchTopicMetadata({ topics });
    } catch (error) {
      if (signal.aborted || !isElecting(error)) throw error;
    }
  }
}

/** What kafkajs has retried in vain arrives as the cause. */
function isElecting(error: unknown): boolean {
  const { type } = ((error as Error).cause ?? error) as { readonly type?: string };
  return type === 'UNKNOWN_TOPIC_OR_PARTITION' || type === 'LEADER_NOT_AVAILABLE';
}
