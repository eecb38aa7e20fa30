// Random walks through the sandbox under its invariants and the strict schemas. The seed is printed
// and replays a walk: SEED=…; SOAK_MINUTES=… walks on for that long.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createInvariants } from './invariant.ts';
import { openStand } from './stand.ts';
import { openWalk, walks, type Step } from './walk.ts';

const minutes = Number(process.env['SOAK_MINUTES'] ?? 0);
const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
const isLong = minutes > 0;
const shortMs = 12_000;
const lookEvery = 8;

const walk = async (steps: Step[]): Promise<void> => {
  const stand = await openStand();
  try {
    const { take } = await openWalk(stand);
    const look = createInvariants(stand);
    for (const [i, step] of steps.entries()) {
      await take(step);
      if (i % lookEvery === 0) expect(await look()).toEqual([]);
    }
    await stand.move(40 * 86_400);
    expect(await look()).toEqual([]);
  } finally {
    await stand.close();
  }
};

test(
  `whatever is done, amounts add up, periods follow, events keep step and what ended stays ended (seed ${seed})`,
  async () => {
    await fc.assert(fc.asyncProperty(walks(isLong ? 120 : 40), walk), {
      seed,
      numRuns: isLong ? 1_000_000 : 12,
      interruptAfterTimeLimit: isLong ? minutes * 60_000 : shortMs,
      markInterruptAsFailure: false,
    });
  },
  isLong ? (minutes + 5) * 60_000 : 60_000,
);
