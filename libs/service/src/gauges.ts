import { metrics, type BatchObservableResult } from '@opentelemetry/api';
import type { DataSource } from 'typeorm';
import { DeadLetterView } from '#libs/inbox';
import type { Transport } from '#libs/messaging';
import { look, soon } from './patience.js';
import type { Settings } from './settings.js';

interface Pool {
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
}

interface Depths {
  readonly outbox: number;
  readonly outbox_age: number;
  readonly waiting_commands: number;
  readonly waiting_events: number;
  readonly waiting_keys: number;
  readonly oldest_waiting: number;
}

const DEPTHS = `select
  (select count(*)::int from outbox) as outbox,
  (select coalesce(extract(epoch from now() - min(created_at)), 0)::float8 from outbox) as outbox_age,
  (select count(*)::int from due where kind = 'command') as waiting_commands,
  (select count(*)::int from due where kind = 'event') as waiting_events,
  (select count(distinct key)::int from due where kind = 'event') as waiting_keys,
  (select coalesce(extract(epoch from now() - min(created_at)), 0)::float8 from due) as oldest_waiting`;

export interface Observed {
  readonly settings: Settings;
  readonly database: DataSource;
  readonly transport: Transport;
  /** Whether events can arrive. */
  readonly isReady: () => boolean;
  /** Types of the messages that are handled here. */
  readonly types: () => readonly string[];
}

/**
 * What is looked up when `/metrics` is asked: depths and ages in the database, the store's backlog of this service, the pool.
 * What does not answer soon is left out: the rest is needed most just then.
 */
export function observeGauges({ settings, database, transport, isReady, types }: Observed): void {
  const meter = metrics.getMeter('farandole.service');
  const gauge = (name: string, description: string, unit: string) =>
    meter.createObservableGauge(name, { description, unit });
  const depths = {
    outbox: gauge('farandole.outbox.depth', 'Events stated and not yet confirmed by the broker', '{message}'),
    outbox_age: gauge('farandole.outbox.age', 'Age of the oldest of them', 's'),
    waiting_commands: gauge('farandole.due.commands', 'Commands that wait', '{message}'),
    waiting_events: gauge(
      'farandole.due.events',
      'Events that wait to be tried again, or behind one that does',
      '{message}',
    ),
    waiting_keys: gauge('farandole.due.keys', 'Keys of which an event waits', '{key}'),
    oldest_waiting: gauge('farandole.due.age', 'Age of the oldest work that waits', 's'),
  };
  const deadLetters = gauge('farandole.dead_letters', 'Messages set aside and not dealt with', '{message}');
  const backlog = gauge('farandole.backlog', 'Messages stored in the broker and not yet settled', '{message}');
  const pool = gauge('farandole.db.pool', 'Connections of the pool, and who waits for one', '{connection}');

  const ready = gauge('farandole.ready', 'Whether the service is subscribed and its database answers', '1');

  const readDepths = look(() => database.query<Depths[]>(DEPTHS));
  const countDeadLetters = look(() => new DeadLetterView(database.manager).counts());
  const readBacklog = look(() => transport.backlog());

  /** Of each type that is handled here, none included; a sender's mistake makes no label. */
  const observeDeadLetters = async (result: BatchObservableResult) => {
    const known = new Map([...types(), 'other'].map((type) => [type, 0]));
    const counts = await countDeadLetters().catch(() => undefined);
    if (!counts) return;
    for (const [type, count] of counts) {
      const label = known.has(type) ? type : 'other';
      known.set(label, (known.get(label) ?? 0) + count);
    }
    for (const [type, count] of known) result.observe(deadLetters, count, { 'farandole.message.type': type });
  };

  const observeReady = async (result: BatchObservableResult) => {
    const answers = await soon(database.query('select 1')).then(
      () => true,
      () => false,
    );
    result.observe(ready, answers && isReady() ? 1 : 0);
  };

  const observeDepths = async (result: BatchObservableResult) => {
    const [row] = await readDepths().catch(() => []);
    if (row) for (const [name, one] of Object.entries(depths)) result.observe(one, row[name as keyof Depths]);
  };

  const observeBacklog = async (result: BatchObservableResult) => {
    for (const { service, lane = 'all', messages } of await readBacklog().catch(() => [])) {
      if (service === settings.CONSUMER_GROUP) result.observe(backlog, messages, { service, lane });
    }
  };

  const observe = async (result: BatchObservableResult) => {
    const { totalCount, idleCount, waitingCount } = (database.driver as unknown as { master: Pool }).master;
    result.observe(pool, totalCount - idleCount, { state: 'used' });
    result.observe(pool, idleCount, { state: 'idle' });
    result.observe(pool, waitingCount, { state: 'waiting' });
    await Promise.all([
      observeReady(result),
      observeDepths(result),
      observeDeadLetters(result),
      observeBacklog(result),
    ]);
  };
  meter.addBatchObservableCallback(observe, [...Object.values(depths), deadLetters, backlog, pool, ready]);
}
