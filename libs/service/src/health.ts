import { Controller, Get, Inject, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { DataSource } from 'typeorm';
import type { Transport } from '#libs/messaging';
import { MESSAGING, TRANSPORT } from './tokens.js';
import type { Messaging } from './messaging.js';

interface Check {
  readonly status: 'up' | 'down';
  readonly reason?: string;
}

const PATIENCE_MS = 2_000;

/**
 * Live: the process answers. Ready: it can take requests, for which it needs its database alone. A store that is out of reach makes it
 * `degraded`: what it takes on waits in the outbox.
 */
@ApiTags('operations')
@Controller('health')
export class HealthController {
  private leaving = false;

  constructor(
    private readonly database: DataSource,
    @Inject(TRANSPORT) private readonly transport: Transport,
    @Inject(MESSAGING) private readonly messaging: Messaging,
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
    const degraded = store.status === 'down' || receiving.status === 'down';
    return {
      status: this.leaving ? 'leaving' : !ready ? 'unavailable' : degraded ? 'degraded' : 'ok',
      checks: { database, [this.transport.name]: store, receiving },
    };
  }
}

async function check(probe: () => Promise<unknown>): Promise<Check> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${PATIENCE_MS} ms`)), PATIENCE_MS);
  });
  try {
    await Promise.race([probe(), late]);
    return { status: 'up' };
  } catch (error) {
    return { status: 'down', reason: (error as Error).message };
  } finally {
    clearTimeout(timer);
  }
}
