// The permuter as a process of its own, so that it can be given other modules: `SEED`, `RUNS`, `ARRIVAL` in the
// environment; prints one line of JSON, ends with 0 whether or not it converged.
import fc from 'fast-check';
import { histories, play } from './permuter.ts';
import type { Arrival } from './post-office.ts';

const { SEED, RUNS, ARRIVAL } = process.env;
const property = fc.asyncProperty(
  histories({ customers: 6, length: 60 }),
  async (history) => void (await play(history, ARRIVAL as Arrival)),
);
const details = await fc.check(property, {
  seed: Number(SEED),
  numRuns: Number(RUNS),
  endOnFailure: true,
});
const error = details.errorInstance;
const said = error instanceof Error ? error.message : error === null ? null : JSON.stringify(error);
process.stdout.write(`${JSON.stringify({ runs: details.numRuns, said })}\n`);
process.exit(0);
