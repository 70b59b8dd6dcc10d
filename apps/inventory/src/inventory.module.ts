import { Module } from '@nestjs/common';
import { Service } from '#libs/service';
import { InventoryReactions } from './inventory.reactions.js';
import { CreateStock1700000000300 } from './migrations/create-stock.js';
import { StockController } from './stock.controller.js';
import { Stock } from './stock.store.js';

@Service({
  name: 'inventory',
  title: 'Inventory',
  port: 3002,
  migrations: [CreateStock1700000000300],
})
@Module({
  controllers: [StockController, InventoryReactions],
  providers: [Stock],
})
export class InventoryModule {}
