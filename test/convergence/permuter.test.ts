// Whatever happens at Stripe, and however badly the news of it travels, access ends as Stripe's objects have it.
// SEED=… (and SEED_PATH=… as fast-check prints it) repeats a run; SOAK_MINUTES=… goes on for that long.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { histories, play } from './permuter.ts';

const minutes = Number(process.env['SOAK_MINUTES'] ?? 0);
const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
const path = process.env['SEED_PATH'];
const isLong = minutes > 0;
const shortMs = 25_000;

test(
  `every history ends in the right access, whatever arrives in whatever order (seed ${seed})`,
  async () => {
    const total: Record<string, number> = {};
    const until = Date.now() + (isLong ? minutes * 60_000 : shortMs);
    const property = fc.asyncProperty(histories({ customers: 7, length: 70 }), async (history) => {
      if (Date.now() > until) return;
      const tally = await play(history);
      for (const [name, count] of Object.entries({ histories: history.customers, ...tally }))
        total[name] = (total[name] ?? 0) + count;
    });
    await fc.assert(property, {
      seed,
      ...(path === undefined ? {} : { path }),
      // A run takes longer than a second; those after the time are empty.
      numRuns: isLong ? Math.ceil(minutes * 60) : 3,
      endOnFailure: process.env['SHRINK'] === undefined,
    });
    process.stdout.write(`converged: ${JSON.stringify(total)}\n`);
    expect(total.held).toBeGreaterThan(0);
  },
  (isLong ? minutes + 5 : 2) * 60_000,
);
