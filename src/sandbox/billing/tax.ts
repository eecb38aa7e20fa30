// Tax rates on lines (https://docs.stripe.com/billing/taxes/tax-rates): exclusive ones are added,
// inclusive ones are found inside the amount. Rounded per line, as Stripe does by default.
import { missingParam } from '../api/error.ts';
import type { TaxRate } from '../store/entity-catalog.ts';
import type { InvoiceLine, TaxAmount } from '../store/entity-invoice.ts';
import type { World } from '../world.ts';
import { percent, share } from './money.ts';

/** The rates that ids name, which must be there. */
export const taxRates = (world: World, ids: string[], param: string): string[] =>
  ids.map((id, i) => {
    if (world.store.get('tax_rate', id) !== undefined) return id;
    throw missingParam('tax rate', id, `${param}[${i}]`);
  });

type Exempt = 'exempt' | 'reverse' | 'none';

const reasons: Record<Exempt, TaxAmount['reason']> = {
  none: 'not_available',
  exempt: 'customer_exempt',
  reverse: 'reverse_charge',
};

/** What the rates take of an amount that discounts have been taken off. */
export const taxesOf = (
  world: World,
  ids: string[],
  amount: number,
  exempt: Exempt,
): TaxAmount[] => {
  const rates = ids.map((id) => world.store.need('tax_rate', id));
  const net = withoutInclusive(rates, amount);
  return rates.map((rate) => ({
    amount: exempt === 'none' ? taxOf(rate, rates, amount, net) : 0,
    rate: rate.id,
    inclusive: rate.inclusive,
    taxable: net,
    reason: reasons[exempt],
  }));
};

const scale = 1_000_000;
const scaled = ({ percentage }: TaxRate): number => Math.round((percentage * scale) / 100);

const inclusiveSum = (rates: TaxRate[]): number =>
  rates.filter((rate) => rate.inclusive).reduce((sum, rate) => sum + scaled(rate), 0);

const withoutInclusive = (rates: TaxRate[], amount: number): number => {
  const inside = inclusiveSum(rates);
  return amount - share(amount, inside, scale + inside);
};

const taxOf = (rate: TaxRate, rates: TaxRate[], amount: number, net: number): number =>
  rate.inclusive
    ? share(amount, scaled(rate), scale + inclusiveSum(rates))
    : percent(net, rate.percentage);

/** The lines with their taxes: their own rates, or those of the whole invoice. */
export const withTaxes = (
  world: World,
  lines: InvoiceLine[],
  defaults: string[],
  customer: string,
): InvoiceLine[] => {
  const owner = world.store.get('customer', customer) as { tax_exempt?: Exempt | null } | undefined;
  return lines.map((line) => {
    const own = line.taxRates ?? [];
    const ids = line.taxed ?? (own.length > 0 ? own : defaults);
    if (ids.length === 0) return line;
    const off = line.discountAmounts.reduce((sum, part) => sum + part.amount, 0);
    return {
      ...line,
      taxes: taxesOf(world, ids, line.amount - off, owner?.tax_exempt ?? 'none'),
    };
  });
};

/** Tax that is added to a line's amount. */
export const exclusiveTax = ({ taxes = [] }: { taxes?: TaxAmount[] }): number =>
  taxes.reduce((sum, tax) => sum + (tax.inclusive ? 0 : tax.amount), 0);

/** One entry per rate over all lines, as an invoice shows it. */
export const totalTaxes = (lines: { taxes?: TaxAmount[] }[]): TaxAmount[] => {
  const totals = new Map<string, TaxAmount>();
  for (const tax of lines.flatMap((line) => line.taxes ?? [])) {
    const sofar = totals.get(tax.rate);
    totals.set(tax.rate, {
      ...tax,
      amount: tax.amount + (sofar?.amount ?? 0),
      taxable: tax.taxable + (sofar?.taxable ?? 0),
    });
  }
  return [...totals.values()];
};
