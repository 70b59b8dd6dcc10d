import { runService } from '#libs/service';
import { ShippingModule } from './shipping.module.js';

await runService(ShippingModule);
