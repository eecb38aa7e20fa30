// How far a soft limit may be overrun: units beyond max are bought at a unit price until the spend cap.
// Whole numbers only: unit prices are decimal strings in minor units with up to 12 places.
import type { Limit } from './plan.ts';

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

/** A decimal string as an integer of 10^-12 minor units. */
function scaled(decimal: string): bigint {
  const [whole = '0', fraction = ''] = decimal.split('.');
  return BigInt(whole + fraction.padEnd(places, '0').slice(0, places));
}
