import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OrderPlaced } from '#libs/contracts';
import { Breakers } from '#libs/service';
import { envelopeOf, startForTest, type TestedService } from '#libs/service/testing';
import { freshDatabase, type FreshDatabase } from '../../../tools/postgres/testing.js';
import { startSmtpServer, type Refusal, type TestSmtpServer } from '../testing/smtp-server.js';
import { NotificationModule } from './notification.module.js';
import { SmtpPost } from './smtp-post.js';

const MIN_CALLS = 10;

describe('notification, while the mail server is down or takes nothing from us', () => {
  let database: FreshDatabase;
  let service: TestedService;
  let server: TestSmtpServer;

  beforeAll(async () => {
    server = await startSmtpServer();
    database = await freshDatabase();
    const variables = {
      SMTP_URL: server.url,
      BREAKER_MIN_CALLS: String(MIN_CALLS),
      BREAKER_OPEN_MS: '300',
      BREAKER_MAX_OPEN_MS: '300',
    };
    service = await startForTest(NotificationModule, { url: database.url, variables });
  });
  afterAll(async () => {
    await service?.close();
    await server?.close();
    await database?.drop();
  });

  const placed = (orderId: string, email = `${orderId}@example.com`) =>
    envelopeOf(
      OrderPlaced({
        orderId,
        customer: { name: 'Ada Lovelace', email },
        lines: [{ sku: 'mug-blue', quantity: 2, unitPriceCents: 1_200 }],
        totalCents: 2_400,
        shippingAddress: { street: '1 Main St', city: 'London', postalCode: 'N1', country: 'GB' },
        paymentToken: 'tok_visa',
      }),
    );
  const health = async () => {
    const response = await fetch(`${service.http}/health/ready`);
    const { checks } = (await response.json()) as { checks: Record<string, object> };
    return { http: response.status, smtp: checks['smtp'] };
  };

  it.each<Refusal>([
    { at: 'DATA', code: 421, text: 'Service not available' },
    { at: 'MAIL FROM', code: 530, text: '5.7.0 Authentication required' },
    { at: 'MAIL FROM', code: 553, text: 'sender not allowed' },
    { at: 'RCPT TO', code: 530, text: 'Must issue a STARTTLS command first' },
    { at: 'RCPT TO', code: 554, text: '5.7.1 <ada@example.com>: Relay access denied' },
    { at: 'RCPT TO', code: 554, text: '5.7.1 <ada@example.com>: Recipient address rejected: Access denied' },
    {
      at: 'RCPT TO',
      code: 451,
      text: '4.3.5 <ada@example.com>: Recipient address rejected: Server configuration problem',
    },
    { at: 'RCPT TO', code: 450, text: '4.3.2 Service currently unavailable' },
    { at: 'DATA', code: 450, text: '4.7.1 try again later' },
  ])('lets letters wait while $at is answered $code $text, and sends each once afterwards', async (refusal) => {
    server.refuseAll(refusal);
    const orders = Array.from({ length: 2 * MIN_CALLS }, () => uuidv7());
    const delivered = service.deliver(orders.map((orderId) => placed(orderId)));
    await expect.poll(health, { interval: 20 }).toMatchObject({ http: 200, smtp: { status: 'down' } });
    server.refuseAll();
    await delivered;
    expect(await health()).toEqual({ http: 200, smtp: { status: 'up' } });
    expect(orders.map((orderId) => server.about(orderId).length)).toEqual(orders.map(() => 1));
    expect(await service.query('select from dead_letter')).toEqual([]);
  });

  it('does not take the server for down while it refuses a few mailboxes by 5.7.1, and tries them again', async () => {
    const refused = Array.from({ length: MIN_CALLS + 1 }, () => uuidv7());
    server.refuseAll({
      at: 'RCPT TO',
      code: 554,
      text: '5.7.1 <ada@example.com>: Recipient address rejected: Access denied',
    });
    const delivered = service.deliver(refused.map((orderId, n) => placed(orderId, `${n % 4}@example.com`)));
    const failed = () => service.query('select from due where last_error is not null');
    await expect.poll(failed).toHaveLength(refused.length);
    expect(await health()).toEqual({ http: 200, smtp: { status: 'up' } });
    server.refuseAll();
    await delivered;
    expect(refused.map((orderId) => server.about(orderId).length)).toEqual(refused.map(() => 1));
    expect(await service.query('select from dead_letter')).toEqual([]);
  });

  it('keeps no connection to a server for which SMTP_URL asks for a pool', async () => {
    const post = new SmtpPost(`${server.url}?pool=true`, service.get(Breakers));
    await post.take('', { from: 'orders@example.com', to: 'ada@example.com', subject: 'Yours', text: '' });
    await expect.poll(() => server.connections()).toBe(0);
  });

  describe('within the time that it has until it asks for the letter', () => {
    const mail = (text: string) => ({ from: 'orders@example.com', to: 'ada@example.com', subject: 'Yours', text });

    it('takes a server for down that greets and falls silent', async () => {
      const untilDataMs = 300;
      const connections: Socket[] = [];
      const silent = createServer((socket) => {
        connections.push(socket);
        socket.on('error', () => undefined).resume();
        socket.write('220 mail.example.com ESMTP\r\n');
      }).listen(0, '127.0.0.1');
      await once(silent, 'listening');
      const url = `smtp://127.0.0.1:${(silent.address() as AddressInfo).port}`;
      const breakers = service.get(Breakers);
      const post = new SmtpPost(url, breakers, untilDataMs);
      const taken = Array.from({ length: MIN_CALLS + 1 }, (_, n) => post.take('', mail(`letter ${n}`)));
      for (const outcome of await Promise.allSettled(taken)) {
        expect(outcome).toMatchObject({
          reason: { name: 'MailServerUnavailable', message: expect.stringContaining(`${untilDataMs} ms`) },
        });
      }
      expect(breakers.all.map(({ name, state }) => [name, state])).toEqual([['smtp', 'open']]);
      await expect.poll(() => connections.every(({ destroyed }) => destroyed)).toBe(true);
      silent.close();
    });

    it('cuts off no answer to the letter itself', async () => {
      const letter = uuidv7();
      const untilDataMs = 3_000;
      server.answerNext({ lateByMs: untilDataMs + 100 });
      await new SmtpPost(server.url, service.get(Breakers), untilDataMs).take('', mail(letter));
      expect(server.about(letter)).toHaveLength(1);
    });
  });
});
