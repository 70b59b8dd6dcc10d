import { expect, it } from 'vitest';
import { ChargePayment, InventoryReserved, OrderPlaced, PaymentCharged, PaymentDeclined } from '#libs/contracts';
import type { Command, Envelope } from '#libs/contracts';
import { Does, On } from './reactions.js';

const declined = () => PaymentDeclined({ orderId: '01890000-0000-7000-8000-000000000000', code: 'no' });

it('accepts what fits the message and `emits`, and lets the compiler refuse the rest', () => {
  class Fits {
    @On(OrderPlaced)
    remember(_order: Envelope<typeof OrderPlaced>) {}

    @On(InventoryReserved, { emits: [PaymentCharged, PaymentDeclined] })
    async decline(_event: Envelope<typeof InventoryReserved>) {
      return [declined()];
    }

    @Does(ChargePayment, { emits: [PaymentCharged, PaymentDeclined] })
    async charge(_command: Command<typeof ChargePayment>) {
      return () => declined();
    }
  }

  class Refused {
    // @ts-expect-error -- another message's data
    @On(OrderPlaced)
    remember(_event: Envelope<typeof PaymentCharged>) {}

    // @ts-expect-error -- an event that `emits` does not name
    @On(InventoryReserved, { emits: [PaymentCharged] })
    decline() {
      return declined();
    }

    // @ts-expect-error -- a command's handler concludes in a transaction
    @Does(ChargePayment, { emits: [PaymentDeclined] })
    charge() {
      return declined();
    }
  }

  expect([Fits, Refused]).toBeDefined();
});
