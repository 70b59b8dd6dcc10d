import { Controller, Get, Inject, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { DataSource } from 'typeorm';
import type { Transport } from '#libs/messaging';
import { Breakers } from './breakers.js';
import type { Messaging } from './messaging.js';
import { soon } from './patience.js';
import { MESSAGING, TRANSPORT } from './tokens.js';

interface Check {
  readonly status: 'up' | 'down';
  readonly reason?: string;
}

/**
 * Live: the process answers. Ready: it can take requests, for which it needs its database alone. A store that is out of reach makes it
 * `degraded`: what it takes on waits in the outbox. So does something outside that it calls and takes for down: what needs it waits.
 */
@ApiTags('operations')
@Controller('health')
export class HealthController {
  private leaving = false;

  constructor(
    private readonly database: DataSource,
    @Inject(TRANSPORT) private readonly transport: Transport,
    @Inject(MESSAGING) private readonly messaging: Messaging,
    private readonly breakers: Breakers,
  ) {}

  /** From now on not ready: a load balancer sends nothing more. */
  leave(): void {
    this.leaving = true;
  }

  @Get('live')
  live(): { status: string } {
    return { status: 'ok' };
  }

  @Get('ready')
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<object> {
    const [database, store] = await Promise.all([
      check(() => this.database.query('select 1')),
      check(() => this.transport.ping()),
    ]);
    const receiving: Check = this.messaging.ready ? { status: 'up' } : { status: 'down', reason: 'not subscribed yet' };
    const ready = database.status === 'up' && !this.leaving;
    if (!ready) void reply.status(503);
    const called = this.breakers.all.map(({ name, state }): [string, Check] => [
      name,
      state === 'closed' ? { status: 'up' } : { status: 'down', reason: `taken for down: its breaker is ${state}` },
    ]);
    const degraded = [store, receiving, ...called.map(([, one]) => one)].some(({ status }) => status === 'down');
    return {
      status: this.leaving ? 'leaving' : !ready ? 'unavailable' : degraded ? 'degraded' : 'ok',
      checks: { database, [this.transport.name]: store, receiving, ...Object.fromEntries(called) },
    };
  }
}

async function check(probe: () => Promise<unknown>): Promise<Check> {
  try {
    await soon(probe());
    return { status: 'up' };
  } catch (error) {
    return { status: 'down', reason: (error as Error).message };
  }
}
