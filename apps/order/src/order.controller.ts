import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query, Res, UseGuards } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { EntityManager } from 'typeorm';
import { z } from 'zod';
import { Backpressure, Variables } from '#libs/service';
import { orderIdIn } from './cursor.js';
import { OrderRequest } from './order-request.js';
import { Orders } from './order.store.js';
import { ListQuery, ListView, listView, OrderView, orderView, pathOf, PlacedView, placedView } from './order.views.js';
import { PlaceOrder } from './place-order.js';
import { BadIdempotencyKey, UnknownOrder } from './problems.js';
import type { OrderVariables } from './variables.js';

@ApiTags('orders')
@Controller('orders')
export class OrderController {
  constructor(
    private readonly placeOrder: PlaceOrder,
    private readonly orders: Orders,
    private readonly database: EntityManager,
    @Variables() private readonly variables: OrderVariables,
  ) {}

  @Post()
  @UseGuards(Backpressure)
  @HttpCode(202)
  @ApiOperation({ summary: 'Places an order; what becomes of it is told at its Location' })
  @ApiHeader({
    name: 'Idempotency-Key',
    required: false,
    description: 'Requests with one key and one body place one order, and get the same answer',
    schema: { type: 'string', minLength: 1, maxLength: 255 },
  })
  @ApiResponse({
    status: 202,
    description: 'Stored; what becomes of it is decided by the other services',
    standardSchema: PlacedView,
    headers: {
      Location: { description: 'Path of the order', schema: { type: 'string' } },
      'Idempotent-Replayed': { description: 'An earlier request placed it', schema: { type: 'string' } },
    },
  })
  @ApiResponse({ status: 400, description: 'problem+json that names each wrong field' })
  @ApiResponse({ status: 422, description: 'An unknown product, or an Idempotency-Key of another request' })
  @ApiResponse({
    status: 503,
    description: 'More orders are under way than the system gets done; nothing was stored, come again',
    headers: { 'Retry-After': { description: 'Seconds', schema: { type: 'integer' } } },
  })
  async place(
    @Body({ schema: OrderRequest }) request: OrderRequest,
    @Headers('idempotency-key') key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof PlacedView>> {
    if (key !== undefined && !/^[\x20-\x7e]{1,255}$/.test(key)) throw new BadIdempotencyKey();
    const { order, replayed } = await this.placeOrder.place(request, key);
    void reply.header('location', pathOf(order.orderId));
    if (key !== undefined) void reply.header('idempotent-replayed', String(replayed));
    return placedView(order, this.variables.JAEGER_URL);
  }

  @Get()
  @ApiOperation({ summary: 'Orders, newest first' })
  @ApiResponse({ status: 200, standardSchema: ListView })
  async list(
    @Query({ schema: ListQuery }) { status, limit, cursor }: z.output<typeof ListQuery>,
  ): Promise<z.output<typeof ListView>> {
    const before = cursor === undefined ? undefined : orderIdIn(cursor);
    return listView(await this.orders.list({ status, before, limit: limit + 1 }, this.database), limit);
  }

  @Get(':orderId')
  @ApiOperation({ summary: 'An order, and all that has been heard of it, each cause before its effects' })
  @ApiResponse({ status: 200, standardSchema: OrderView })
  @ApiResponse({ status: 404, description: 'No such order' })
  async show(@Param('orderId', { schema: z.uuid() }) orderId: string): Promise<z.output<typeof OrderView>> {
    const order = await this.orders.find(orderId, this.database);
    if (!order) throw new UnknownOrder(orderId);
    return orderView(order, this.variables.JAEGER_URL);
  }
}
