// An invoice's sums from its lines: discounts, taxes, what is due. Keeps nothing.
import type { Discount } from '../store/entity-catalog.ts';
import type { Invoice, InvoiceLine } from '../store/entity-invoice.ts';
import type { World } from '../world.ts';
import { applyDiscounts } from './discount.ts';
import { exclusiveTax, withTaxes } from './tax.ts';

export type Totals = Pick<Invoice, 'subtotal' | 'total' | 'amount_due' | 'amount_remaining'> & {
  _lines: InvoiceLine[];
};

export const totalsOf = (
  world: World,
  about: { lines: InvoiceLine[]; discounts: Discount[]; taxRates: string[]; customer: string },
): Totals => {
  const bare = about.lines.map(({ taxes: _taxes, ...line }) => ({
    ...line,
    discountAmounts: line.ownDiscounts ?? [],
  }));
  const discounted = applyDiscounts(world, bare, about.discounts);
  const lines = withTaxes(world, discounted, about.taxRates, about.customer);
  const subtotal = sum(lines.map((line) => line.amount));
  const off = sum(lines.flatMap((line) => line.discountAmounts.map((part) => part.amount)));
  const total = subtotal - off + sum(lines.map(exclusiveTax));
  const { balance } = world.store.need('customer', about.customer);
  const due = amountDue(total, balance);
  return { subtotal, total, amount_due: due, amount_remaining: due, _lines: lines };
};

/** The sums of a draft whose lines, discounts or rates have changed; what it has, it may use. */
export const recalculated = (world: World, draft: Invoice): Totals =>
  totalsOf(world, {
    lines: draft._lines,
    discounts: draft.discounts.map((id) => world.store.need('discount', id)),
    taxRates: draft._tax_rates ?? [],
    customer: draft.customer,
  });

const sum = (amounts: number[]): number => amounts.reduce((total, amount) => total + amount, 0);

/** A credit balance (negative) pays first; a debt (positive) is added. */
export const amountDue = (total: number, balance: number): number =>
  total <= 0 ? 0 : Math.max(0, total + balance);
