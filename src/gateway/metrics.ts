// Tallies checks in plain numbers and hands them to Prometheus when it asks: hashing labels on every check
// would cost more than deciding.
import { checks, checkSeconds, factsAgeSeconds } from '../adapters/metrics.ts';
import type { Outcome } from './check.ts';
import type { Facts } from './facts.ts';

const collectEveryMs = 1_000;

export type CheckMetrics = ReturnType<typeof observeChecks>;

export function observeChecks(facts: Facts) {
  const tally = new Map<string, number>();

  function collect(): void {
    for (const [code, count] of tally) {
      const outcome = code === '' ? 'allow' : code === 'unverifiable' ? 'unverifiable' : 'deny';
      checks.inc({ outcome, code }, count);
    }
    tally.clear();
    factsAgeSeconds.set(Math.max(0, Date.now() - facts.asOf()) / 1000);
  }

  const timer = setInterval(collect, collectEveryMs);
  timer.unref();

  return {
    count({ verdict }: Outcome, startedAt: number): void {
      const code = verdict.allowed ? '' : verdict.code;
      tally.set(code, (tally.get(code) ?? 0) + 1);
      checkSeconds.observe((performance.now() - startedAt) / 1000);
    },
    close(): void {
      clearInterval(timer);
      collect();
    },
  };
}
