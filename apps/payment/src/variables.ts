import { z } from 'zod';

export const PaymentVariables = z.object({
  PAYMENT_PROVIDER_URL: z
    .url({ protocol: /^https?$/, error: 'a URL like http://127.0.0.1:3010' })
    .default('http://127.0.0.1:3010'),
  /** How long one call may take; after it nobody knows whether the money moved, so it is made again with the same key. */
  PAYMENT_TIMEOUT_MS: z.coerce.number('milliseconds').int().positive().default(5_000),
});
export type PaymentVariables = z.output<typeof PaymentVariables>;
