import { Module } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import type { EntityManager } from 'typeorm';
import { OrderPlaced, type Envelope } from '#libs/contracts';
import { On, Reactions } from '#libs/messaging';
import { eventually } from '#libs/messaging/testing';
import { Service } from '../src/index.js';
import type { Messaging } from '../src/messaging.js';
import { MESSAGING } from '../src/tokens.js';
import { CreateEffect1700000000100, effectsOf } from './effects.js';
import { deliveryOf } from './envelope-of.js';
import { startForTest, type TestedService } from './index.js';
import { placed } from './placed.js';

/** Tokens whose reaction fails, and how. */
export const failing = new Map<string, () => Error>();
/** Reactions to these wait for a promise. */
export const held = new Map<string, Promise<void>>();

@Reactions({ service: 'inventory' })
class Probe {
  @On(OrderPlaced, { retry: { attempts: 2, baseMs: 1 } })
  async note({ data }: Envelope<typeof OrderPlaced>, tx: EntityManager) {
    await held.get(data.paymentToken);
    const error = failing.get(data.paymentToken)?.();
    if (error) throw error;
    await tx.query('insert into effect (token) values ($1)', [data.paymentToken]);
  }
}

@Service({ name: 'inventory', title: 'Probe', port: 0, migrations: [CreateEffect1700000000100] })
@Module({ controllers: [Probe] })
class ProbeModule {}

const token = 'a token for this test';
export const broken = () => new Error('no stock of 12 mugs', { cause: new TypeError('nobody counts') });

export interface Letter {
  readonly id: string;
  readonly state: string;
  readonly group: string;
  readonly key: string;
}

export interface Progress {
  readonly id: string;
  readonly state: string;
  readonly total: number;
  readonly done: number;
  readonly failed: number;
  readonly underWay: number;
}

/** A service that notes orders, fails as told, and is asked about its dead letters. */
export class DeadLetterProbe {
  private constructor(
    private readonly url: string,
    public service: TestedService,
  ) {}

  static async start(url: string): Promise<DeadLetterProbe> {
    return new DeadLetterProbe(url, await startProbe(url));
  }

  /** As if the process had been stopped, and started again. */
  async restart(): Promise<void> {
    await this.service.close();
    this.service = await startProbe(this.url);
  }

  /** Another replica. */
  another(): Promise<TestedService> {
    return startProbe(this.url);
  }

  async clear(): Promise<void> {
    failing.clear();
    held.clear();
    await this.service.query('truncate effect, due, dead_letter, dead_letter_audit, dead_letter_replay');
  }

  async ask<T = Record<string, unknown>>(path: string, body?: object, authorization = `Bearer ${token}`) {
    const response = await fetch(`${this.service.http}/ops/dead-letters${path}`, {
      method: body ? 'POST' : 'GET',
      headers: { authorization, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return { status: response.status, body: (await response.json()) as T };
  }

  async letters(query = ''): Promise<Letter[]> {
    return (await this.ask<{ letters: Letter[] }>(query)).body.letters;
  }

  async progress(id: string): Promise<Progress> {
    return (await this.ask<Progress>(`/replays/${id}`)).body;
  }

  /** Tokens of the orders that had their effect, in order. */
  effects(): Promise<string[]> {
    return effectsOf(this.service);
  }

  async replayAll(request: object = {}): Promise<Progress> {
    return (await this.ask<Progress>('/replays', { filter: {}, ratePerSecond: 1_000, ...request })).body;
  }

  async ended(id: string): Promise<Progress> {
    await eventually(async () => (await this.progress(id)).state !== 'running', `replay ${id} ended`);
    return this.progress(id);
  }

  async canaryIsUnderWay(id: string): Promise<void> {
    await eventually(async () => (await this.progress(id)).underWay === 1, 'the canary under way');
  }

  /** Letters of orders that failed, and would not fail again. */
  async setAside(...orders: readonly (string | [token: string, orderId: string])[]): Promise<void> {
    for (const one of orders) {
      const [paymentToken, orderId] = typeof one === 'string' ? [one, uuidv7()] : one;
      failing.set(paymentToken, broken);
      await this.service.deliver([placed(paymentToken, orderId)]);
      failing.delete(paymentToken);
    }
  }

  /** As the store hands it over; `deliver` would wait for all that is due as well. */
  receive(envelope: Envelope): Promise<void> {
    return this.messaging.receive([deliveryOf(envelope)]);
  }

  /** As a store hands over what it gave up. */
  giveUp(envelope: Envelope): Promise<void> {
    return this.messaging.receive([{ ...deliveryOf(envelope), givenUp: true, origin: 'inventory.0 #1' }]);
  }

  private get messaging(): Messaging {
    return this.service.get(MESSAGING as never);
  }
}

function startProbe(url: string): Promise<TestedService> {
  return startForTest(ProbeModule, { url, variables: { OPS_TOKEN: token } });
}
