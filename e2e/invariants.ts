import { Client } from 'pg';
import { services } from '../tools/platform/apps.js';
import type { OrderView, StockView, World } from './world.js';

interface BookedCharge {
  readonly status: 'charged' | 'declined';
  readonly amountCents: number;
  readonly refunds: readonly { readonly amountCents: number }[];
}

interface Letter {
  readonly kind: string;
  readonly status: string;
}

/** What was on the shelves before: goods are conserved from here on. */
export async function stockOf(world: World): Promise<ReadonlyMap<string, StockView>> {
  const all = await world.get<StockView[]>('inventory', '/stock');
  return new Map(all.map((one) => [one.sku, one]));
}

/**
 * What must hold of a system at rest, whatever happened on the way there. Returns each violation as a sentence.
 * `before` is the stock before the first of `orderIds`; only these orders have moved it since.
 */
export async function violations(
  world: World,
  before: ReadonlyMap<string, StockView>,
  orderIds: readonly string[] = world.placed,
): Promise<string[]> {
  const found: string[] = [];
  const orders = await world.untilAllSettled(orderIds);
  await untilQuiet(world);
  for (const order of orders) found.push(...(await violationsOf(order, world)));
  found.push(...(await stockViolations(world, before, orderIds)));
  for (const service of services) {
    const letters = await query<{ type: string; reason: string }>(
      world,
      service,
      `select type, reason from dead_letter where state in ('open', 'replaying')`,
    );
    found.push(...letters.map(({ type, reason }) => `${service} set ${type} aside: ${reason}`));
  }
  return found;
}

async function violationsOf({ orderId, status, reason }: OrderView, world: World): Promise<string[]> {
  const found: string[] = [];
  const expect = (holds: boolean, sentence: string) => {
    if (!holds) found.push(`order ${orderId} (${status}${reason ? `, ${reason}` : ''}): ${sentence}`);
  };
  const { charges } = await world.get<{ charges: BookedCharge[] }>('payment-provider', `/charges?orderId=${orderId}`);
  const charged = charges.filter((charge) => charge.status === 'charged');
  const refunds = charged.flatMap((charge) => charge.refunds);
  expect(status === 'completed' || status === 'cancelled', 'neither completed nor cancelled');
  const shipment = await world.get<{ status: string }>('shipping', `/shipments/${orderId}`);
  const { notifications } = await world.get<{ notifications: Letter[] }>('notification', `/notifications/${orderId}`);
  const letters = notifications.map((letter) => `${letter.kind} ${letter.status}`).toSorted();
  const wanted = [
    'order_placed sent',
    status === 'completed' ? 'order_shipped sent' : 'order_cancelled sent',
  ].toSorted();
  expect(letters.join() === wanted.join(), `letters: ${letters.join(', ')}`);
  expect((shipment.status === 'created') === (status === 'completed'), `its shipment is ${shipment.status}`);
  expect(charged.length <= 1, `charged ${charged.length} times`);
  if (status === 'completed') {
    expect(charged.length === 1, 'completed and not charged');
    expect(refunds.length === 0, 'completed and refunded');
  } else {
    expect(refunds.length === charged.length, `charged ${charged.length} times, refunded ${refunds.length} times`);
  }
  return found;
}

async function stockViolations(world: World, before: ReadonlyMap<string, StockView>, orderIds: readonly string[]) {
  const found: string[] = [];
  const shipped = await query<{ sku: string; quantity: number }>(
    world,
    'order',
    `select line->>'sku' as sku, sum((line->>'quantity')::int)::int as quantity
     from orders, jsonb_array_elements(lines) line where id = any($1) and status = 'completed' group by 1`,
    [orderIds],
  );
  const gone = new Map(shipped.map(({ sku, quantity }) => [sku, quantity]));
  for (const { sku, onHand, reserved } of (await stockOf(world)).values()) {
    const was = before.get(sku)?.onHand ?? 0;
    const left = gone.get(sku) ?? 0;
    if (onHand + left !== was) found.push(`${sku}: ${onHand} on hand and ${left} shipped, of ${was}`);
    if (reserved !== 0) found.push(`${sku}: ${reserved} still reserved`);
  }
  return found;
}

async function untilQuiet(world: World): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (const service of services) {
    for (;;) {
      const [row] = await query<{ n: number }>(
        world,
        service,
        'select ((select count(*) from outbox) + (select count(*) from due))::int as n',
      );
      if (row?.n === 0) break;
      if (Date.now() > deadline) throw new Error(`${service}: ${row?.n} rows left in outbox and due`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

export async function query<Row extends object>(
  world: World,
  service: (typeof services)[number],
  sql: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const client = new Client({ connectionString: world.platform.databaseUrl(service) });
  await client.connect();
  try {
    return (await client.query<Row>(sql, values)).rows;
  } finally {
    await client.end();
  }
}
