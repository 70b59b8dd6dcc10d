import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OrderCancelled, OrderPlaced, ShipmentCreated } from '#libs/contracts';
import { envelopeOf, startForTest, type TestedService } from '#libs/service/testing';
import { freshDatabase, type FreshDatabase } from '../../../tools/postgres/testing.js';
import { Mailer } from './mailer.js';
import { NotificationModule } from './notification.module.js';
import { startSmtpServer, type TestSmtpServer } from '../testing/smtp-server.js';

const REACTION_TIMEOUT_MS = 4_000;
const customer = { name: 'Ada Løvelace', email: 'ada@example.com' };

function order(to = customer) {
  const orderId = uuidv7();
  return {
    orderId,
    placed: envelopeOf(
      OrderPlaced({
        orderId,
        customer: to,
        lines: [{ sku: 'mug-blue', quantity: 2, unitPriceCents: 1_200 }],
        totalCents: 2_400,
        shippingAddress: { street: '1 Main St', city: 'London', postalCode: 'N1', country: 'GB' },
        paymentToken: 'tok_visa',
      }),
    ),
    shipped: envelopeOf(
      ShipmentCreated({
        orderId,
        shipmentId: uuidv7(),
        carrier: 'Royal Mail',
        trackingNumber: `RM${orderId.slice(-12)}`,
      }),
    ),
    cancelled: envelopeOf(OrderCancelled({ orderId, reason: 'out_of_stock', customer: to })),
  };
}

describe('notification by SMTP', () => {
  let database: FreshDatabase;
  let service: TestedService;
  let server: TestSmtpServer;
  let variables: Record<string, string>;

  beforeAll(async () => {
    server = await startSmtpServer();
    database = await freshDatabase();
    variables = { SMTP_URL: server.url, REACTION_TIMEOUT_MS: String(REACTION_TIMEOUT_MS) };
    service = await startForTest(NotificationModule, { url: database.url, variables });
  });
  afterAll(async () => {
    await service?.close();
    await server?.close();
    await database?.drop();
  });

  const sentOf = async (orderId: string) =>
    (await service.stated())
      .filter(({ key }) => key === orderId)
      .map(({ data }) => data as { kind: string; messageId: string });
  const kindsOf = async (orderId: string) => (await sentOf(orderId)).map(({ kind }) => kind);
  const show = async (orderId: string) =>
    (await (await fetch(`${service.http}/notifications/${orderId}`)).json()) as Record<string, unknown>;

  it('sends a letter about the order to its customer', async () => {
    const { orderId, placed } = order();
    await service.deliver([placed]);
    const [letter, ...more] = server.about(orderId);
    expect(more).toEqual([]);
    expect(letter?.recipients).toEqual(['ada@example.com']);
    expect(letter?.raw).toContain('Auto-Submitted: auto-generated');
    expect(letter?.raw).toContain('Total: 24.00');
    const [sent] = await sentOf(orderId);
    expect(letter?.raw).toContain(`Message-ID: ${sent?.messageId}`);
    expect(await show(orderId)).toEqual({
      orderId,
      notifications: [{ kind: 'order_placed', status: 'sent', messageId: sent?.messageId, sentAt: expect.any(String) }],
    });
  });

  it('sends the letter about the parcel with the tracking number', async () => {
    const { orderId, placed, shipped } = order();
    await service.deliver([placed]);
    await service.deliver([shipped]);
    expect(await kindsOf(orderId)).toEqual(['order_placed', 'order_shipped']);
    expect(server.about(orderId)[1]?.raw).toContain(shipped.data.trackingNumber);
  });

  it('lets the letter about the parcel wait until the customer is known', async () => {
    const { orderId, placed, shipped } = order();
    await service.deliver([shipped]);
    expect(server.about(orderId)).toEqual([]);
    await service.deliver([placed]);
    expect((await kindsOf(orderId)).toSorted()).toEqual(['order_placed', 'order_shipped']);
    expect(server.about(orderId)).toHaveLength(2);
  });

  it('sends each kind of letter once, however often the facts are told', async () => {
    const { orderId, placed, cancelled } = order();
    await service.deliver([cancelled, placed, placed, { ...placed, id: uuidv7() }]);
    await service.deliver([placed, { ...cancelled, id: uuidv7() }]);
    expect((await kindsOf(orderId)).toSorted()).toEqual(['order_cancelled', 'order_placed']);
    expect(server.about(orderId)).toHaveLength(2);
  });

  it('tries again under the same Message-ID while the server is busy', async () => {
    const { orderId, placed } = order();
    server.answerNext(451, 451);
    await service.deliver([placed]);
    expect(server.about(orderId)).toHaveLength(1);
    expect(await kindsOf(orderId)).toEqual(['order_placed']);
  });

  it('tries again under the same Message-ID when the connection broke before the answer', async () => {
    const { orderId, placed } = order();
    server.answerNext('hang up');
    await service.deliver([placed]);
    const ids = server.about(orderId).map(({ raw }) => /^Message-ID: (.+)$/im.exec(raw)?.[1]);
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(1);
    expect(await kindsOf(orderId)).toEqual(['order_placed']);
  });

  it('sends once when the server takes longer than a reaction may, and the replica that waits stops beside another one', async () => {
    const { orderId, placed } = order();
    const leaving = await startForTest(NotificationModule, { url: database.url, variables });
    server.answerNext({ lateByMs: REACTION_TIMEOUT_MS + 1_000 });
    const delivered = leaving.deliver([placed]).catch(() => undefined);
    await expect.poll(() => server.about(orderId)).toHaveLength(1);
    await leaving.close();
    await delivered;
    await expect.poll(() => service.query('select from due')).toEqual([]);
    expect(server.about(orderId)).toHaveLength(1);
    expect(await kindsOf(orderId)).toEqual(['order_placed']);
  });

  it('sends once when the command is tried again while its letter is under way', async () => {
    const orderId = uuidv7();
    const letter = { orderId, kind: 'order_placed', to: customer, subject: 'Yours', text: orderId } as const;
    const send = () => service.get(Mailer).send(orderId, letter);
    server.answerNext({ lateByMs: 500 });
    const first = send();
    expect([await send(), await send()]).toEqual([await first, await first]);
    expect(server.about(orderId)).toHaveLength(1);
  });

  it('does not send again what was sent when only the recording failed', async () => {
    const { orderId, placed } = order();
    await service.query(
      "create function refuse() returns trigger language plpgsql as $$ begin raise exception 'disk full'; end $$",
    );
    await service.query('create trigger refuse before insert on letter for each row execute function refuse()');
    const delivered = service.deliver([placed]);
    await expect.poll(() => server.about(orderId)).toHaveLength(1);
    await expect.poll(() => service.query('select from due where last_error is not null')).toHaveLength(1);
    await service.query('drop function refuse cascade');
    await delivered;
    expect(server.about(orderId)).toHaveLength(1);
    expect(await kindsOf(orderId)).toEqual(['order_placed']);
  });

  it('sets aside a letter that the server refuses for good, and goes on with the others', async () => {
    const nobody = order({ name: 'Nobody', email: 'nobody@example.com' });
    const somebody = order();
    server.refuse('nobody@example.com');
    await service.deliver([nobody.placed, somebody.placed]);
    expect(await kindsOf(nobody.orderId)).toEqual([]);
    expect(await kindsOf(somebody.orderId)).toEqual(['order_placed']);
    const letters = await service.query('select reason from dead_letter where key = $1', [nobody.orderId]);
    expect(letters).toEqual([{ reason: 'hopeless' }]);
  });

  it('lets nobody smuggle a header in by a name', async () => {
    const { orderId, placed } = order({ name: 'Eve\r\nBcc: all@example.com', email: 'eve@example.com' });
    await service.deliver([placed]);
    const [letter] = server.about(orderId);
    expect(letter?.recipients).toEqual(['eve@example.com']);
    expect(letter?.raw.split('\r\n\r\n')[0]).not.toMatch(/^Bcc:/im);
  });

  it('answers 404 for an order it has not heard of, and 400 for what is no id', async () => {
    expect(await show(uuidv7())).toMatchObject({ status: 404, type: expect.stringContaining('unknown-order') });
    expect(await show('abc')).toMatchObject({ status: 400 });
  });
});

