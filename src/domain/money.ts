// Amounts for people to read. Amounts themselves stay integers in minor units everywhere.

/** Stripe, "Supported currencies": currencies whose minor unit is not a hundredth. */
const zeroDecimal = new Set(
  'bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf'.split(' '),
);
const threeDecimal = new Set('bhd jod kwd omr tnd'.split(' '));

/** Decimal places of a currency, given in lower case: JPY 0, EUR 2, KWD 3. */
export function decimalPlaces(currency: string): 0 | 2 | 3 {
  if (zeroDecimal.has(currency)) return 0;
  return threeDecimal.has(currency) ? 3 : 2;
}

/** `12345` of `eur` as `123.45 EUR`. ASCII, since it travels in headers. */
export function formatMoney(amount: number, currency: string): string {
  const places = decimalPlaces(currency);
  const digits = String(Math.abs(amount)).padStart(places + 1, '0');
  const whole = digits.slice(0, digits.length - places);
  const fraction = places ? `.${digits.slice(-places)}` : '';
  return `${amount < 0 ? '-' : ''}${whole}${fraction} ${currency.toUpperCase()}`;
}
