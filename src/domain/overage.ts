// How far a soft limit may be overrun: units beyond max are bought at a unit price until the spend cap.
// Whole numbers only: unit prices are decimal strings in minor units with up to 12 places.
import type { Limit } from './plan.ts';

const places = 12;

/** The units admitted in one window; null where overage has no cap. Never above what the cap buys. */
export function ceilingOf(limit: Limit, spendCap: number | null): number | null {
  if (!limit.overage) return limit.max;
  if (spendCap === null) return null;
  const unit = scaled(limit.overage.unit_amount_decimal);
  if (unit === 0n) return null;
  const bought = (BigInt(spendCap) * 10n ** BigInt(places)) / unit;
  return Math.min(Number.MAX_SAFE_INTEGER, limit.max + Number(bought));
}

/** A decimal string as an integer of 10^-12 minor units. */
function scaled(decimal: string): bigint {
  const [whole = '0', fraction = ''] = decimal.split('.');
  return BigInt(whole + fraction.padEnd(places, '0').slice(0, places));
}
