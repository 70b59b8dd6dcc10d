import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { OrderCancelled, OrderPlaced, ShipmentCreated } from '#libs/contracts';
import { endsTheSameInAnyOrder, startForTest, type TestedService } from '#libs/service/testing';
import { freshDatabase, type FreshDatabase } from '../../../tools/postgres/testing.js';
import { startSmtpServer, type TestSmtpServer } from '../testing/smtp-server.js';
import { NotificationModule } from './notification.module.js';

describe('notification, told any story in any order, any number of times', () => {
  let database: FreshDatabase;
  let service: TestedService;
  let server: TestSmtpServer;

  beforeAll(async () => {
    server = await startSmtpServer();
    database = await freshDatabase();
    service = await startForTest(NotificationModule, { url: database.url, variables: { SMTP_URL: server.url } });
  });
  afterAll(async () => {
    await service?.close();
    await server?.close();
    await database?.drop();
  });

  const customer = { name: 'Ada Lovelace', email: 'ada@example.com' };
  const placed = (orderId: string) =>
    OrderPlaced({
      orderId,
      customer,
      lines: [{ sku: 'mug-blue', quantity: 2, unitPriceCents: 1_200 }],
      totalCents: 2_400,
      shippingAddress: { street: '1 Main St', city: 'London', postalCode: 'N1', country: 'GB' },
      paymentToken: 'tok_visa',
    });
  const shipped = (orderId: string) =>
    ShipmentCreated({ orderId, shipmentId: uuidv7(), carrier: 'Royal Mail', trackingNumber: 'RM1234' });
  const cancelled = (orderId: string) => OrderCancelled({ orderId, reason: 'out_of_stock', customer });

  it('ends as when told tidily, in the letters that arrived too', async () => {
    await endsTheSameInAnyOrder(service, {
      stories: {
        completed: (id) => [placed(id), shipped(id)],
        cancelled: (id) => [placed(id), cancelled(id)],
        underWay: (id) => [placed(id)],
      },
      stateOf: async (orderId) => ({
        facts: await service.query('select customer, shipment from correspondence where order_id = $1', [orderId]),
        letters: await service.query('select kind from letter where order_id = $1 order by kind', [orderId]),
        received: server
          .about(orderId)
          .map(({ subject, recipients }) => `${subject.split(' (')[0]} to ${recipients.join()}`)
          .toSorted(),
      }),
      differing: ['messageId'],
      runs: 15,
    });
  });
});
