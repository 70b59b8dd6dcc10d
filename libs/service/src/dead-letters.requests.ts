import { z } from 'zod';
import { service, time } from './ops.requests.js';

/** As the database gives them. */
const id = z.string().regex(/^[1-9]\d{0,17}$/, 'the number of a dead letter or of a replay');

/** For the audit: one token serves all, so it is what they say. */
const by = z.string().min(1).max(100).default('ops');

const filter = {
  type: z.string().optional(),
  key: z.string().optional(),
  /** The fingerprint of the error. */
  group: z.string().optional(),
  /** When it was first set aside. */
  from: time.optional(),
  to: time.optional(),
};

const limit = z.coerce.number().int().min(1).max(200).default(50);

export const Id = z.strictObject({ id });

export const ServiceQuery = z.strictObject({ service });

export const ListQuery = z.strictObject({
  service,
  ...filter,
  state: z.enum(['open', 'replaying', 'replayed', 'discarded', 'all']).default('open'),
  limit,
  cursor: id.optional(),
});

export const GroupsQuery = z.strictObject({ service, ...filter, limit });

const ratePerSecond = z.number().positive().max(1_000).default(10);

export const ReplaysBody = z.strictObject({
  service,
  by,
  filter: z.strictObject({ ...filter, ids: z.array(id).min(1).max(10_000).optional() }),
  ratePerSecond,
  canary: z.boolean().default(true),
});

export const ReplayBody = z.strictObject({ service, by });

export const EditBody = z.strictObject({
  service,
  by,
  /** The new data of the message. */
  body: z.json(),
  /** Only checks it, and tells where it differs. */
  dryRun: z.boolean().default(false),
});

export const DiscardBody = z.strictObject({ service, by, reason: z.string().min(1).max(1_000) });
