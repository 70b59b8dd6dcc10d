/* POST /orders without anything but Fastify, the schema and two prepared statements. Told a database, it answers with its address. */
import { fastify } from 'fastify';
import { randomUUID, randomUUIDv7 } from 'node:crypto';
import { Pool } from 'pg';
import { OrderRequest } from '../../apps/order/src/order-request.js';
import { price, totalOf, unknownIn } from '../../apps/order/src/products.js';

const pool = new Pool({ connectionString: process.argv[2], max: 10 });
const server = fastify();

server.post('/orders', async (request, reply) => {
  const parsed = OrderRequest.safeParse(request.body);
  if (!parsed.success) return reply.code(400).send(parsed.error.issues);
  const { customer, lines, shippingAddress, paymentToken } = parsed.data;
  const unknown = unknownIn(lines);
  if (unknown.length > 0) return reply.code(422).send(unknown);
  const priced = price(lines);
  const order = {
    orderId: randomUUIDv7(),
    correlationId: randomUUID(),
    totalCents: totalOf(priced),
    placedAt: new Date(),
  };
  await store({ ...order, customer, lines: priced, shippingAddress, paymentToken });
  return reply.code(202).header('location', `/orders/${order.orderId}`).send(order);
});

async function store(order: {
  orderId: string;
  correlationId: string;
  totalCents: number;
  placedAt: Date;
  customer: unknown;
  lines: unknown;
  shippingAddress: unknown;
  paymentToken: string;
}): Promise<void> {
  const { orderId, correlationId, placedAt, totalCents, customer, lines, shippingAddress } = order;
  const client = await pool.connect();
  try {
    await client.query('begin');
    await client.query({
      name: 'order',
      text: `insert into orders (id, correlation_id, placed_at, total_cents, customer, lines, shipping_address, history)
             values ($1, $2, $3, $4, $5, $6, $7, $8)`,
      values: [orderId, correlationId, placedAt, totalCents, customer, JSON.stringify(lines), shippingAddress, '[]'],
    });
    await client.query({
      name: 'outbox',
      text: 'insert into outbox (message_id, topic, type, key, headers, body) values ($1, $2, $3, $4, $5, $6)',
      values: [randomUUIDv7(), 'order.events', 'order.placed', orderId, '{}', Buffer.from(JSON.stringify(order))],
    });
    await client.query('commit');
    client.release();
  } catch (error) {
    client.release(true);
    throw error;
  }
}

process.send!(await server.listen({ port: 0, host: '127.0.0.1' }));
