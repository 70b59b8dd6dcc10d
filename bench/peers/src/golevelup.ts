/* The story on @golevelup/nestjs-rabbitmq: a topic exchange, a durable quorum queue per handler, acknowledged when the handler is done. */
import 'reflect-metadata';
import { AmqpConnection, RabbitMQModule, RabbitSubscribe } from '@golevelup/nestjs-rabbitmq';
import {
  Body,
  Controller,
  HttpCode,
  Inject,
  Injectable,
  Module,
  Post,
  type DynamicModule,
  type Type,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Database } from './database.js';
import type { Emit, EventName, Order, ServiceName } from './events.js';
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

const EXCHANGE = 'peer-golevelup';

const on = (service: ServiceName, event: EventName) =>
  RabbitSubscribe({
    exchange: EXCHANGE,
    routingKey: event,
    queue: `${EXCHANGE}.${service}.${event}`,
    queueOptions: { durable: true, arguments: { 'x-queue-type': 'quorum' } },
  });

@Controller()
class OrderController {
  constructor(@Inject(OrderService) private readonly orders: OrderService) {}

  @Post('orders')
  @HttpCode(202)
  place(@Body() body: unknown) {
    return this.orders.place(OrderRequest.parse(body));
  }
}

@Injectable()
class OrderHandlers {
  constructor(@Inject(OrderService) private readonly orders: OrderService) {}

  @on('order', 'inventory.reserved')
  async reserved({ orderId }: Order) {
    await this.orders.note(orderId, 'inventory.reserved', 'reserved');
  }

  @on('order', 'payment.charged')
  async charged({ orderId }: Charged) {
    await this.orders.note(orderId, 'payment.charged', 'paid');
  }

  @on('order', 'shipment.created')
  async shipped({ orderId }: Shipped) {
    await this.orders.complete(orderId);
  }

  @on('order', 'notification.sent')
  async told({ orderId, kind }: { orderId: string; kind: string }) {
    await this.orders.note(orderId, kind, undefined);
  }
}

@Injectable()
class InventoryHandlers {
  constructor(@Inject(InventoryService) private readonly inventory: InventoryService) {}

  @on('inventory', 'order.placed')
  async placed(order: Order) {
    await this.inventory.reserve(order);
  }

  @on('inventory', 'shipment.created')
  async shipped(order: Shipped) {
    await this.inventory.handOver(order);
  }
}

@Injectable()
class PaymentHandlers {
  constructor(@Inject(PaymentService) private readonly payments: PaymentService) {}

  @on('payment', 'inventory.reserved')
  async reserved(order: Order) {
    await this.payments.charge(order);
  }
}

@Injectable()
class ShippingHandlers {
  constructor(@Inject(ShippingService) private readonly shipping: ShippingService) {}

  @on('shipping', 'payment.charged')
  async charged(order: Charged) {
    await this.shipping.ship(order);
  }
}

@Injectable()
class NotificationHandlers {
  constructor(@Inject(NotificationService) private readonly notifications: NotificationService) {}

  @on('notification', 'order.placed')
  async placed(order: Order) {
    await this.notifications.tell(order, 'order_placed');
  }

  @on('notification', 'shipment.created')
  async shipped(order: Shipped) {
    await this.notifications.tell(order, 'order_shipped');
  }
}

const parts: Record<ServiceName, [handlers: Type, service: new (database: Database, emit: Emit) => object]> = {
  order: [OrderHandlers, OrderService],
  inventory: [InventoryHandlers, InventoryService],
  payment: [PaymentHandlers, PaymentService],
  shipping: [ShippingHandlers, ShippingService],
  notification: [NotificationHandlers, NotificationService],
};

@Module({})
class ServiceModule {
  static of(service: ServiceName, database: Database): DynamicModule {
    const [handlers, Service] = parts[service];
    return {
      module: ServiceModule,
      imports: [
        RabbitMQModule.forRoot({
          uri: process.env['RABBITMQ_URL']!,
          exchanges: [{ name: EXCHANGE, type: 'topic', options: { durable: true } }],
          prefetchCount: 50,
          // amqplib's default of collecting small packets costs 40 ms a hop.
          connectionManagerOptions: { connectionOptions: { noDelay: true } },
        }),
      ],
      controllers: service === 'order' ? [OrderController] : [],
      providers: [
        handlers,
        {
          provide: Service,
          inject: [AmqpConnection],
          useFactory: (connection: AmqpConnection) => {
            const emit: Emit = (name, data) => connection.publish(EXCHANGE, name, data, { persistent: true });
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
await listen(app);
