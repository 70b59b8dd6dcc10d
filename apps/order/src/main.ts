import { runService } from '#libs/service';
import { OrderModule } from './order.module.js';

await runService(OrderModule);
