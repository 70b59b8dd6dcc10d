import { z } from 'zod';

const text = (longest: number) => z.string().trim().min(1).max(longest);

/** Body of `POST /orders`, as Farandole takes it. */
export const OrderRequest = z.strictObject({
  customer: z.strictObject({ name: text(200), email: z.email().max(254) }),
  lines: z
    .array(z.strictObject({ sku: text(64), quantity: z.int().min(1).max(10_000) }))
    .min(1)
    .max(100),
  shippingAddress: z.strictObject({
    street: text(200),
    city: text(200),
    postalCode: text(20),
    country: z.string().regex(/^[A-Z]{2}$/),
  }),
  paymentToken: text(200),
});
export type OrderRequest = z.output<typeof OrderRequest>;
