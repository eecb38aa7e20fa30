// An outcome as the row that is kept of it. Made after the answer, for what is kept alone; names keys by their id,
// and leaves out the query and whatever looks like a key in a path.
import type { DecidedLimit, DecisionRow } from '../adapters/decision.ts';
import type { Asked } from '../domain/check.ts';
import { denials } from '../domain/denial.ts';
import type { Outcome } from './check.ts';
import { decidedAtMs } from './decision-id.ts';
import { explainOutcome } from './outcome-explanation.ts';
import { remaining } from './rate-limit.ts';

const pathLengthMax = 1_024;
const ageMsMax = 2_147_483_647;
const keyLike = /tg_(live|test)_[0-9A-Za-z]*/g;

/** The row as JSON. */
export function writeDecisionRow(outcome: Outcome): string {
  return JSON.stringify(decisionRow(outcome)).replace(keyLike, 'tg_$1_...');
}

function decisionRow(outcome: Outcome): DecisionRow {
  const { decisionId: id, verdict, asOf, isDegraded, basis } = outcome;
  const { entry, footing, ruling, now } = basis;
  const plan = footing?.plan ?? null;
  const explanation = explainOutcome(outcome);
  return {
    id,
    at: instant(now),
    data_as_of: instant(asOf),
    facts_age_ms: Math.min(ageMsMax, Math.max(0, decidedAtMs(id) - asOf)),
    degraded: isDegraded,
    customer_id: entry?.customer.facts.id ?? null,
    api_key_id: entry?.key?.id ?? null,
    plan: plan?.key ?? null,
    plan_version: plan?.version ?? null,
    subscription_id: footing?.subscription?.id ?? null,
    ...callOf(basis.asked),
    route_policy_id: ruling?.id ?? null,
    feature: verdict.feature,
    cost: ruling?.cost ?? 0,
    code: verdict.allowed ? null : verdict.code,
    status: verdict.allowed ? 200 : denials[verdict.code].status,
    access: verdict.allowed ? (isDegraded ? 'degraded' : verdict.grade) : null,
    rule: explanation?.rule.name ?? null,
    limits: limitsOf(outcome),
    explanation,
  };
}

function callOf(asked: Asked): { method: string | null; path: string | null } {
  const origin = 'origin' in asked ? asked.origin : null;
  if (origin === null || typeof origin === 'string') return { method: null, path: null };
  return { method: origin.method, path: `/${origin.segments.join('/')}`.slice(0, pathLengthMax) };
}

function limitsOf({ limits, used, held, full }: Outcome): DecidedLimit[] {
  return limits.map((limit, at) => ({
    feature: limit.feature,
    scope: limit.scope,
    window: limit.window,
    max: limit.max,
    used: used?.[at] ?? null,
    held: held?.[at] ?? null,
    remaining: used ? remaining(limit, used[at]! + (held?.[at] ?? 0)) : null,
    resets_at: instant(limit.end),
    refused: limit === full,
  }));
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
