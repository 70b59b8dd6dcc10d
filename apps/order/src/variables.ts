import { z } from 'zod';

export const OrderVariables = z.object({
  /** Where people look at traces, `http://localhost:16686`; orders then link there. */
  JAEGER_URL: z.url({ protocol: /^https?$/, error: 'a URL like http://localhost:16686' }).optional(),
  /** An order that is not settled after this time is reported as stuck. */
  ORDER_DEADLINE_MS: z.coerce.number('milliseconds').int().positive().default(600_000),
  /** No more orders are taken while so many younger than that are not settled, wherever in the system they wait. */
  ORDERS_MAX_UNSETTLED: z.coerce.number().int().min(1).max(10_000_000).default(10_000),
});
export type OrderVariables = z.output<typeof OrderVariables>;
