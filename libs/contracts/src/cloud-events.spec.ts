import { describe, expect, it } from 'vitest';
import { decode, encode } from './cloud-events.js';
import { OrderCompleted } from './events.js';
import { MalformedMessage } from './message-type.js';

const headers = { id: 'any', type: 'order.placed' };
const told = (body: string) => {
  try {
    decode(headers, Buffer.from(body));
    return 'nothing';
  } catch (error) {
    expect(error).toBeInstanceOf(MalformedMessage);
    return (error as Error).message;
  }
};

describe('a body that is no JSON', () => {
  it.each([
    ['{"name":"Ada Lovelace"', 'Expected'],
    ['{"name":"Ada Lovelace" "email":"ada@example.com"}', 'Expected'],
    ['{"name":Ada Lovelace}', "Unexpected token 'A'"],
    [`{"street":"1 Main St","name":"Ada Lovelace","note":${'x'.repeat(50)}}`, "Unexpected token 'x'"],
    ['Ada Lovelace', "Unexpected token 'A'"],
    ['undefined', 'it is not valid JSON'],
  ])('is told without what is in it: %s', (body, what) => {
    expect(told(body)).toContain(`the body is not JSON: ${what}`);
    expect(told(body)).not.toMatch(/Ada|Lovelace|Main|example|"/);
  });
});

describe.each(['key', 'correlationId', 'causationId'])('a message whose %s no reader would take', (attribute) => {
  it.each([
    ['', 'Too small'],
    ['a\0b', 'must not contain NUL'],
    ['x'.repeat(513), 'Too big'],
  ])('is not sent', (name, what) => {
    const { type, version, source } = OrderCompleted;
    const message = { id: 'any', type, version, source, time: 'any', key: 'any', correlationId: 'any', data: {} };
    const refused = expect.stringMatching(
      `^order.completed cannot be sent: ✖ ${what}.*\n.* at ${attribute}$`,
    ) as string;
    expect(() => encode({ ...message, [attribute]: name })).toThrow(
      expect.objectContaining({ name: 'MalformedMessage', message: refused }),
    );
  });
});
