import type { Databases } from './databases.js';
import { chargesByOrder } from './ledger.js';

interface OrderRow {
  readonly id: string;
  readonly status: string;
  readonly reason: string | null;
  readonly settled: boolean;
  readonly total: number;
}

interface Reservation {
  readonly id: string;
  readonly rejected: boolean;
  readonly ending: string | null;
}

/** Of every order there is: how it ended, and that all services and the provider's books agree with that. */
export async function orderViolations(databases: Databases, providerUrl: string, orderIds: readonly string[]) {
  const orders = await databases.query<OrderRow>(
    'order',
    `select id, status, reason, settled_at is not null as settled, total_cents::float8 as total from orders order by id`,
  );
  const reservations = await databases.query<Reservation>(
    'inventory',
    'select order_id as id, rejected, ending from reservation',
  );
  const shipped = await databases.query<{ id: string }>(
    'shipping',
    'select order_id as id from shipment where shipment_id is not null',
  );
  const letters = await databases.query<{ id: string; kind: string }>(
    'notification',
    'select order_id as id, kind from letter order by kind',
  );
  const byOrder = {
    charges: await chargesByOrder(providerUrl),
    reservations: new Map(reservations.map((one) => [one.id, one])),
    shipped: new Set(shipped.map(({ id }) => id)),
    letters: Map.groupBy(letters, ({ id }) => id),
  };
  const known = new Set(orders.map(({ id }) => id));
  const lost = orderIds.filter((id) => !known.has(id)).map((id) => `order ${id} was accepted and is not there`);
  return [...lost, ...orders.flatMap((order) => violationsOf(order, byOrder))];
}

interface ByOrder {
  readonly charges: Awaited<ReturnType<typeof chargesByOrder>>;
  readonly reservations: ReadonlyMap<string, Reservation>;
  readonly shipped: ReadonlySet<string>;
  readonly letters: ReadonlyMap<string, readonly { readonly kind: string }[]>;
}

function violationsOf({ id, status, reason, settled, total }: OrderRow, byOrder: ByOrder): string[] {
  const found: string[] = [];
  const expect = (holds: boolean, sentence: string) => {
    if (!holds) found.push(`order ${id} (${status}${reason ? `, ${reason}` : ''}): ${sentence}`);
  };
  const completed = status === 'completed';
  expect(settled, 'not settled');
  expect(completed || status === 'cancelled', 'neither completed nor cancelled');

  const charged = (byOrder.charges.get(id) ?? []).filter((charge) => charge.status === 'charged');
  const refunds = charged.flatMap((charge) => charge.refunds);
  expect(charged.length <= 1, `charged ${charged.length} times`);
  expect(charged.length === 1 || !completed, 'completed and not charged');
  expect(refunds.length === (completed ? 0 : charged.length), `refunded ${refunds.length} times`);
  expect(
    [...charged, ...refunds].every(({ amountCents }) => amountCents === total),
    `charged or refunded another amount than ${total}`,
  );

  expect(byOrder.shipped.has(id) === completed, completed ? 'not shipped' : 'shipped');
  const reservation = byOrder.reservations.get(id);
  const ending = reservation?.rejected ? 'rejected' : (reservation?.ending ?? 'none');
  const wanted = completed ? 'shipped' : reason === 'out_of_stock' ? 'rejected' : 'released';
  expect(ending === wanted, `the end of its reservation is ${ending}`);

  const letters = (byOrder.letters.get(id) ?? []).map(({ kind }) => kind).join(', ');
  const due = completed ? 'order_placed, order_shipped' : 'order_cancelled, order_placed';
  expect(letters === due, `letters sent: ${letters || 'none'}`);
  return found;
}
