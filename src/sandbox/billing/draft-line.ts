// The lines of a draft, several at a time (https://docs.stripe.com/api/invoice-line-item/bulk): added,
// changed and taken away. A line that an item stands behind changes with its item.
import { z } from 'zod';
import { find } from '../api/endpoint.ts';
import { invalid, missingParam } from '../api/error.ts';
import { mergeMetadata, metadata, text } from '../api/params.ts';
import { announce, change } from '../delivery/event.ts';
import type { Invoice, InvoiceItem, InvoiceLine } from '../store/entity-invoice.ts';
import type { World } from '../world.ts';
import { addItem, changeItem, itemParams, refuseFinal, type ItemAsked } from './invoice-item.ts';
import { refreshDraft } from './invoice-manual.ts';
import { recalculated } from './invoice-total.ts';
import { taxRates } from './tax.ts';

const { unit_amount_decimal: _, ...lineParams } = itemParams;
const about = { invoice_metadata: metadata.optional() };
export const addLinesParams = z.strictObject({
  ...about,
  lines: z
    .array(z.strictObject({ ...lineParams, invoice_item: text.optional() }))
    .min(1)
    .max(250),
});
export const updateLinesParams = z.strictObject({
  ...about,
  lines: z
    .array(z.strictObject({ ...lineParams, id: text }))
    .min(1)
    .max(250),
});
export const removeLinesParams = z.strictObject({
  ...about,
  lines: z
    .array(z.strictObject({ id: text, behavior: z.enum(['delete', 'unassign']) }))
    .min(1)
    .max(250),
});
export const updateLineParams = z.strictObject(lineParams);

type About = { invoice_metadata?: Record<string, string> | null | undefined };

const noted = (world: World, { id }: Invoice, asked: About): Invoice => {
  const now = world.store.need('invoice', id);
  if (asked.invoice_metadata === undefined) return now;
  const kept = mergeMetadata(now.metadata, asked.invoice_metadata);
  return change(world, 'invoice', id, { metadata: kept }, 'invoice.updated');
};

const lineOf = (world: World, invoice: Invoice, id: string, param: string): InvoiceLine => {
  const line = world.store.need('invoice', invoice.id)._lines.find((one) => one.id === id);
  if (line === undefined) throw missingParam('invoice line item', id, param);
  return line;
};

export const addLines = (
  world: World,
  invoice: Invoice,
  asked: z.output<typeof addLinesParams>,
): Invoice => {
  refuseFinal(invoice);
  const customer = world.store.need('customer', invoice.customer);
  for (const [i, { invoice_item: waiting, ...line }] of asked.lines.entries()) {
    if (waiting === undefined) {
      addItem(world, customer, line, {
        invoice: invoice.id,
        subscription: invoice._subscription,
        currency: invoice.currency,
      });
    } else assign(world, invoice, find(world, 'invoiceitem', waiting), `lines[${i}][invoice_item]`);
  }
  return noted(world, invoice, asked);
};

const assign = (world: World, invoice: Invoice, item: InvoiceItem, param: string): void => {
  if (item.invoice !== null || item.customer !== invoice.customer) {
    throw invalid('This invoice item is on an invoice already, or of another customer.', { param });
  }
  world.store.update('invoiceitem', item.id, { invoice: invoice.id });
  refreshDraft(world, invoice.id);
};

export const updateLine = (
  world: World,
  invoice: Invoice,
  id: string,
  asked: ItemAsked,
): InvoiceLine => {
  refuseFinal(invoice);
  const line = lineOf(world, invoice, id, 'line_item_id');
  const item = line.invoiceItem;
  if (item !== null) changeItem(world, world.store.need('invoiceitem', item), asked);
  else changeOwn(world, invoice, line, asked);
  return lineOf(world, invoice, id, 'line_item_id');
};

/** Of a period's line what it says and its taxes may change, not what it costs. */
const changeOwn = (world: World, invoice: Invoice, line: InvoiceLine, asked: ItemAsked): void => {
  const fixed = (['amount', 'price_data', 'pricing', 'quantity'] as const).find(
    (key) => asked[key] !== undefined,
  );
  if (fixed !== undefined) {
    throw invalid(`You cannot change \`${fixed}\` of a line item of a subscription.`, {
      param: fixed,
    });
  }
  const changed: InvoiceLine = {
    ...line,
    description: asked.description ?? line.description,
    period: asked.period ?? line.period,
    metadata: mergeMetadata(line.metadata ?? {}, asked.metadata),
    ...(asked.discountable === undefined ? {} : { discountable: asked.discountable }),
    ...(asked.tax_rates === undefined
      ? {}
      : { taxRates: taxRates(world, asked.tax_rates ?? [], 'tax_rates') }),
  };
  const draft = world.store.need('invoice', invoice.id);
  const _lines = draft._lines.map((one) => (one.id === line.id ? changed : one));
  const sums = recalculated(world, { ...draft, _lines });
  change(world, 'invoice', draft.id, sums, 'invoice.updated');
};

export const updateLines = (
  world: World,
  invoice: Invoice,
  asked: z.output<typeof updateLinesParams>,
): Invoice => {
  for (const { id, ...line } of asked.lines) updateLine(world, invoice, id, line);
  return noted(world, invoice, asked);
};

export const removeLines = (
  world: World,
  invoice: Invoice,
  asked: z.output<typeof removeLinesParams>,
): Invoice => {
  refuseFinal(invoice);
  for (const [i, { id, behavior }] of asked.lines.entries()) {
    const { invoiceItem: item } = lineOf(world, invoice, id, `lines[${i}][id]`);
    if (item === null) {
      throw invalid('Line items of a subscription cannot be removed from its invoice.', {
        param: `lines[${i}][id]`,
      });
    }
    const row = world.store.need('invoiceitem', item);
    if (behavior === 'unassign') world.store.update('invoiceitem', item, { invoice: null });
    else {
      world.store.remove('invoiceitem', item);
      announce(world, 'invoiceitem.deleted', row);
    }
    refreshDraft(world, invoice.id);
  }
  return noted(world, invoice, asked);
};
