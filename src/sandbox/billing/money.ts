// Amounts: integers in minor units; unit prices are decimal strings with up to 12 places.
// Rounded once, half away from zero, as Stripe rounds a line.

const places = 12;
const scale = 10n ** BigInt(places);

/** Unit price times quantity, rounded to a whole amount. A metered quantity may have decimals. */
export const multiply = (unitAmountDecimal: string, quantity: number): number =>
  Number.isInteger(quantity)
    ? Number(divideRounded(scaled(unitAmountDecimal) * BigInt(quantity), scale))
    : Number(
        divideRounded(scaled(unitAmountDecimal) * scaled(quantity.toFixed(places)), scale * scale),
      );

/** The share `part / whole` of an amount, rounded. */
export const share = (amount: number, part: number, whole: number): number =>
  whole === 0 ? 0 : Number(divideRounded(BigInt(amount) * BigInt(part), BigInt(whole)));

/** A percentage (up to 4 places) of an amount, rounded. */
export const percent = (amount: number, of: number): number =>
  Number(divideRounded(BigInt(amount) * BigInt(Math.round(of * 10_000)), 1_000_000n));

/** `"1050.50"` as it leaves: without trailing zeros. */
export const tidyDecimal = (decimal: string): string =>
  decimal.includes('.') ? decimal.replace(/\.?0+$/, '') : decimal;

const scaled = (decimal: string): bigint => {
  const [whole = '0', fraction = ''] = decimal.replace('-', '').split('.');
  const value = BigInt(whole) * scale + BigInt(fraction.padEnd(places, '0').slice(0, places));
  return decimal.startsWith('-') ? -value : value;
};

const divideRounded = (top: bigint, bottom: bigint): bigint => {
  const negative = top < 0n;
  const size = negative ? -top : top;
  const rounded = (2n * size + bottom) / (2n * bottom);
  return negative ? -rounded : rounded;
};

const decimals: Record<string, number> = {
  jpy: 0,
  krw: 0,
  clp: 0,
  vnd: 0,
  kwd: 3,
  bhd: 3,
  jod: 3,
  omr: 3,
  tnd: 3,
};

/** The least that a card is charged (https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts). */
export const minimumCharge = (currency: string): number => minima[currency] ?? 1;

const minima: Record<string, number> = {
  usd: 50,
  eur: 50,
  gbp: 30,
  jpy: 50,
  cad: 50,
  aud: 50,
  chf: 50,
  sek: 300,
  nok: 300,
  dkk: 250,
  mxn: 1000,
  sgd: 50,
  hkd: 400,
  nzd: 50,
  brl: 50,
  inr: 50,
  pln: 200,
};

/** An amount for people: `10.00 USD`. Never used to compute. */
export const forPeople = (amount: number, currency: string): string => {
  const digits = decimals[currency] ?? 2;
  const text = String(Math.abs(amount)).padStart(digits + 1, '0');
  const shown = digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`;
  return `${amount < 0 ? '-' : ''}${shown} ${currency.toUpperCase()}`;
};
