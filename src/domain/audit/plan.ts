// What is wrong with the plans: who can reach them, what they give away, limits and ladders that contradict.
import { finding, nameSome } from './finding.ts';
import type { Finding } from './finding.ts';
import { routesByFeature } from './route.ts';
import { stepsOf } from '../dunning.ts';
import type { LadderStep, Limit, PlanFeature, Pool, Price, WindowKind } from '../plan.ts';
import type { RoutePolicy } from '../route-policy.ts';

export type AuditedPlan = {
  key: string;
  public: boolean;
  archived: boolean;
  /** Live subscriptions, of any version. */
  subscribers: number;
  /** What new subscribers get; null while Stripe has confirmed none. */
  current: AuditedVersion | null;
  /** Features of former versions that somebody is still on. */
  kept: string[];
};

export type AuditedVersion = {
  price: Price | null;
  features: PlanFeature[];
  pools: Pool[];
  ladder: LadderStep[];
};

export type PlanChoices = {
  defaultPlan: string | null;
  defaultLadder: LadderStep[];
  paymentRetries: 'stripe' | 'tollgate';
  paymentRetryHours: number[];
};

type Offered = AuditedPlan & { current: AuditedVersion };

export function auditPlans(
  plans: AuditedPlan[],
  policies: RoutePolicy[],
  choices: PlanChoices,
): Finding[] {
  const offered = plans.filter(isOffered);
  return [
    ...auditReach(plans, choices.defaultPlan),
    ...auditGifts(offered, routesByFeature(policies), choices.defaultPlan),
    ...offered.flatMap(auditLimits),
    ...auditLadders(offered, choices),
  ];
}

/** What some plan grants to somebody, or would to who subscribes. */
export function grantedFeatures(plans: AuditedPlan[]): Set<string> {
  return new Set(
    plans.flatMap((plan) => [
      ...plan.kept,
      ...(isOffered(plan) ? plan.current.features.map(({ feature }) => feature) : []),
    ]),
  );
}

function isOffered(plan: AuditedPlan): plan is Offered {
  return !plan.archived && plan.current !== null;
}

function auditReach(plans: AuditedPlan[], defaultPlan: string | null): Finding[] {
  const found = plans.flatMap((plan) => {
    const { key, subscribers } = plan;
    if (plan.archived) return [];
    if (plan.current === null) {
      return [finding('plan_without_version', key, 'It has no version that can be subscribed to.')];
    }
    if (plan.public || subscribers > 0 || key === defaultPlan) return [];
    return [finding('plan_unreachable', key, 'It is not public and has no subscriber.')];
  });
  const named = plans.find(({ key }) => key === defaultPlan);
  if (defaultPlan === null || (named && isOffered(named))) return found;
  const what = named ? (named.archived ? 'is archived' : 'has no version') : 'is not there';
  return [...found, finding('default_plan_missing', defaultPlan, `The default plan ${what}.`)];
}

/** Features with routes that a paid plan sells and a free one gives without any limit. */
function auditGifts(
  plans: Offered[],
  routes: Map<string, string[]>,
  defaultPlan: string | null,
): Finding[] {
  const isFree = (plan: Offered) => plan.current.price === null || plan.key === defaultPlan;
  const sold = new Map<string, string[]>();
  for (const { key, current } of plans.filter((plan) => !isFree(plan))) {
    for (const { feature } of current.features) {
      sold.set(feature, [...(sold.get(feature) ?? []), key]);
    }
  }
  return plans.filter(isFree).flatMap(({ key, current }) =>
    current.features.flatMap(({ feature, limits, pool }) => {
      const sellers = sold.get(feature);
      const needing = routes.get(feature);
      if (!sellers || !needing || limits.length > 0 || pool) return [];
      const detail = `It gives "${feature}" without a limit, which ${nameSome(sellers)} sells, for ${nameSome(needing)}.`;
      return [finding('paid_feature_in_free_plan', key, detail)];
    }),
  );
}

/** A month and a billing period do not nest; the others do. */
const windowSize: Record<WindowKind, number> = {
  minute: 0,
  hour: 1,
  day: 2,
  month: 3,
  billing_period: 3,
};

function auditLimits({ key, current }: Offered): Finding[] {
  const counted = [
    ...current.features.map(({ feature, limits }) => ({ name: feature, limits })),
    ...current.pools.map(({ pool, limits }) => ({ name: pool, limits })),
  ];
  return counted.flatMap(({ name, limits }) =>
    limits.flatMap((shorter) =>
      limits
        .filter((longer) => neverReached(shorter, longer))
        .map((longer) =>
          finding(
            'limits_contradict',
            key,
            `"${name}": ${shorter.max} a ${wordOf(shorter)}, but only ${longer.max} a ${wordOf(longer)}.`,
          ),
        ),
    ),
  );
}

function neverReached(shorter: Limit, longer: Limit): boolean {
  const nests = windowSize[shorter.window] < windowSize[longer.window];
  return nests && shorter.max > longer.max && !longer.overage;
}

function wordOf({ window }: Limit): string {
  return window.replace('_', ' ');
}

/** Smart Retries as Stripe recommends them: 8 tries within 2 weeks (docs, "Smart Retries"). */
const stripeRetriesEndHours = 336;

/** Plans that cost something, and the ladder that later ones will begin with. */
function auditLadders(plans: Offered[], choices: PlanChoices): Finding[] {
  const lastRetry =
    choices.paymentRetries === 'stripe'
      ? stripeRetriesEndHours
      : Math.max(0, ...choices.paymentRetryHours);
  const paid = plans.filter(({ current }) => current.price !== null);
  return [
    ...auditLadder('settings.default_ladder', choices.defaultLadder, lastRetry),
    ...paid.flatMap(({ key, current }) => auditLadder(key, current.ladder, lastRetry)),
  ];
}

function auditLadder(subject: string, ladder: LadderStep[], lastRetry: number): Finding[] {
  const steps = stepsOf(ladder);
  const end = steps.findIndex(({ access }) => access === 'deny' || access === 'cancel');
  if (end === 0) {
    const detail = 'Its first step denies, together with the first notice.';
    return [finding('ladder_denies_unannounced', subject, detail)];
  }
  const endsAt = steps[end]?.afterHours ?? Infinity;
  if (endsAt <= lastRetry) return [];
  const denies = endsAt === Infinity ? 'It never denies' : `It denies after ${endsAt} hours`;
  const detail = `${denies}; the last retry is made after ${lastRetry}.`;
  return [finding('ladder_outlives_retries', subject, detail)];
}
