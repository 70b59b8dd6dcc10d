import { Module } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { v7 as uuidv7 } from 'uuid';
import type { EntityManager } from 'typeorm';
import { encode, OrderPlaced, type Envelope } from '#libs/contracts';
import { On, Reactions, topicOf, type Transport } from '#libs/messaging';
import { freshDatabase } from '../../../tools/postgres/testing.js';
import { CreateEffect1700000000100, effectsOf } from '../testing/effects.js';
import { startForTest, type TestedService } from '../testing/index.js';
import { placed } from '../testing/placed.js';
import { Service } from './index.js';
import { TRANSPORT } from './tokens.js';

@Reactions({ service: 'inventory' })
class Probe {
  @On(OrderPlaced)
  async note({ data }: Envelope<typeof OrderPlaced>, tx: EntityManager) {
    await tx.query('insert into effect (token) values ($1)', [data.paymentToken]);
  }
}

@Service({ name: 'inventory', title: 'Probe', port: 0, migrations: [CreateEffect1700000000100] })
@Module({ controllers: [Probe] })
class ProbeModule {}

const token = 'a token for this test';

describe('a replay', () => {
  let service: TestedService;
  let drop: () => Promise<void>;
  let from: string;

  beforeAll(async () => {
    const fresh = await freshDatabase();
    drop = fresh.drop;
    service = await startForTest(ProbeModule, { url: fresh.url, variables: { OPS_TOKEN: token } });
    from = new Date().toISOString();
  });

  afterEach(async () => {
    await service.query('truncate effect, dead_letter');
    // The store is this process's: what comes from now on is all that the next test knows of.
    await new Promise((resolve) => setTimeout(resolve, 2));
    from = new Date().toISOString();
  });

  afterAll(async () => {
    await service.close();
    await drop();
  });

  const store = async (...envelopes: Envelope[]) => {
    const transport: Transport = service.get(TRANSPORT as never);
    const publisher = await transport.publisher();
    await publisher.publish(
      envelopes.map((one) => ({ id: one.id, type: one.type, key: one.key, topic: topicOf(one), ...encode(one) })),
    );
  };

  const post = async (path: string, body: object, authorization = `Bearer ${token}`) => {
    const headers = { 'content-type': 'application/json', authorization };
    const response = await fetch(service.http + path, { method: 'POST', headers, body: JSON.stringify(body) });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };

  const effects = () => effectsOf(service);

  const nothing = { stored: 0, fresh: 0, handled: 0, tooOld: 0, setAside: 0 };

  it('hands over what the inbox does not know, once, and in order', async () => {
    const [one, two, three] = [placed('one'), placed('two'), placed('three')];
    await service.deliver([two]);
    await store(one, two, three, one);
    const first = await post('/ops/replay', { service: 'inventory', from });
    expect(first).toMatchObject({ status: 200, body: { service: 'inventory', dryRun: false } });
    expect(first.body['types']).toEqual([{ ...nothing, type: 'order.placed', stored: 4, fresh: 2, handled: 2 }]);
    const second = await post('/ops/replay', { from });
    expect(second.body['types']).toEqual([{ ...nothing, type: 'order.placed', stored: 4, handled: 4 }]);
    expect(await effects()).toEqual(['two', 'one', 'three']);
  });

  it('counts no duplicate for what it did not hand over', async () => {
    const one = placed('one');
    await service.deliver([one]);
    await store(one);
    await post('/ops/replay', { from });
    const response = await fetch(`${service.http}/messages?ids=${one.id}`);
    expect(await response.json()).toMatchObject([{ id: one.id, duplicates: 0 }]);
  });

  it('changes nothing when it is dry', async () => {
    await store(placed('one'));
    const { body } = await post('/ops/replay', { from, dryRun: true });
    expect(body['types']).toEqual([{ ...nothing, type: 'order.placed', stored: 1, fresh: 1 }]);
    expect(await effects()).toEqual([]);
  });

  it('makes no dead letters of what is older than the inbox remembers', async () => {
    await store({ ...placed('old'), id: uuidv7({ msecs: 1 }) });
    const { body } = await post('/ops/replay', { from });
    expect(body['types']).toEqual([{ ...nothing, type: 'order.placed', stored: 1, tooOld: 1 }]);
    expect(await service.query('select * from dead_letter')).toEqual([]);
  });

  it('tells what could not be read', async () => {
    await store({ ...placed('from the future'), version: 99 });
    const { body } = await post('/ops/replay', { from });
    expect(body['types']).toEqual([{ ...nothing, type: 'order.placed', stored: 1, setAside: 1 }]);
  });

  it('feeds a new group once, and under no name of a service', async () => {
    await store(placed('one'), placed('two'));
    const group = { name: 'inventory-again', from };
    const { status, body } = await post('/ops/groups', group);
    expect({ status, messages: body['messages'] }).toEqual({ status: 201, messages: 2 });
    expect(Date.parse(String(body['oldest']))).toBeGreaterThanOrEqual(Date.parse(from));
    expect(await post('/ops/groups', group)).toMatchObject({ status: 409, body: { errors: [{ field: 'name' }] } });
    expect(await post('/ops/groups', { ...group, name: 'payment' })).toMatchObject({ status: 409 });
    expect(await post('/ops/groups', { ...group, name: 'Inventory!' })).toMatchObject({ status: 400 });
    expect(await effects()).toEqual([]);
  });

  it('leaves no group where the store breaks off the look at what there is for it', async () => {
    const group = { name: 'inventory-later', from };
    const transport: Transport = service.get(TRANSPORT as never);
    const history = vi.spyOn(transport, 'history');
    history.mockImplementationOnce(() => {
      throw new Error('the store is away');
    });
    expect(await post('/ops/groups', group)).toMatchObject({ status: 503 });
    history.mockRestore();
    expect(await post('/ops/groups', group)).toMatchObject({ status: 201 });
  });

  it('is refused without the token, for another service, and from no time', async () => {
    expect(await post('/ops/replay', { from }, 'Bearer guessed')).toMatchObject({ status: 401 });
    const other = await post('/ops/replay', { from, service: 'payment' });
    expect(other).toMatchObject({ status: 409, body: { title: 'This is inventory, not payment' } });
    expect(await post('/ops/replay', { from: 'yesterday' })).toMatchObject({
      status: 400,
      body: { errors: [{ field: 'from' }] },
    });
  });
});

describe('CONSUMER_GROUP', () => {
  it.each(['payment', 'events', 'No Group'])('cannot be %s', async (group) => {
    const start = startForTest(ProbeModule, {
      url: 'postgres://nobody@127.0.0.1:1/none',
      variables: { CONSUMER_GROUP: group },
    });
    await expect(start).rejects.toThrow(/^CONSUMER_GROUP: /);
  });
});
