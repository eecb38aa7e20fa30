// The failures one can ask for: of webhook deliveries and of the API. Reads and checks them only;
// who is hit decides when to act on them.
import { z } from 'zod';
import { readFact, writeFact } from '../world.ts';
import type { Store } from '../store/store.ts';

const factId = 'faults';

const webhookFaults = z.strictObject({
  mode: z.enum(['normal', 'hold', 'drop']).default('normal'),
  duplicate: z.int().min(0).max(20).default(0),
  shuffle: z.boolean().default(false),
  delay_ms: z.int().min(0).max(3_600_000).default(0),
});

const apiFault = z
  .strictObject({
    match: z
      .string()
      .regex(/^(GET|POST|DELETE|\*) \/\S*$/, 'is "METHOD /path"')
      .max(200),
    status: z.int().min(200).max(599).optional(),
    body: z.unknown().optional(),
    hang_ms: z.int().min(0).max(600_000).optional(),
    reset: z.enum(['before', 'after']).optional(),
    times: z.int().min(0).max(1_000_000).optional(),
  })
  .refine(
    (fault) =>
      fault.status !== undefined ||
      fault.body !== undefined ||
      fault.hang_ms !== undefined ||
      fault.reset !== undefined,
    'names no fault: status, body, hang_ms or reset',
  );

export const faultsSchema = z.strictObject({
  webhooks: webhookFaults.prefault({}),
  api: z.array(apiFault).max(100).default([]),
});
export type Faults = z.output<typeof faultsSchema>;
export type ApiFault = Faults['api'][number];

const none: Faults = faultsSchema.parse({});

export const readFaults = (world: { store: Store }): Faults => readFact(world, factId, none);

export const writeFaults = (world: { store: Store }, faults: Faults): void =>
  writeFact(world, factId, faults);

/** The first fault that matches the call and has not run out. */
export const faultFor = (faults: Faults, method: string, path: string): ApiFault | null =>
  faults.api.find((fault) => {
    if (fault.times === 0) return false;
    const [wantedMethod, wantedPath = ''] = fault.match.split(' ');
    if (wantedMethod !== '*' && wantedMethod !== method) return false;
    const wanted = wantedPath.split('/');
    const given = path.split('/');
    return (
      wanted.length === given.length && wanted.every((part, i) => part === '*' || part === given[i])
    );
  }) ?? null;

/** The faults after this one was used once more. */
export const useUp = (faults: Faults, used: ApiFault): Faults => ({
  ...faults,
  api: faults.api.map((fault) =>
    fault === used && fault.times !== undefined ? { ...fault, times: fault.times - 1 } : fault,
  ),
});
