import { runService } from '#libs/service';
import { InventoryModule } from './inventory.module.js';

await runService(InventoryModule);
