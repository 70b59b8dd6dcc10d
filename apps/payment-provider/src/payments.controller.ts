import { Body, Controller, Get, HttpException, Headers, Inject, Post, Query, Res } from '@nestjs/common';
import { ApiBody, ApiHeader, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { Ledger, Refused } from './ledger.js';
import { SETTINGS, type Settings } from './settings.js';
import { failureBy, SwitchBoard } from './switches.js';

const ChargeBody = z.strictObject({
  orderId: z.uuid(),
  amountCents: z.int().nonnegative(),
  paymentToken: z.string().min(1).max(255),
});
const RefundBody = z.strictObject({ chargeId: z.string().min(1), amountCents: z.int().nonnegative() });
const LedgerQuery = z.strictObject({
  orderId: z.uuid().optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  cursor: z.coerce.number().int().nonnegative().default(0),
});

const idempotencyKey = ApiHeader({ name: 'Idempotency-Key', required: true });

@ApiTags('payments')
@Controller()
export class PaymentsController {
  constructor(
    private readonly ledger: Ledger,
    private readonly switches: SwitchBoard,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  @Post('charges')
  @idempotencyKey
  @ApiBody({ schema: { example: { orderId: '0198…', amountCents: 2400, paymentToken: 'tok_visa' } } })
  @ApiResponse({ status: 201, description: '{ chargeId, status: "charged" }' })
  @ApiResponse({ status: 402, description: '{ status: "declined", code }' })
  @ApiResponse({ status: 503, description: 'try again with the same key' })
  async charge(
    @Body({ schema: ChargeBody }) body: z.output<typeof ChargeBody>,
    @Headers('idempotency-key') header: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const booked = await this.misbehaving(() => this.ledger.charge(keyIn(header), body));
    if (!booked) throw unavailable();
    const { charge, replayed } = booked;
    if (body.paymentToken === 'tok_slow') await pause(this.settings.SLOW_MS);
    void reply.status(charge.status === 'charged' ? 201 : 402).header('idempotent-replayed', String(replayed));
    return charge.status === 'charged'
      ? { chargeId: charge.chargeId, status: charge.status }
      : { status: charge.status, code: charge.code };
  }

  @Post('refunds')
  @idempotencyKey
  @ApiResponse({ status: 201, description: '{ refundId }' })
  async refund(
    @Body({ schema: RefundBody }) body: z.output<typeof RefundBody>,
    @Headers('idempotency-key') header: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { refund, replayed } = await this.misbehaving(() => this.ledger.refund(keyIn(header), body));
    void reply.header('idempotent-replayed', String(replayed));
    return { refundId: refund.refundId };
  }

  /** The ledger, as who checks the books needs it: all charges of an order, or all there are, page by page. */
  @Get('charges')
  charges(@Query({ schema: LedgerQuery }) { orderId, limit, cursor }: z.output<typeof LedgerQuery>) {
    if (orderId !== undefined) return { charges: this.ledger.ofOrder(orderId) };
    const charges = this.ledger.page(cursor, limit);
    const nextCursor = charges.length === limit ? cursor + limit : undefined;
    return { charges, ...(nextCursor === undefined ? {} : { nextCursor }), summary: this.ledger.summary() };
  }

  private async misbehaving<T>(book: () => T): Promise<T> {
    const { outage, latencyMs, failureRate } = this.switches.now;
    const failure = outage ? 'before' : failureBy(Math.random(), failureRate);
    let booked: T | undefined;
    if (failure !== 'before') booked = this.orRefuse(book);
    if (latencyMs > 0) await pause(latencyMs);
    if (failure !== undefined) throw unavailable();
    return booked as T;
  }

  private orRefuse<T>(book: () => T): T {
    try {
      return book();
    } catch (error) {
      if (error instanceof Refused) throw new HttpException(error.message, error.status);
      throw error;
    }
  }
}

function keyIn(header: string | undefined): string {
  if (!header || header.length > 255)
    throw new HttpException('Idempotency-Key: one of 1 to 255 characters is needed', 400);
  return header;
}

function unavailable(): HttpException {
  return new HttpException('the bank is out of reach; try again with the same key', 503);
}
