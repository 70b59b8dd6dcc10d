import { z } from 'zod';

export const Settings = z.object({
  PORT: z.coerce.number('must be a port').int().min(0).max(65_535).default(3010),
  HOST: z.string().default('127.0.0.1'),
  LEDGER_FILE: z.string().default('.farandole/provider/ledger.jsonl'),
  /** How late `tok_slow` is answered, milliseconds. */
  SLOW_MS: z.coerce.number('must be milliseconds').int().min(0).default(1_500),
});
export type Settings = z.output<typeof Settings>;

export const SETTINGS = Symbol('settings');
