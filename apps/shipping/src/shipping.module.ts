import { Module } from '@nestjs/common';
import { Service } from '#libs/service';
import { CreateShipment1700000000200 } from './migrations/create-shipment.js';
import { ShippingController } from './shipping.controller.js';
import { ShippingReactions } from './shipping.reactions.js';
import { Shipments } from './shipping.store.js';

@Service({
  name: 'shipping',
  title: 'Shipping',
  port: 3004,
  perKey: true,
  migrations: [CreateShipment1700000000200],
})
@Module({
  controllers: [ShippingController, ShippingReactions],
  providers: [Shipments],
})
export class ShippingModule {}
