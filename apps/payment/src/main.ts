import { runService } from '#libs/service';
import { PaymentModule } from './payment.module.js';

await runService(PaymentModule);
