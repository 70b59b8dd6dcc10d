import { v7 as uuidv7 } from 'uuid';
import type { EntityManager } from 'typeorm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { OrderPlaced, type Envelope } from '#libs/contracts';
import { On, Reactions } from '#libs/messaging';
import { send } from '#libs/outbox';
import { effectsOf, startWithEffects } from '../testing/effects.js';
import type { TestedService } from '../testing/index.js';
import { placed } from '../testing/placed.js';

let failsOnce: string | undefined;
/** The statement that fails is the last one, and its answer is not waited for. */
let failsUnanswered = false;

@Reactions({ service: 'inventory' })
class Probe {
  @On(OrderPlaced, { retry: { baseMs: 1, attempts: 3 } })
  async react({ data: { paymentToken: token } }: Envelope<typeof OrderPlaced>, tx: EntityManager) {
    const step = (name: string, manager = tx) =>
      manager.query('insert into effect (token) values ($1)', [`${token} ${name}`]);
    await step('begins');
    if (token === 'doubtful') {
      const regretted = tx.transaction(async (inner) => {
        await step('regrets', inner);
        throw new Error('regretted');
      });
      await regretted.catch((error: Error) => {
        if (error.message !== 'regretted') throw error;
      });
    }
    if (token === failsOnce) {
      failsOnce = undefined;
      if (!failsUnanswered) throw new Error('not yet');
      await send(tx, 'insert into effect (token) select (1 / $1::int)::text', [0]);
    }
    await step('ends');
  }
}

describe.each([
  ['that keep to their key', true],
  ['that may touch anything', false],
])('reactions %s, in one transaction', (_, perKey) => {
  let service: TestedService;

  beforeAll(async () => {
    service = await startWithEffects(Probe, { perKey });
  });
  afterEach(() => service.query('truncate effect'));
  afterAll(() => service.close());

  const steps = () => effectsOf(service);

  it(perKey ? 'take turns at each statement' : 'run one after the other', async () => {
    await service.deliver([placed('one'), placed('two')]);
    expect(await steps()).toEqual(
      perKey
        ? ['one begins', 'two begins', 'one ends', 'two ends']
        : ['one begins', 'one ends', 'two begins', 'two ends'],
    );
  });

  it('run one after the other where their key is the same', async () => {
    const orderId = uuidv7();
    await service.deliver([placed('one', orderId), placed('two', orderId)]);
    expect(await steps()).toEqual(['one begins', 'one ends', 'two begins', 'two ends']);
  });

  it.each([
    ['fails', false],
    ['fails at its end, by a statement whose answer nobody waits for', true],
  ])('leave nothing of one that %s, and all of the others', async (_how, unanswered) => {
    failsOnce = 'fails';
    failsUnanswered = unanswered;
    await service.deliver([placed('before'), placed('fails'), placed('after')]);
    const expected = ['after', 'before', 'fails'].flatMap((token) => [`${token} begins`, `${token} ends`]);
    expect((await steps()).toSorted()).toEqual(expected);
  });

  it('may roll back a part of what they did, and nothing of the others with it', async () => {
    await service.deliver([placed('doubtful'), placed('sure')]);
    const expected = ['doubtful', 'sure'].flatMap((token) => [`${token} begins`, `${token} ends`]);
    expect((await steps()).toSorted()).toEqual(expected);
    expect(await service.query('select from dead_letter')).toEqual([]);
  });
});
