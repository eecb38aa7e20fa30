// The lines of a credit note: parts of the invoice's lines with their share of discount and tax, or
// amounts of their own. Moves nothing.
import { invalid, missingParam } from '../api/error.ts';
import type { CreditNoteLine, Invoice, InvoiceLine } from '../store/entity-invoice.ts';
import { newId, type World } from '../world.ts';
import { multiply, share } from './money.ts';
import { taxesOf, taxRates } from './tax.ts';

export type LineAsked = {
  type: 'custom_line_item' | 'invoice_line_item';
  amount?: number | undefined;
  description?: string | undefined;
  invoice_line_item?: string | undefined;
  quantity?: number | undefined;
  tax_rates?: string[] | null | undefined;
  unit_amount?: number | undefined;
  unit_amount_decimal?: string | undefined;
};

export const creditLines = (
  world: World,
  invoice: Invoice,
  asked: { amount?: number | undefined; lines?: LineAsked[] | undefined },
): CreditNoteLine[] => {
  if (asked.lines !== undefined) {
    return asked.lines.map((line, i) =>
      line.type === 'invoice_line_item'
        ? partOfLine(invoice, line, `lines[${i}]`)
        : ownLine(world, line, `lines[${i}]`),
    );
  }
  if (asked.amount === undefined) {
    throw invalid('You must provide either `amount` or `lines`.', {
      param: 'amount',
      code: 'parameter_missing',
    });
  }
  return [
    {
      id: newId('cnli'),
      amount: asked.amount,
      description: `Credit for invoice ${invoice.number ?? ''}`,
      quantity: 1,
      unit_amount: asked.amount,
      invoice_line_item: null,
      discountAmounts: [],
      taxes: [],
    },
  ];
};

/** A part of an invoice's line takes the same part of its discounts and taxes with it. */
const partOfLine = (invoice: Invoice, asked: LineAsked, param: string): CreditNoteLine => {
  const { invoice_line_item: id = '' } = asked;
  const line = invoice._lines.find((one) => one.id === id);
  if (line === undefined) throw missingParam('line item', id, `${param}[invoice_line_item]`);
  const amount = asked.amount ?? share(line.amount, asked.quantity ?? line.quantity, line.quantity);
  if (amount > line.amount) {
    throw invalid('The amount of a credit note line is greater than that of the invoice line.', {
      param: `${param}[amount]`,
    });
  }
  return {
    id: newId('cnli'),
    amount,
    description: asked.description ?? line.description,
    quantity: asked.amount === undefined ? (asked.quantity ?? line.quantity) : null,
    unit_amount: asked.amount === undefined ? share(line.amount, 1, line.quantity) : null,
    invoice_line_item: line.id,
    ...partsOf(line, amount),
  };
};

const partsOf = (
  line: InvoiceLine,
  amount: number,
): Pick<CreditNoteLine, 'discountAmounts' | 'taxes'> => ({
  discountAmounts: line.discountAmounts.map((part) => ({
    ...part,
    amount: share(part.amount, amount, line.amount),
  })),
  taxes: (line.taxes ?? []).map((tax) => ({
    ...tax,
    amount: share(tax.amount, amount, line.amount),
    taxable: share(tax.taxable, amount, line.amount),
  })),
});

const ownLine = (world: World, asked: LineAsked, param: string): CreditNoteLine => {
  const unit = asked.unit_amount_decimal ?? asked.unit_amount?.toString();
  if (unit === undefined || asked.quantity === undefined) {
    const missing = unit === undefined ? 'unit_amount' : 'quantity';
    throw invalid(`Missing required param: ${param}[${missing}].`, {
      param: `${param}[${missing}]`,
      code: 'parameter_missing',
    });
  }
  const amount = multiply(unit, asked.quantity);
  const rates = taxRates(world, asked.tax_rates ?? [], `${param}[tax_rates]`);
  return {
    id: newId('cnli'),
    amount,
    description: asked.description ?? null,
    quantity: asked.quantity,
    unit_amount: asked.unit_amount ?? null,
    invoice_line_item: null,
    discountAmounts: [],
    taxes: taxesOf(world, rates, amount, 'none'),
  };
};
