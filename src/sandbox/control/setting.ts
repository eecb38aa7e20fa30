// The account's billing settings: how often a failed payment is retried and what follows the last
// failure (https://docs.stripe.com/billing/revenue-recovery/smart-retries).
import { z } from 'zod';
import type { Store } from '../store/store.ts';
import { readFact, writeFact } from '../world.ts';

export const settingsSchema = z.strictObject({
  retries: z
    .strictObject({ count: z.int().min(0).max(50), days: z.number().min(0).max(365) })
    .default({ count: 8, days: 14 }),
  after_retries: z.enum(['past_due', 'unpaid', 'cancel', 'pause']).default('past_due'),
});
export type Settings = z.output<typeof settingsSchema>;

const defaults: Settings = settingsSchema.parse({});

export const readSettings = (world: { store: Store }): Settings =>
  readFact(world, 'settings', defaults);

export const writeSettings = (world: { store: Store }, settings: Settings): void =>
  writeFact(world, 'settings', settings);
