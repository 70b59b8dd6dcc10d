import { metrics, type BatchObservableResult } from '@opentelemetry/api';
import type { DataSource } from 'typeorm';
import type { Transport } from '#libs/messaging';
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
  readonly dead_letters: number;
}

const DEPTHS = `select
  (select count(*)::int from outbox) as outbox,
  (select coalesce(extract(epoch from now() - min(created_at)), 0)::float8 from outbox) as outbox_age,
  (select count(*)::int from due where kind = 'command') as waiting_commands,
  (select count(*)::int from due where kind = 'event') as waiting_events,
  (select count(distinct key)::int from due where kind = 'event') as waiting_keys,
  (select coalesce(extract(epoch from now() - min(created_at)), 0)::float8 from due) as oldest_waiting,
  (select count(*)::int from dead_letter) as dead_letters`;

export interface Observed {
  readonly settings: Settings;
  readonly database: DataSource;
  readonly transport: Transport;
  /** Whether events can arrive. */
  readonly isReady: () => boolean;
}

/** What is looked up when `/metrics` is asked: depths and ages in the database, the store's backlog of this service, the pool. */
export function observeGauges({ settings, database, transport, isReady }: Observed): void {
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
    dead_letters: gauge('farandole.dead_letters', 'Messages set aside', '{message}'),
  };
  const backlog = gauge('farandole.backlog', 'Messages stored in the broker and not yet settled', '{message}');
  const pool = gauge('farandole.db.pool', 'Connections of the pool, and who waits for one', '{connection}');

  const ready = gauge('farandole.ready', 'Whether the service is subscribed and its database answers', '1');

  const observe = async (result: BatchObservableResult) => {
    const { totalCount, idleCount, waitingCount } = (database.driver as unknown as { master: Pool }).master;
    result.observe(pool, totalCount - idleCount, { state: 'used' });
    result.observe(pool, idleCount, { state: 'idle' });
    result.observe(pool, waitingCount, { state: 'waiting' });
    const [row] = await database.query<Depths[]>(DEPTHS).catch(() => []);
    result.observe(ready, row && isReady() ? 1 : 0);
    if (row) for (const [name, one] of Object.entries(depths)) result.observe(one, row[name as keyof Depths]);
    for (const { service, lane = 'all', messages } of await transport.backlog().catch(() => [])) {
      if (service === settings.CONSUMER_GROUP) result.observe(backlog, messages, { service, lane });
    }
  };
  meter.addBatchObservableCallback(observe, [...Object.values(depths), backlog, pool, ready]);
}
