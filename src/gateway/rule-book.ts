// Route policies, settings and plans, whole, in memory: few, and needed by every check. A notice expires the
// book; the next check reads it again before it decides, or goes on with the old one while PostgreSQL is away.
import type pg from 'pg';
import { loadRulesAndPlans } from '../adapters/rules.ts';
import type { DecisionShares } from '../adapters/rules.ts';
import type { RuleBook } from '../domain/check.ts';
import { buildRouteTable } from '../domain/route-policy.ts';

/** The rules, and what else is read with them. */
export type CurrentRules = RuleBook & { decisionShares: DecisionShares };

const readAgainMax = 5;
/** After a failure the next check does not ask again at once: an outage is no reason for a stampede. */
const pauseAfterFailureMs = 100;

export function createRuleBook(pool: pg.Pool) {
  let book: CurrentRules | null = null;
  let isExpired = true;
  let edition = 0;
  let reading: Promise<void> | undefined;
  let pausedUntilMs = 0;

  async function read(): Promise<void> {
    for (let turn = 1; turn <= readAgainMax; turn += 1) {
      const from = edition;
      const { rules, plans } = await loadRulesAndPlans(pool);
      book = {
        table: buildRouteTable(rules.policies),
        defaultAccess: rules.defaultAccess,
        defaultPlan: rules.defaultPlan,
        plans,
        decisionShares: rules.decisionShares,
      };
      if (edition === from) return void (isExpired = false);
    }
  }

  return {
    expire(): void {
      edition += 1;
      isExpired = true;
    },
    /** The book if it is known to be current; null: ask `refreshed`. Never waits. */
    current: () => (isExpired ? null : book),
    /** The current book, or the last known one where PostgreSQL does not answer; null: never read. */
    async refreshed(): Promise<{ book: CurrentRules; isCurrent: boolean } | null> {
      if (Date.now() >= pausedUntilMs) {
        reading ??= read().finally(() => (reading = undefined));
        // Away: the caller is told by isCurrent.
        await reading.catch(() => (pausedUntilMs = Date.now() + pauseAfterFailureMs));
      }
      return book && { book, isCurrent: !isExpired };
    },
    isKnown: () => book !== null,
  };
}
