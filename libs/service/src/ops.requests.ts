import { z } from 'zod';
import { Problem } from './problem.js';
import type { Settings } from './settings.js';

export const time = z.iso
  .datetime({ offset: true, error: 'a time with its zone, like 2026-01-01T00:00:00Z' })
  .transform((text) => new Date(text));

/** Who is asked, so that nobody reaches another service by a wrong address. */
export const service = z.string().optional();

/** Refuses what is meant for another service; who names none means this one. */
export function thisService({ service: own }: Settings, asked: string | undefined): void {
  if (asked === undefined || asked === own) return;
  throw new Problem({ status: 409, type: 'other-service', title: `This is ${own}, not ${asked}` });
}
