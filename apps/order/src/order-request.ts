import { z } from 'zod';

/** A hundred dearest pieces of everything stay an exact number of cents. */
const MOST_PIECES = 10_000;

/** One line of text that every database, mail and label can carry. */
const text = (longest: number) =>
  z
    .string()
    .trim()
    .min(1, 'may not be empty')
    .max(longest)
    .refine((value) => value.isWellFormed() && !/\p{Cc}/u.test(value), 'may not hold control characters');

const Line = z.strictObject({ sku: text(64), quantity: z.int().min(1).max(MOST_PIECES) });

/** Body of `POST /orders`. */
export const OrderRequest = z.strictObject({
  customer: z.strictObject({ name: text(200), email: z.email().max(254) }),
  lines: z.array(Line).min(1).max(100).superRefine(eachSkuOnce),
  shippingAddress: z.strictObject({
    street: text(200),
    city: text(200),
    postalCode: text(20),
    country: z.string().regex(/^[A-Z]{2}$/, 'two capital letters of ISO 3166-1, such as GB'),
  }),
  paymentToken: text(200),
});
export type OrderRequest = z.output<typeof OrderRequest>;

/** Refused, not added up: whoever sends one product twice may have meant something else. */
function eachSkuOnce(lines: readonly { sku: string }[], context: z.RefinementCtx): void {
  const first = new Map<string, number>();
  lines.forEach(({ sku }, at) => {
    const before = first.get(sku);
    if (before === undefined) first.set(sku, at);
    else {
      const message = `"${sku}" is in lines[${before}] already; send one line per product`;
      context.addIssue({ code: 'custom', path: [at, 'sku'], message });
    }
  });
}
