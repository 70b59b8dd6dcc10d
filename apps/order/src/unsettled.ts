import type { EntityManager } from 'typeorm';
import type { StrainGauge } from '#libs/service';
import type { OrderVariables } from './variables.js';

/**
 * What was placed and is not settled is all that the system has to do, wherever it waits: in an outbox, in the broker, behind a retry, for a provider that
 * is down. So nobody has to tell this service that he is behind. Orders past their deadline are left out: they are stuck, and would stop the shop.
 */
export function tooManyUnsettled(
  database: EntityManager,
  { ORDERS_MAX_UNSETTLED: most, ORDER_DEADLINE_MS: deadlineMs }: OrderVariables,
): StrainGauge {
  return {
    reason: 'unsettled',
    async find() {
      const [row]: { many: boolean }[] = await database.query(
        `select exists (
           select from orders where settled_at is null and stored_at > now() - $2 * interval '1 ms' offset $1) as many`,
        [most, deadlineMs],
      );
      return row?.many ? `${most} orders are under way already` : undefined;
    },
  };
}
