// How Stripe shows credit notes and their lines.
import { totalTaxes } from '../billing/tax.ts';
import type { CreditNote, CreditNoteLine } from '../store/entity-invoice.ts';
import type { World } from '../world.ts';
import { showTax } from './invoice.ts';
import { showTaxRate } from './tax.ts';
import { embedded, publicPart, type Wire } from './wire.ts';

const linesShownMax = 10;
const sum = (amounts: number[]): number => amounts.reduce((total, amount) => total + amount, 0);

export const showCreditNote = (world: World, note: CreditNote): Wire => {
  const taxes = totalTaxes(note._lines);
  const inclusive = sum(taxes.map((tax) => (tax.inclusive ? tax.amount : 0)));
  const totals = new Map<string, number>();
  for (const { amount, discount } of note._lines.flatMap((line) => line.discountAmounts)) {
    totals.set(discount, (totals.get(discount) ?? 0) + amount);
  }
  const discounts = [...totals].map(([discount, amount]) => ({ amount, discount }));
  return {
    amount_shipping: 0,
    customer_account: null,
    ...publicPart(note),
    discount_amounts: discounts,
    lines: embedded(
      `/v1/credit_notes/${note.id}/lines`,
      note._lines.slice(0, linesShownMax).map((line) => showCreditLine(world, line)),
      note._lines.length,
    ),
    pdf: `${world.publicUrl}/credit_notes/${note.id}/pdf`,
    pretax_credit_amounts: discounts.map((part) => ({ ...part, type: 'discount' })),
    shipping_cost: null,
    subtotal_excluding_tax: note.subtotal - inclusive,
    total_excluding_tax: note.total - sum(taxes.map((tax) => tax.amount)),
    total_taxes: taxes.map(showTax),
  };
};

export const showCreditLine = (world: World, line: CreditNoteLine): Wire => ({
  id: line.id,
  object: 'credit_note_line_item',
  amount: line.amount,
  description: line.description,
  discount_amount: sum(line.discountAmounts.map((part) => part.amount)),
  discount_amounts: line.discountAmounts,
  ...(line.invoice_line_item === null ? {} : { invoice_line_item: line.invoice_line_item }),
  livemode: false,
  metadata: {},
  pretax_credit_amounts: line.discountAmounts.map((part) => ({ ...part, type: 'discount' })),
  quantity: line.quantity,
  tax_rates: line.taxes.map((tax) => showTaxRate(world.store.need('tax_rate', tax.rate))),
  taxes: line.taxes.map(showTax),
  type: line.invoice_line_item === null ? 'custom_line_item' : 'invoice_line_item',
  unit_amount: line.unit_amount,
  unit_amount_decimal: line.unit_amount === null ? null : String(line.unit_amount),
});
