import { CompressionTypes, type Producer, type TopicMessages } from 'kafkajs';
import type { OutgoingMessage, Publisher, TransportOptions } from '#libs/messaging';
import { Acknowledgement } from './acknowledgement.js';
import { MOST_BYTES, nextChunk, type Call, type Chunk } from './chunk.js';
import { Client } from './client.js';
import { toKafka } from './message.js';
import type { ResolvedSettings } from './settings.js';
import type { Topics } from './topics.js';
import { within } from './waiting.js';

/** Bytes of one request. Fewer are not worth what packing costs, and unpacking in each service that reads them. */
const PACKED_FROM = 16 * 1_024;

interface Line {
  readonly client: Client;
  readonly producer: Producer;
  readonly connected: Promise<void>;
  readonly acknowledgement: Acknowledgement;
}

/** Calls that come while one is on its way are sent together with the next: one request at a time keeps the order and costs least. */
export class KafkaPublisher implements Publisher {
  private calls: Call[] = [];
  private working: Promise<void> | undefined;
  private line: Line | undefined;
  private mostBytes = MOST_BYTES;
  private closed = false;
  private away = false;

  constructor(
    private readonly settings: ResolvedSettings,
    private readonly options: TransportOptions,
    private readonly topics: Topics,
  ) {}

  publish(messages: readonly OutgoingMessage[]): Promise<void> {
    if (this.closed) return Promise.reject(new Error('the publisher is closed'));
    if (messages.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.calls.push({ messages, sent: 0, resolve, reject });
      this.working ??= this.work();
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.working;
    const line = this.line;
    this.line = undefined;
    await line?.client.end(() => line.producer.disconnect());
  }

  /** As the end of the process would. */
  abort(): void {
    this.closed = true;
    this.line?.client.connections.cut();
  }

  private async work(): Promise<void> {
    while (this.calls.length > 0) {
      const chunk = nextChunk(this.calls, this.mostBytes);
      try {
        await this.send(chunk);
        this.stored(chunk);
      } catch (error) {
        if (isTooMuch(chunk, error)) this.sendLess(chunk, error);
        else this.failed(chunk, error);
      }
    }
    // In the same tick as the last look: whoever comes next starts it again.
    this.working = undefined;
  }

  private stored({ parts }: Chunk): void {
    for (const [call, count] of parts) {
      call.sent += count;
      if (call.sent === call.messages.length) call.resolve();
    }
    this.calls = this.calls.filter((call) => call.sent < call.messages.length);
    if (this.away) this.options.log.info({}, 'kafka: messages are stored again');
    this.away = false;
  }

  /** Again, and from now on: the broker's limit is lower than usual. */
  private sendLess({ bytes }: Chunk, error: unknown): void {
    this.mostBytes = Math.ceil(bytes / 2);
    this.giveUp(error);
  }

  /** What is refused concerns its own calls; where nobody answers, everybody who waits gets to know. */
  private failed({ parts }: Chunk, error: unknown): void {
    const reason = this.giveUp(error);
    const refused = isRefusal(error);
    const rejected = refused ? new Set(parts.keys()) : new Set(this.calls);
    if (!refused && !this.away && !this.closed) {
      this.away = true;
      this.options.log.warn({ reason }, `kafka: messages cannot be stored (${reason})`);
    }
    for (const call of rejected)
      call.reject(new Error(`Kafka did not store the messages: ${reason}`, { cause: error }));
    this.calls = this.calls.filter((call) => !rejected.has(call));
  }

  private async send({ messages, bytes }: Chunk): Promise<void> {
    const grouped = Map.groupBy(messages, ({ topic }) => topic);
    const topicMessages = [...grouped].map(([topic, of]): TopicMessages => ({ topic, messages: of.map(toKafka) }));
    const gzip = this.settings.compression === 'gzip' && bytes > PACKED_FROM;
    await within(this.settings.publishTimeoutMs, this.store(topicMessages, gzip), 'storing the messages');
  }

  private async store(topicMessages: TopicMessages[], gzip: boolean): Promise<void> {
    const known = this.options.topology.flatMap(({ sources }) => sources.map(({ topic }) => topic));
    // Before anything is waited for: with its line, a send that is given up ends too.
    const line = (this.line ??= this.newLine());
    await this.topics.ensure([...topicMessages.map(({ topic }) => topic), ...known]);
    await line.connected;
    line.acknowledgement.begin();
    const stored = await line.producer.sendBatch({
      topicMessages,
      acks: -1,
      timeout: 5_000,
      compression: gzip ? CompressionTypes.GZIP : CompressionTypes.None,
    });
    line.acknowledgement.check(stored);
  }

  private newLine(): Line {
    const client = new Client(this.settings, this.options.instance, this.options.log);
    const acknowledgement = new Acknowledgement();
    const producer = client.kafka.producer({
      idempotent: true,
      allowAutoTopicCreation: false,
      createPartitioner: acknowledgement.partitioner,
    });
    const connected = producer.connect();
    connected.catch(() => {});
    return { client, producer, connected, acknowledgement };
  }

  /** After a failed send nobody knows which sequence numbers the broker has seen: the next send starts with a producer of its own. */
  private giveUp(error: unknown): string {
    const line = this.line;
    this.line = undefined;
    this.topics.forget();
    line?.client.connections.cut();
    return line?.client.reason(error) ?? (error instanceof Error ? error.message : String(error));
  }
}

const tooLarge = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']);
const refusals = new Set([...tooLarge, 'INVALID_RECORD', 'CORRUPT_MESSAGE']);

/** Refused together; each of them may be small enough. */
function isTooMuch({ messages }: Chunk, error: unknown): boolean {
  return messages.length > 1 && isRefusal(error, tooLarge);
}

function isRefusal(error: unknown, types = refusals): boolean {
  for (let inner = error; inner instanceof Error; inner = inner.cause) {
    if (types.has((inner as { type?: string }).type ?? '')) return true;
  }
  return false;
}
