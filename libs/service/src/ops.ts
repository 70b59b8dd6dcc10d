import {
  Controller,
  Get,
  Inject,
  Injectable,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { Backlog, Transport } from '#libs/messaging';
import { Problem, storeUnavailable } from './problem.js';
import type { Settings } from './settings.js';
import { SETTINGS, TRANSPORT } from './tokens.js';

/** Lets requests with the bearer token `OPS_TOKEN` through; nobody while that is unset. */
@Injectable()
export class OpsGuard implements CanActivate {
  constructor(@Inject(SETTINGS) private readonly settings: Settings) {}

  canActivate(context: ExecutionContext): boolean {
    const token = this.settings.OPS_TOKEN;
    if (!token) throw new Problem({ status: 403, type: 'ops-disabled', title: 'Set OPS_TOKEN to use /ops' });
    const given = context.switchToHttp().getRequest<FastifyRequest>().headers.authorization ?? '';
    if (!equal(given, `Bearer ${token}`)) {
      throw new Problem({
        status: 401,
        type: 'unauthorized',
        title: 'Send the header Authorization: Bearer <OPS_TOKEN>',
      });
    }
    return true;
  }
}

function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

@ApiTags('operations')
@ApiBearerAuth()
@UseGuards(OpsGuard)
@Controller('ops')
export class OpsController {
  constructor(@Inject(TRANSPORT) private readonly transport: Transport) {}

  /** Messages stored and not yet settled, per service. */
  @Get('lag')
  async lag(): Promise<readonly Backlog[]> {
    return this.transport.backlog().catch((error: unknown) => {
      throw storeUnavailable(error);
    });
  }
}
