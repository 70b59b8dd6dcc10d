import { randomBytes } from 'node:crypto';
import { v7 } from 'uuid';
import type { OutgoingMessage, Publisher, Subscription, Transport, TransportLog } from '../src/index.js';
import { within } from './eventually.js';
import type { Recorder } from './recorder.js';
import type { Rig } from './rig.js';

/** Services by the types they subscribe to. */
export type Cast = Readonly<Record<string, readonly string[]>>;

export interface Replica {
  readonly transport: Transport;
  /** As a process that ends in order. */
  leave(): Promise<void>;
  /** As a process that is killed. */
  crash(): Promise<void>;
}

/** One test's own topic, types and services, so that no test sees another's messages. */
export class Scene {
  readonly lines: string[] = [];
  private readonly name = `t${randomBytes(4).toString('hex')}`;
  private readonly topology: readonly Subscription[];
  private readonly closings: (() => Promise<void>)[] = [];
  private replicas = 0;
  private undo: (() => Promise<void> | undefined) | undefined;

  constructor(
    readonly rig: Rig,
    private readonly cast: Cast = { reader: ['happened'] },
  ) {
    this.topology = Object.keys(cast).map((service) => this.subscriptionOf(service));
  }

  async connect(options: { maxBatch?: number; instance?: string } = {}): Promise<Transport> {
    const instance = options.instance ?? `${this.name}-${++this.replicas}`;
    const { maxBatch = 50 } = options;
    return this.rig.connect({ topology: this.topology, maxBatch, instance, log: this.logOf(instance) });
  }

  async publisher(): Promise<Publisher> {
    const transport = await this.connect();
    const publisher = await transport.publisher();
    this.closings.push(async () => {
      await publisher.close();
      await transport.close();
    });
    return publisher;
  }

  /** Another replica of the service joins; resolves once deliveries can arrive. */
  async join(
    recorder: Recorder,
    options: { service?: string; subscription?: Subscription; maxBatch?: number } = {},
  ): Promise<Replica> {
    const instance = `${this.name}-${++this.replicas}`;
    const transport = await this.connect({ ...options, instance });
    const subscriber = await transport.subscriber();
    const killed = Promise.withResolvers<never>();
    killed.promise.catch(() => {});
    let gone = false;
    const leave = async () => {
      if (gone) return;
      gone = true;
      await subscriber.close();
      await transport.close();
    };
    const crash = async () => {
      gone = true;
      dead = true;
      await this.rig.crash(transport);
      killed.reject(new Error('this replica was killed'));
    };
    let dead = false;
    this.closings.push(leave);
    const subscription = options.subscription ?? this.subscriptionOf(options.service ?? 'reader');
    await subscriber.subscribe(subscription, (batch) =>
      dead ? killed.promise : recorder.handle(batch, instance, killed.promise),
    );
    return { transport, leave, crash };
  }

  typeOf(short: string): string {
    return `${this.name}.${short}`;
  }

  serviceOf(short: string): string {
    return `${this.name}-${short}`;
  }

  message(over: Partial<OutgoingMessage> = {}): OutgoingMessage {
    const { type = 'happened', ...rest } = over;
    const [id, topic] = [v7(), `${this.name}.events`];
    const headers = { specversion: '1.0', id, type: this.typeOf(type) };
    return { id, topic, type: this.typeOf(type), key: 'k', headers, body: Buffer.from('{}'), ...rest };
  }

  /** Messages spread over the keys in turn: a, b, c, a, b, c, … */
  messages(count: number, keys = 10, over: Partial<OutgoingMessage> = {}): OutgoingMessage[] {
    return Array.from({ length: count }, (_, n) =>
      this.message({ key: `key-${n % keys}`, body: Buffer.from(JSON.stringify({ n })), ...over }),
    );
  }

  async killStore(): Promise<void> {
    this.undo = () => this.rig.restart?.();
    await this.rig.kill?.();
  }

  async breakNetwork(how: 'cut' | 'hang'): Promise<void> {
    this.undo = () => this.rig.network?.restore();
    await this.rig.network?.[how]();
  }

  /** The store and the network to it are as they were. */
  async heal(): Promise<void> {
    await this.undo?.();
    this.undo = undefined;
  }

  async end(): Promise<void> {
    await this.heal();
    await within(60_000, 'closing', Promise.all(this.closings.map((close) => close())));
  }

  /** What a service of the cast reacts to, on behalf of it or of another group. */
  subscriptionOf(service: string, group = service): Subscription {
    const sources = (this.cast[service] ?? []).map((type) => ({
      topic: `${this.name}.events`,
      type: this.typeOf(type),
    }));
    return { service: this.serviceOf(group), sources };
  }

  private logOf(instance: string): TransportLog {
    const note = (level: string) => (fields: object, line: string) => {
      const text = JSON.stringify(fields, (_, value: unknown) => (value instanceof Error ? value.message : value));
      this.lines.push(`${new Date().toISOString()} ${level} ${instance} ${line} ${text}`);
    };
    return { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') };
  }
}

/** Publishes as the relay does: in order, in chunks, each again until the store has it. */
export async function publishSurely(
  publisher: Publisher,
  messages: readonly OutgoingMessage[],
  chunk = 50,
): Promise<void> {
  for (let from = 0; from < messages.length; from += chunk) {
    const part = messages.slice(from, from + chunk);
    while (!(await resolves(publisher.publish(part)))) await new Promise((resume) => setTimeout(resume, 50));
  }
}

export function resolves(promise: Promise<unknown>): Promise<boolean> {
  return promise.then(
    () => true,
    () => false,
  );
}