describe('notification without a mail server', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mail-'));
  let database: FreshDatabase;
  let service: TestedService;

  beforeAll(async () => {
    database = await freshDatabase();
    service = await startForTest(NotificationModule, {
      url: database.url,
      variables: { MAIL_DIR: join(folder, 'mail') },
    });
  });
  afterAll(async () => {
    await service?.close();
    await database?.drop();
    rmSync(folder, { recursive: true });
  });

  it('writes one .eml file for each letter and nothing else', async () => {
    const { orderId, placed, shipped } = order();
    await service.deliver([placed, shipped]);
    const files = readdirSync(join(folder, 'mail'));
    expect(files).toHaveLength(2);
    for (const { data } of await service.stated()) {
      const { messageId } = data as { messageId: string };
      const [id] = messageId.slice(1).split('@');
      const text = readFileSync(join(folder, 'mail', `${id}.eml`), 'utf8');
      expect(text).toContain(`Message-ID: ${messageId}`);
      expect(text).toContain('To: ');
      expect(text).toContain(orderId);
    }
  });

  it('refuses to start with a variable that cannot be right, and names it', async () => {
    const start = (variables: Record<string, string>) =>
      startForTest(NotificationModule, { url: database.url, variables });
    await expect(start({ SMTP_URL: 'mail.example.com:25' })).rejects.toThrow(/^SMTP_URL: /);
    await expect(start({ MAIL_FROM: 'Farandole' })).rejects.toThrow(/^MAIL_FROM: /);
    await expect(start({ MAIL_DIR: '/dev/null/mail' })).rejects.toThrow(/^MAIL_DIR: /);
  });
});
