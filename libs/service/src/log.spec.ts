import { describe, expect, it } from 'vitest';
import { createLog } from './log.js';

function written(write: (log: ReturnType<typeof createLog>) => void): Record<string, unknown> & { text: string } {
  const lines: string[] = [];
  write(createLog({ service: 'order', LOG_LEVEL: 'info' }, { write: (line) => void lines.push(line) }));
  return { ...(JSON.parse(lines[0]!) as object), text: lines.join('') };
}

describe('a line of the log', () => {
  it('tells service, level, time and what happened', () => {
    const line = written((log) => log.info({ event: 'event_processed', order_id: '1' }, 'order.placed processed'));
    expect(line).toMatchObject({
      service: 'order',
      level: 'info',
      event: 'event_processed',
      order_id: '1',
      message: 'order.placed processed',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    });
  });

  it.each([
    ['a mail address', 'to ada.l+shop@mail.example.com, twice', 'to [mail], twice'],
    ['a card token', 'the provider refused tok_visa', 'the provider refused [token]'],
    ['a password in an address', 'amqp://user:secret@rabbit:5672 is away', 'amqp://[redacted]@rabbit:5672 is away'],
    ['a bearer token', 'sent Bearer abc.def-123=', 'sent Bearer [redacted]'],
  ])('leaves out %s, wherever it stands', (_, said, kept) => {
    expect(written((log) => log.warn({ error: said }, said))).toMatchObject({ error: kept, message: kept });
  });

  it('is looked through once, however long a word in it is', () => {
    const word = 'x'.repeat(300_000);
    expect(written((log) => log.warn(`${word} of ada@example.com`))).toMatchObject({ message: `${word} of [mail]` });
  });

  it.each([
    ['a field', { paymentToken: 'card' }, { paymentToken: '[redacted]' }],
    [
      'a field far within',
      { asked: [{ customer: { email: 'a' } }] },
      { asked: [{ customer: { email: '[redacted]' } }] },
    ],
    ['several values', { headers: { authorization: ['a', 'b'] } }, { headers: { authorization: '[redacted]' } }],
  ])('leaves out what is secret by its name: %s', (_, fields, kept) => {
    const line = written((log) => log.info(fields, 'an order'));
    expect(line).toMatchObject({ ...kept, message: 'an order' });
    expect(line.text).toMatch(/^[^\n]+\n$/);
  });

  it('tells of an error its words, its stack and its cause, and not the values of a statement', () => {
    const cause = Object.assign(new Error('duplicate key'), { detail: 'Key (name)=(Lovelace) exists', code: '23505' });
    const error = Object.assign(new Error('query failed', { cause }), { parameters: ['Lovelace'] });
    const line = written((log) => log.error({ err: error }, 'the service failed'));
    expect(line['err']).toMatchObject({
      message: 'query failed',
      stack: expect.stringContaining('log.spec'),
      cause: { message: 'duplicate key', code: '23505' },
    });
    expect(line.text).not.toContain('Lovelace');
  });
});
