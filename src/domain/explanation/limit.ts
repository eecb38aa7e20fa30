// Where each limit of a call comes from and how far it was used: the plan, an override, a key's cap, the spend cap.
// Looks at limits that the decision made; makes none.
import type { Check, Decided } from '../check.ts';
import { counterName, takenOf } from '../check.ts';
import type { CustomerFacts } from '../entitlement.ts';
import type { LimitCheck } from '../limit.ts';
import { holds } from '../override.ts';
import type { Override } from '../override.ts';
import type { PlanFacts, WindowKind } from '../plan.ts';

export type LimitShown = {
  /** The feature's name, or the pool's. */
  feature: string;
  scope: LimitCheck['scope'];
  window: WindowKind;
  max: number;
  /** Max and what may be bought beyond it; null: counted, never refused. */
  ceiling: number | null;
  used: number;
  held: number;
  remaining: number | null;
  resets_at: string;
  /** Units of it that the call takes. */
  takes: number;
  /** Where `max` comes from. */
  source: 'plan' | 'override' | 'key_cap';
  /** What makes the ceiling: max itself, the customer's spend cap, or nothing. */
  ceiling_source: 'max' | 'spend_cap' | 'none';
  refuses: boolean;
  sentence: string;
};

/** The limits in the order in which they are taken; `units` is the call's cost. */
export function explainLimits(
  check: Check,
  { limits, full }: Decided,
  plan: PlanFacts | null,
  units: number,
): LimitShown[] {
  const customer = typeof check.who === 'string' ? null : check.who.customer;
  return limits.map((limit) => {
    const { used, held } = check.usage.counts.get(counterName(limit)) ?? { used: 0, held: 0 };
    const from = sourceOf(limit, plan, customer, check);
    const { max, ceiling, spend } = limit;
    const shown = {
      feature: limit.feature,
      scope: limit.scope,
      window: limit.window,
      max,
      ceiling,
      used,
      held,
      remaining: ceiling === null ? null : Math.max(0, ceiling - takenOf(check.usage, limit)),
      resets_at: new Date(limit.end).toISOString(),
      takes: Math.min(Number.MAX_SAFE_INTEGER, units * limit.weight),
      source: from.source,
      ceiling_source: spend ? (ceiling === null ? 'none' : 'spend_cap') : 'max',
      refuses: limit === full,
    } as const;
    return { ...shown, sentence: tell(shown, from.words) };
  });
}

type Source = { source: LimitShown['source']; words: string };

function sourceOf(
  limit: LimitCheck,
  plan: PlanFacts | null,
  customer: CustomerFacts | null,
  { book, now }: Check,
): Source {
  if (limit.scope === 'key') return { source: 'key_cap', words: 'the cap of this key' };
  const sold = plan && (book.plans.byVersion.get(plan.versionId) ?? null);
  const words = plan ? `plan ${plan.key} version ${plan.version}` : 'the plan';
  if (sold && maxIn(sold, limit) === limit.max) return { source: 'plan', words };
  const override = customer?.overrides.find((one) => holds(one, now) && touches(one, limit, plan));
  if (!override) return { source: 'plan', words };
  return { source: 'override', words: `the override ${describe(override)} on ${words}` };
}

function maxIn(plan: PlanFacts, { feature, scope, window }: LimitCheck): number | undefined {
  const limits =
    scope === 'pool'
      ? plan.pools.find(({ pool }) => pool === feature)?.limits
      : plan.features.find((one) => one.feature === feature)?.limits;
  return limits?.find((limit) => limit.window === window)?.max;
}

/** An override names the feature, or for a pool one that draws on it. */
function touches({ feature }: Override, limit: LimitCheck, plan: PlanFacts | null): boolean {
  if (feature === limit.feature) return true;
  if (limit.scope !== 'pool') return false;
  return plan?.features.find((one) => one.feature === feature)?.pool?.pool === limit.feature;
}

function describe({ limit, extra, expiresAt }: Override): string {
  const what = limit === null ? `of ${extra} more` : `to ${limit}`;
  return expiresAt === null ? what : `${what} (until ${new Date(expiresAt).toISOString()})`;
}

function tell(limit: Omit<LimitShown, 'sentence'>, from: string): string {
  const { feature, scope, window, max, used, held, takes, refuses, ceiling_source } = limit;
  const name = `${scope === 'pool' ? `the pool ${feature}` : feature} a ${window.replace('_', ' ')}`;
  const counted = `${used} were used${held ? ` and ${held} held` : ''}, the call takes ${takes}`;
  const beyond = {
    max: '',
    spend_cap: ' More is sold up to the spend cap.',
    none: ' More is sold, without a cap.',
  }[ceiling_source];
  const end = refuses ? ': there is no room' : '';
  return `${max} of ${name} by ${from}; ${counted}${end}.${beyond}`;
}
