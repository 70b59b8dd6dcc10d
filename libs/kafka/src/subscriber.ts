import { Backoff, type HandleBatch, type Subscriber, type Subscription, type TransportOptions } from '#libs/messaging';
import { Client } from './client.js';
import { GroupMember } from './group-member.js';
import type { ResolvedSettings } from './settings.js';
import type { Topics } from './topics.js';

/** Keeps one member of the service's group alive: whatever ends it, another takes its place, until closed. */
export class KafkaSubscriber implements Subscriber {
  private readonly closing = new AbortController();
  private readonly closed = aborted(this.closing.signal);
  private client: Client | undefined;
  private member: GroupMember | undefined;
  private abandoned: Promise<void> = Promise.resolve();
  private keeping: Promise<void> | undefined;
  private partitions = 'none';

  constructor(
    private readonly settings: ResolvedSettings,
    private readonly options: TransportOptions,
    private readonly topics: Topics,
  ) {}

  async subscribe(subscription: Subscription, handle: HandleBatch): Promise<void> {
    if (this.keeping) throw new Error('a subscriber serves one subscription');
    if (subscription.sources.length === 0) return;
    await new Promise<void>((resolve) => {
      this.keeping = this.keep(subscription, handle, resolve).finally(resolve);
    });
  }

  async close(): Promise<void> {
    this.closing.abort();
    const { member, client } = this;
    if (member && client) {
      await member.finish();
      await client.end(() => member.leave());
    }
    client?.connections.cut();
    await this.keeping;
    await this.abandoned;
  }

  /** As the end of the process would. */
  abort(): void {
    this.closing.abort();
    this.client?.connections.cut();
    void this.member?.abandon();
  }

  private async keep(subscription: Subscription, handle: HandleBatch, ready: () => void): Promise<void> {
    const { service } = subscription;
    const { log } = this.options;
    const backoff = new Backoff(250, 5_000);
    let away = false;
    const joined = (partitions: Readonly<Record<string, readonly number[]>>) => {
      backoff.reset();
      if (away) log.info({ service }, `kafka: ${service} reads again`);
      away = false;
      this.tell(service, partitions);
      ready();
    };
    while (!this.closing.signal.aborted) {
      const client = (this.client = new Client(this.settings, this.options.instance, log));
      try {
        await this.serve(client, subscription, handle, joined);
      } catch (error) {
        client.connections.cut();
        if (this.closing.signal.aborted) return;
        const reason = client.reason(error);
        log[away ? 'debug' : 'warn'](
          { service, reason },
          `kafka: ${service} cannot read (${reason}); it tries until it can`,
        );
        away = true;
      }
      await backoff.pause(this.closing.signal);
    }
  }

  /** Returns when closed, throws when the member is lost. */
  private async serve(
    client: Client,
    subscription: Subscription,
    handle: HandleBatch,
    joined: (partitions: Readonly<Record<string, readonly number[]>>) => void,
  ): Promise<void> {
    const { settings, options, closing, closed } = this;
    const { maxBatch, log, topology } = options;
    const topics = [subscription, ...topology].flatMap(({ sources }) => sources.map(({ topic }) => topic));
    await Promise.race([this.topics.ensure(topics), closed]);
    if (closing.signal.aborted) return;
    const before = this.abandoned;
    const member = new GroupMember(client, { settings, subscription, maxBatch, handle, log, joined }, before);
    this.member = member;
    try {
      await Promise.race([member.start(), member.crashed, closed]);
      await Promise.race([member.crashed, closed]);
    } catch (error) {
      this.member = undefined;
      this.abandoned = Promise.all([before, member.abandon()]).then(() => {});
      this.topics.forget();
      throw error;
    }
  }

  private tell(service: string, assigned: Readonly<Record<string, readonly number[]>>): void {
    const numbers = [...new Set(Object.values(assigned).flat())].toSorted((a, b) => a - b).join(', ') || 'none';
    if (numbers === this.partitions) return;
    this.partitions = numbers;
    const { log, instance } = this.options;
    log.info(
      { service, instance, partitions: assigned },
      `kafka: ${service} (${instance}) reads partitions: ${numbers}`,
    );
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
