import { Module } from '@nestjs/common';
import { EntityManager } from 'typeorm';
import { Service, STRAINS, Variables } from '#libs/service';
import { CreateOrders1700000000400 } from './migrations/create-orders.js';
import { DropOrdersByStatus1700000000403 } from './migrations/drop-orders-by-status.js';
import { FindCancelledOrders1700000000402 } from './migrations/find-cancelled-orders.js';
import { FindUnsettledOrders1700000000401 } from './migrations/find-unsettled-orders.js';
import { OrderController } from './order.controller.js';
import { OrderReactions } from './order.reactions.js';
import { Orders } from './order.store.js';
import { Outcomes } from './outcomes.js';
import { PlaceOrder } from './place-order.js';
import { ProductsController } from './products.controller.js';
import { Settling } from './settling.js';
import { StuckOrdersController } from './stuck-orders.controller.js';
import { StuckOrders } from './stuck-orders.js';
import { tooManyUnsettled } from './unsettled.js';
import { OrderVariables } from './variables.js';

@Service({
  name: 'order',
  title: 'Order',
  port: 3001,
  perKey: true,
  onBeat: true,
  migrations: [
    CreateOrders1700000000400,
    FindUnsettledOrders1700000000401,
    FindCancelledOrders1700000000402,
    DropOrdersByStatus1700000000403,
  ],
  variables: OrderVariables,
})
@Module({
  controllers: [OrderController, ProductsController, StuckOrdersController, OrderReactions],
  providers: [
    PlaceOrder,
    Orders,
    Outcomes,
    Settling,
    StuckOrders,
    {
      provide: STRAINS,
      inject: [EntityManager, Variables.token],
      useFactory: (...given: Parameters<typeof tooManyUnsettled>) => [tooManyUnsettled(...given)],
    },
  ],
})
export class OrderModule {}
