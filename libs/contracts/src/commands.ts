import { z } from 'zod';
import { Customer, LetterKind } from './events.js';
import { command } from './message-type.js';

const byOrder = (data: { orderId: string }) => data.orderId;

export const ChargePayment = command('payment.charge', {
  key: byOrder,
  data: z.object({ orderId: z.uuid(), amountCents: z.int().nonnegative(), paymentToken: z.string().min(1) }),
});

export const RefundPayment = command('payment.refund', {
  key: byOrder,
  data: z.object({ orderId: z.uuid(), chargeId: z.string().min(1), amountCents: z.int().nonnegative() }),
});

export const SendEmail = command('notification.send-email', {
  key: byOrder,
  data: z.object({
    orderId: z.uuid(),
    kind: LetterKind,
    to: Customer,
    subject: z.string(),
    text: z.string(),
  }),
});
