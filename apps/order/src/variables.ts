import { z } from 'zod';

export const orderVariables = z.object({
  /** Where people look at traces, `http://localhost:16686`; orders then link there. */
  JAEGER_URL: z.url({ protocol: /^https?$/, error: 'a URL like http://localhost:16686' }).optional(),
});

export type OrderVariables = z.output<typeof orderVariables>;
