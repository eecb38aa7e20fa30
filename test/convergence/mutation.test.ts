// The permuter can tell: with the guards of a look taken out it finds a history that ends wrong, and carrying all
// news only after the end would not. SEED=… repeats a run.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import type { Arrival } from './post-office.ts';

const seed = Number(process.env['SEED'] ?? 1);
const leaseAndTicket = 'lease when claiming, lease when writing, ticket';
const isLong = process.env['SOAK_MINUTES'] !== undefined;
const limitMs = 300_000;

async function permute(given: { mutant: string; arrival: Arrival; runs: number }) {
  const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', '--import', file('./mutant.mjs'), file('./permuter-process.ts')],
    {
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        MUTANT: given.mutant,
        ARRIVAL: given.arrival,
        RUNS: String(given.runs),
        SEED: String(seed),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: limitMs,
      killSignal: 'SIGKILL',
    },
  );
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  await once(child, 'close');
  return JSON.parse(out) as { runs: number; said: string | null };
}

/** The second takes more histories to be seen. */
const mutants = [leaseAndTicket, ...(isLong ? ['wanted as it was claimed'] : [])];

describe('without its guards', () => {
  test.each(mutants)(
    'a look goes wrong, and the permuter sees it: %s',
    async (mutant) => {
      const { said, runs } = await permute({ mutant, arrival: 'anywhere', runs: 12 });
      process.stdout.write(`${mutant}: seen in run ${runs}\n`);
      expect(said).toMatch(/^did not converge/);
    },
    limitMs,
  );

  test(
    'a look goes right where all news comes after the end: such a test would prove nothing',
    async () => {
      const { said, runs } = await permute({
        mutant: leaseAndTicket,
        arrival: 'afterwards',
        runs: 1,
      });
      expect({ said, runs }).toEqual({ said: null, runs: 1 });
    },
    limitMs,
  );
});
