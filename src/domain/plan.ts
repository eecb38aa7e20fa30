// The words of a plan: features, their limits, the ladder of a payment that is late. Only types and the
// default ladder; who may change a plan and what Stripe hears of it is decided elsewhere.
import type { FieldError } from './error.ts';

export type WindowKind = 'minute' | 'hour' | 'day' | 'month' | 'billing_period';

export type Limit = {
  window: WindowKind;
  /** Units admitted in one window. */
  max: number;
  /** What cures being over: a payment (402) or time (429). */
  on_exceed: 'payment' | 'wait';
  /** Units beyond max at this price (decimal minor units) instead of a denial. */
  overage: null | { unit_amount_decimal: string };
};

/** A feature with a pool draws `cost` units of it per unit of its own, besides its own limits. */
export type PlanFeature = {
  feature: string;
  limits: Limit[];
  pool?: { pool: string; cost: number } | null;
};

/** One balance that several features draw on, counted under its own name. */
export type Pool = { pool: string; limits: Limit[] };

export type LadderAccess = 'full' | 'warn' | 'read_only' | 'deny' | 'cancel';
export type LadderStep = { after_hours: number; access: LadderAccess };

export type Price = { amount: number; currency: string; interval: 'month' | 'year' };

/** What a subscriber of one version of a plan gets. */
export type PlanFacts = {
  versionId: string;
  key: string;
  version: number;
  name: string;
  price: Price | null;
  features: PlanFeature[];
  pools: Pool[];
  ladder: LadderStep[];
  /** Offered to anybody, and the version a new subscriber would get. */
  offered: boolean;
};

/** Two weeks of patience: longer than the median of nine card retries needs. */
export const defaultLadder: LadderStep[] = [
  { after_hours: 0, access: 'full' },
  { after_hours: 72, access: 'warn' },
  { after_hours: 168, access: 'read_only' },
  { after_hours: 336, access: 'deny' },
  { after_hours: 720, access: 'cancel' },
];

const hourMs = 3_600_000;

/** The step that holds `lateMs` after the payment was due; a step holds from its very instant on. */
export function ladderStep(ladder: LadderStep[], lateMs: number): LadderAccess {
  let access: LadderAccess = 'full';
  for (const step of ladder) if (lateMs >= step.after_hours * hourMs) access = step.access;
  return access;
}

/** Each pool has a name of its own, and what draws on one draws on one that is there. Takes whatever has the shape. */
export function describePoolFaults(plan: unknown): FieldError[] {
  const names = new Set(entriesOf(plan, 'pools').map(({ pool }) => pool));
  return entriesOf(plan, 'features').flatMap(({ feature, pool }, index) => {
    const drawn = typeof pool === 'object' && pool !== null && 'pool' in pool ? pool.pool : null;
    return [
      ...(drawn !== null && !names.has(drawn)
        ? [{ pointer: `/features/${index}/pool/pool`, detail: 'names no pool of this plan' }]
        : []),
      ...(names.has(feature)
        ? [{ pointer: `/features/${index}/feature`, detail: 'is the name of a pool' }]
        : []),
    ];
  });
}

function entriesOf(plan: unknown, member: 'pools' | 'features'): Record<string, unknown>[] {
  const list = (plan as Record<string, unknown> | null | undefined)?.[member];
  return Array.isArray(list) ? list.map((entry: unknown) => ({ ...(entry as object) })) : [];
}
