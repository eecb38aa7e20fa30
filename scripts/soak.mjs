// `npm run soak -- [--minutes 10] [--rounds 100] [--counts 1000000] [--rows 10000]`: the tests that have a long form, in it. Prints
// what it runs with; ends by itself, with Jest's exit code.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '100' },
    counts: { type: 'string', default: '1000000' },
    rows: { type: 'string', default: '10000' },
  },
});
const tests = [
  'test/convergence',
  'test/gateway/concurrency',
  'test/gateway/kill',
  'test/gateway/usage-model',
  'test/http/property',
  'test/jobs/kill',
  'test/sandbox/walk',
];
const long = {
  SOAK_MINUTES: values.minutes,
  SOAK_ROUNDS: values.rounds,
  SOAK_COUNTS: values.counts,
  SOAK_ROWS: values.rows,
  FUZZ_RUNS: String(Number(values.minutes) * 10),
  USAGE_RUNS: String(Number(values.minutes) * 20),
};
process.stdout.write(`soak: ${JSON.stringify(long)}\n`);
const run = spawnSync('npx', ['jest', '--runInBand', '--passWithNoTests', ...tests], {
  stdio: 'inherit',
  env: { ...process.env, ...long, NODE_OPTIONS: '--experimental-vm-modules' },
});
process.exit(run.status ?? 1);
