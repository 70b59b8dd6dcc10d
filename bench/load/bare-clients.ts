import { connect } from 'amqplib';
import { Kafka, logLevel } from 'kafkajs';
import { choreography } from '#libs/contracts';
import type { OutgoingMessage } from '#libs/messaging';

/** A broker's client alone: nothing but messages that are in memory already, and confirms. */
export interface BareClient {
  /** Resolves once the broker has confirmed every message. */
  publish(messages: readonly OutgoingMessage[]): Promise<void>;
  /** Throws away what nobody has consumed, where that would slow the broker down. */
  empty(): Promise<void>;
  close(): Promise<void>;
}

/** Unconfirmed messages at most. */
const WINDOW = 1_000;
/** Kafka's requests in flight, and messages of one. */
const REQUESTS = 5;
const MESSAGES = 200;

/** amqplib with confirms in a sliding window: persistent, mandatory, no delay, to the exchange that the services publish to. */
export async function bareRabbit(url: string, lanes: number): Promise<BareClient> {
  const connection = await connect(url, { noDelay: true });
  const channel = await connection.createConfirmChannel();
  return {
    async publish(messages) {
      const done = Promise.withResolvers<void>();
      let sent = 0;
      let confirmed = 0;
      const send = () => {
        while (sent < messages.length && sent - confirmed < WINDOW) {
          const { id, type, key, headers, body } = messages[sent++]!;
          const properties = {
            persistent: true,
            mandatory: true,
            messageId: id,
            type,
            headers: { ...headers, partitionkey: key },
          };
          channel.publish('events', type, body, properties, confirm);
        }
      };
      const confirm = (error: Error | null) => {
        confirmed++;
        if (error) done.reject(error);
        else if (confirmed === messages.length) done.resolve();
        else send();
      };
      send();
      await done.promise;
    },
    async empty() {
      for (const { service } of choreography) {
        for (let lane = 0; lane < lanes; lane++) await channel.purgeQueue(`${service}.${lane}`);
      }
    },
    close: () => connection.close(),
  };
}

/** kafkajs with acknowledgements of all replicas, several requests in flight. */
export async function bareKafka(brokers: readonly string[]): Promise<BareClient> {
  const producer = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).producer();
  await producer.connect();
  return {
    async publish(messages) {
      let next = 0;
      const line = async () => {
        while (next < messages.length) {
          const some = messages.slice(next, (next += MESSAGES));
          const records = some.map(({ key, headers, body }) => ({ key, headers: { ...headers }, value: body }));
          await producer.send({ topic: some[0]!.topic, acks: -1, messages: records });
        }
      };
      await Promise.all(Array.from({ length: REQUESTS }, line));
    },
    empty: async () => undefined,
    close: () => producer.disconnect(),
  };
}
