// What a customer was charged for an item's time and has not been given back: flexible billing gives
// back these amounts, not what the item would cost now
// (https://docs.stripe.com/billing/subscriptions/prorations#credit-prorations). Changes nothing.
import type { Credited, DiscountPart, InvoiceItem, InvoiceLine } from '../store/entity-invoice.ts';
import type { World } from '../world.ts';
import { isMetered } from './usage.ts';

export type Debit = {
  item: string;
  source: Credited;
  /** Before discounts. */
  gross: number;
  discounts: DiscountPart[];
  period: { start: number; end: number };
  /** Until when it has not been given back. */
  until: number;
  price: string | null;
  quantity: number;
  /** The tax rates it was charged with; null while it waits for its invoice. */
  rates: string[] | null;
};

/** Every debit of the subscription, oldest first; those of void invoices were never owed. */
export const debitsOf = (world: World, subscription: string): Debit[] => {
  const items = [...world.store.all('invoiceitem')].filter(
    (item) =>
      item._subscription === subscription &&
      item._item !== null &&
      item.proration &&
      !isVoid(world, item.invoice),
  );
  const back = givenBack(items);
  const waiting = items
    .filter((item) => item._credited === undefined && item.amount >= 0)
    .map((item) => ofItem(world, item));
  return [...periods(world, subscription), ...waiting].map((debit) => ({
    ...debit,
    until: Math.min(
      debit.period.end,
      ...keysOf(debit.source).map((key) => back.get(key) ?? Infinity),
    ),
  }));
};

const isVoid = (world: World, invoice: string | null): boolean =>
  invoice !== null && world.store.get('invoice', invoice)?.status === 'void';

const keysOf = (source: Credited): string[] =>
  'invoiceItem' in source ? [source.invoiceItem] : source.lines;

/** From when on each debit has been given back. */
const givenBack = (items: InvoiceItem[]): Map<string, number> => {
  const back = new Map<string, number>();
  for (const { _credited: source, period } of items) {
    for (const key of source === undefined ? [] : keysOf(source)) {
      back.set(key, Math.min(back.get(key) ?? Infinity, period.start));
    }
  }
  return back;
};

type Found = Omit<Debit, 'until'>;

const ofItem = (world: World, item: InvoiceItem): Found => {
  const taken = item._taken ?? [];
  const invoice = item.invoice === null ? undefined : world.store.get('invoice', item.invoice);
  const line = invoice?._lines.find((one) => one.invoiceItem === item.id);
  return {
    item: item._item!,
    source: { invoiceItem: item.id },
    gross: item.amount + (item._itemized === true ? 0 : sumOf(taken)),
    discounts: taken,
    period: item.period,
    price: item._price,
    quantity: item.quantity,
    rates: line === undefined ? null : (line.taxes ?? []).map((tax) => tax.rate),
  };
};

const sumOf = (parts: { amount: number }[]): number =>
  parts.reduce((sum, part) => sum + part.amount, 0);

/** The lines of whole periods; those of one item on one invoice, its tiers, are one debit. */
const periods = (world: World, subscription: string): Found[] => {
  const found = new Map<string, Found>();
  for (const invoice of world.store.all('invoice')) {
    if (invoice._subscription !== subscription || invoice.status === 'void') continue;
    for (const line of invoice._lines) {
      if (!chargesTime(world, line)) continue;
      const key = `${invoice.id} ${line.subscriptionItem!} ${line.period.start}`;
      const before = found.get(key);
      found.set(key, before === undefined ? ofLine(invoice.id, line) : joined(before, line));
    }
  }
  return [...found.values()];
};

const chargesTime = (world: World, line: InvoiceLine): boolean =>
  line.invoiceItem === null &&
  line.subscriptionItem !== null &&
  line.price !== null &&
  !isMetered(world.store.need('price', line.price));

const ofLine = (invoice: string, line: InvoiceLine): Found => ({
  item: line.subscriptionItem!,
  source: { invoice, lines: [line.id] },
  gross: line.amount,
  discounts: line.discountAmounts,
  period: line.period,
  price: line.price,
  quantity: line.quantity,
  rates: (line.taxes ?? []).map((tax) => tax.rate),
});

const joined = (debit: Found, line: InvoiceLine): Found => ({
  ...debit,
  source:
    'lines' in debit.source
      ? { ...debit.source, lines: [...debit.source.lines, line.id] }
      : debit.source,
  gross: debit.gross + line.amount,
  discounts: [...debit.discounts, ...line.discountAmounts],
});
