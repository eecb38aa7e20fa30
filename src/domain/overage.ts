// How far a soft limit may be overrun, and what that costs: units beyond max are bought at a unit price until the
// spend cap. Whole numbers only: unit prices are decimal strings in minor units with up to 12 places.
import type { Limit, PlanFacts, WindowKind } from './plan.ts';

const places = 12;
/** What overage has cost is counted in billionths of a minor unit: a token's price is far below a cent. */
const spendPlaces = 9;
/** As far as money is counted in one billing period: two billion minor units. */
const spendTop = 2n * 10n ** 18n;

/** The units admitted in one window; null where overage has no cap. Never above what the cap buys. */
export function ceilingOf(limit: Limit, spendCap: number | null): number | null {
  if (!limit.overage) return limit.max;
  if (spendCap === null) return null;
  const unit = scaled(limit.overage.unit_amount_decimal);
  if (unit === 0n) return null;
  const bought = (BigInt(spendCap) * 10n ** BigInt(places)) / unit;
  return bought > BigInt(Number.MAX_SAFE_INTEGER - limit.max)
    ? Number.MAX_SAFE_INTEGER
    : limit.max + Number(bought);
}

/** A unit price in billionths of a minor unit, as a decimal string. */
export function spendPrice(unitAmountDecimal: string): string {
  const digits = String(scaled(unitAmountDecimal)).padStart(places - spendPlaces + 1, '0');
  const point = digits.length - (places - spendPlaces);
  return `${digits.slice(0, point)}.${digits.slice(point)}`;
}

/** A spend cap in billionths of a minor unit, as an integer in a string; null: none. */
export function spendMax(spendCap: number | null): string | null {
  if (spendCap === null) return null;
  const max = BigInt(spendCap) * 10n ** BigInt(spendPlaces);
  return String(max < spendTop ? max : spendTop);
}

/** A limit that sells what is beyond it; `name` is the feature's or the pool's. */
export type SoftLimit = {
  name: string;
  window: WindowKind;
  max: number;
  unitAmountDecimal: string;
};

/** What of a plan is sold beyond its limits. Where a unit costs nothing, there is nothing to charge. */
export function softLimits({
  features,
  pools,
}: Pick<PlanFacts, 'features' | 'pools'>): SoftLimit[] {
  const named = [
    ...features.map(({ feature: name, limits }) => ({ name, limits })),
    ...pools.map(({ pool: name, limits }) => ({ name, limits })),
  ];
  return named.flatMap(({ name, limits }) =>
    limits.flatMap(({ window, max, overage }) =>
      overage && scaled(overage.unit_amount_decimal) > 0n
        ? [{ name, window, max, unitAmountDecimal: overage.unit_amount_decimal }]
        : [],
    ),
  );
}

/** Minor units on a line, rounded once, half away from zero, as Stripe does. */
export function lineAmount(units: number, unitAmountDecimal: string): bigint {
  const one = 10n ** BigInt(places);
  return (2n * BigInt(units) * scaled(unitAmountDecimal) + one) / (2n * one);
}

/** No line of these units, however they are spread over several, is more than this. */
export function costAtMost(units: number, unitAmountDecimal: string): bigint {
  const one = 10n ** BigInt(places);
  return (BigInt(units) * scaled(unitAmountDecimal) + one - 1n) / one;
}

/** How many of the units `budget` minor units pay for. */
export function affordable(units: number, unitAmountDecimal: string, budget: bigint): number {
  const unit = scaled(unitAmountDecimal);
  if (budget <= 0n) return 0;
  const bought = (budget * 10n ** BigInt(places)) / unit;
  return bought < BigInt(units) ? Number(bought) : units;
}

/** A decimal string as an integer of 10^-12 minor units. */
function scaled(decimal: string): bigint {
  const [whole = '0', fraction = ''] = decimal.split('.');
  return BigInt(whole + fraction.padEnd(places, '0').slice(0, places));
}
