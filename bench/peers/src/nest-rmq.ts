/* The story on @nestjs/microservices: ClientRMQ and ServerRMQ on a topic exchange, one durable quorum queue per service, manual acks. */
import 'reflect-metadata';
import { Body, Controller, HttpCode, Inject, Module, Post, type DynamicModule, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientsModule,
  Ctx,
  EventPattern,
  Payload,
  RmqContext,
  Transport,
  type ClientProxy,
  type RmqOptions,
} from '@nestjs/microservices';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { Channel, Message } from 'amqplib';
import { lastValueFrom } from 'rxjs';
import { Database } from './database.js';
import type { Emit, Order, ServiceName } from './events.js';
import { OrderRequest } from './order-request.js';
import {
  InventoryService,
  NotificationService,
  OrderService,
  PaymentService,
  ShippingService,
  type Charged,
  type Shipped,
} from './services.js';
import { listen, serviceToRun } from './process.js';

const broker: NonNullable<RmqOptions['options']> = {
  urls: [process.env['RABBITMQ_URL']!],
  exchange: 'peer-nest-rmq',
  exchangeType: 'topic',
  wildcards: true,
  persistent: true,
  // amqplib's default of collecting small packets costs 40 ms a hop.
  socketOptions: { connectionOptions: { noDelay: true } },
};

const serverOf = (service: ServiceName): RmqOptions => ({
  transport: Transport.RMQ,
  options: {
    ...broker,
    queue: `peer-nest-rmq.${service}`,
    queueOptions: { durable: true, arguments: { 'x-queue-type': 'quorum' } },
    noAck: false,
    prefetchCount: 50,
  },
});

/** Done first, acknowledged then; what fails is thrown away, since it has no other place to go. */
async function settle(context: RmqContext, work: Promise<unknown>): Promise<void> {
  const channel = context.getChannelRef() as Channel;
  const message = context.getMessage() as Message;
  try {
    await work;
    channel.ack(message);
  } catch (error) {
    process.stderr.write(`${String(error)}\n`);
    channel.nack(message, false, false);
  }
}

@Controller()
class OrderController {
  constructor(@Inject(OrderService) private readonly orders: OrderService) {}

  @Post('orders')
  @HttpCode(202)
  place(@Body() body: unknown) {
    return this.orders.place(OrderRequest.parse(body));
  }

  @EventPattern('inventory.reserved')
  reserved(@Payload() { orderId }: Order, @Ctx() context: RmqContext) {
    return settle(context, this.orders.note(orderId, 'inventory.reserved', 'reserved'));
  }

  @EventPattern('payment.charged')
  charged(@Payload() { orderId }: Charged, @Ctx() context: RmqContext) {
    return settle(context, this.orders.note(orderId, 'payment.charged', 'paid'));
  }

  @EventPattern('shipment.created')
  shipped(@Payload() { orderId }: Shipped, @Ctx() context: RmqContext) {
    return settle(context, this.orders.complete(orderId));
  }

  @EventPattern('notification.sent')
  told(@Payload() { orderId, kind }: { orderId: string; kind: string }, @Ctx() context: RmqContext) {
    return settle(context, this.orders.note(orderId, kind, undefined));
  }
}

@Controller()
class InventoryController {
  constructor(@Inject(InventoryService) private readonly inventory: InventoryService) {}

  @EventPattern('order.placed')
  placed(@Payload() order: Order, @Ctx() context: RmqContext) {
    return settle(context, this.inventory.reserve(order));
  }

  @EventPattern('shipment.created')
  shipped(@Payload() order: Shipped, @Ctx() context: RmqContext) {
    return settle(context, this.inventory.handOver(order));
  }
}

@Controller()
class PaymentController {
  constructor(@Inject(PaymentService) private readonly payments: PaymentService) {}

  @EventPattern('inventory.reserved')
  reserved(@Payload() order: Order, @Ctx() context: RmqContext) {
    return settle(context, this.payments.charge(order));
  }
}

@Controller()
class ShippingController {
  constructor(@Inject(ShippingService) private readonly shipping: ShippingService) {}

  @EventPattern('payment.charged')
  charged(@Payload() order: Charged, @Ctx() context: RmqContext) {
    return settle(context, this.shipping.ship(order));
  }
}

@Controller()
class NotificationController {
  constructor(@Inject(NotificationService) private readonly notifications: NotificationService) {}

  @EventPattern('order.placed')
  placed(@Payload() order: Order, @Ctx() context: RmqContext) {
    return settle(context, this.notifications.tell(order, 'order_placed'));
  }

  @EventPattern('shipment.created')
  shipped(@Payload() order: Shipped, @Ctx() context: RmqContext) {
    return settle(context, this.notifications.tell(order, 'order_shipped'));
  }
}

const parts: Record<ServiceName, [controller: Type, service: new (database: Database, emit: Emit) => object]> = {
  order: [OrderController, OrderService],
  inventory: [InventoryController, InventoryService],
  payment: [PaymentController, PaymentService],
  shipping: [ShippingController, ShippingService],
  notification: [NotificationController, NotificationService],
};

@Module({})
class ServiceModule {
  static of(service: ServiceName, database: Database): DynamicModule {
    const [controller, Service] = parts[service];
    return {
      module: ServiceModule,
      imports: [ClientsModule.register([{ name: 'EVENTS', transport: Transport.RMQ, options: broker }])],
      controllers: [controller],
      providers: [
        {
          provide: Service,
          inject: ['EVENTS'],
          useFactory: (client: ClientProxy) => {
            const emit: Emit = (name, data) => lastValueFrom(client.emit(name, data), { defaultValue: undefined });
            return new Service(database, emit);
          },
        },
      ],
    };
  }
}

const service = serviceToRun();
const database = new Database();
await database.prepare(service);
const app = await NestFactory.create(ServiceModule.of(service, database), new FastifyAdapter(), {
  logger: ['error', 'warn'],
});
app.connectMicroservice(serverOf(service));
await app.startAllMicroservices();
await listen(app);
