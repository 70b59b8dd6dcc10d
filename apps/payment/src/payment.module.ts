import { Module } from '@nestjs/common';
import { Service } from '#libs/service';
import { CreatePayment1700000000100 } from './migrations/create-payment.js';
import { PaymentController } from './payment.controller.js';
import { PaymentReactions } from './payment.reactions.js';
import { Payments } from './payment.store.js';
import { Provider } from './provider.js';
import { PaymentVariables } from './variables.js';

@Service({
  name: 'payment',
  title: 'Payment',
  port: 3003,
  perKey: true,
  migrations: [CreatePayment1700000000100],
  variables: PaymentVariables,
})
@Module({
  controllers: [PaymentController, PaymentReactions],
  providers: [Payments, Provider],
})
export class PaymentModule {}
