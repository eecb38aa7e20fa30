// Invoices made by hand: items, discounts, taxes, the customer's balance and credit notes.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type Stripe from 'stripe';
import { customerWith, errorOf, monthly, openStand, type Stand } from './stand.ts';

let stand: Stand;
let stripe: Stripe;
beforeAll(async () => {
  stand = await openStand();
  ({ stripe } = stand);
});
afterAll(() => stand.close());

type Item = Omit<Stripe.InvoiceItemCreateParams, 'customer'>;

const invoiceOf = async (
  items: Item[],
  more: Partial<Stripe.InvoiceCreateParams> = {},
  card = 'pm_card_visa',
): Promise<Stripe.Invoice> => {
  const customer = more.customer ?? (await customerWith(stripe, card)).id;
  const draft = await stripe.invoices.create({ customer, ...more });
  for (const item of items) {
    await stripe.invoiceItems.create({ customer, invoice: draft.id, currency: 'usd', ...item });
  }
  return stripe.invoices.retrieve(draft.id);
};
const rate = (percentage: number, inclusive: boolean): Promise<Stripe.TaxRate> =>
  stripe.taxRates.create({ display_name: 'VAT', percentage, inclusive });

describe('invoices by hand', () => {
  test('a draft takes waiting items, is changed, finalised and paid', async () => {
    const { id: customer } = await customerWith(stripe, 'pm_card_visa');
    await stripe.invoiceItems.create({ customer, amount: 2_000, currency: 'usd' });
    const draft = await stripe.invoices.create({
      customer,
      pending_invoice_items_behavior: 'include',
      description: 'Work',
    });
    expect(draft).toMatchObject({ status: 'draft', total: 2_000, billing_reason: 'manual' });
    const item = await stripe.invoiceItems.create({
      customer,
      invoice: draft.id,
      currency: 'usd',
      quantity: 3,
      unit_amount_decimal: '33.5' as unknown as Stripe.Decimal,
    });
    expect(item.amount).toBe(101);
    await stripe.invoiceItems.update(item.id, { amount: 500 });
    expect((await stripe.invoices.retrieve(draft.id)).total).toBe(2_500);
    await stripe.invoiceItems.del(item.id);
    const paid = await stripe.invoices.pay(draft.id);
    expect(paid).toMatchObject({ status: 'paid', amount_paid: 2_000 });
    const late = await errorOf(stripe.invoices.update(draft.id, { description: 'late' }));
    expect(late.code).toBe('invoice_not_editable');
  });

  test('only a draft goes, with its items', async () => {
    const draft = await invoiceOf([{ amount: 700 }]);
    expect(await stripe.invoices.del(draft.id)).toMatchObject({ deleted: true });
    expect((await errorOf(stripe.invoices.retrieve(draft.id))).statusCode).toBe(404);
    const open = await stripe.invoices.finalizeInvoice((await invoiceOf([{ amount: 700 }])).id);
    expect((await errorOf(stripe.invoices.del(open.id))).code).toBe('invoice_not_editable');
  });

  test('an item that waits for the customer is on the next invoice of the subscription', async () => {
    const { id: customer } = await customerWith(stripe, 'pm_card_visa');
    await stripe.invoiceItems.create({ customer, amount: 300, currency: 'usd' });
    const { id: price } = await monthly(stripe, 1_000);
    const subscription = await stripe.subscriptions.create({
      customer,
      items: [{ price }],
      expand: ['latest_invoice'],
    });
    expect(subscription.latest_invoice).toMatchObject({ total: 1_300, status: 'paid' });
  });

  test('one that is sent is due later, and may be sent as a draft', async () => {
    const draft = await invoiceOf([{ amount: 700 }], {
      collection_method: 'send_invoice',
      days_until_due: 7,
    });
    const sent = await stripe.invoices.sendInvoice(draft.id);
    expect(sent.status).toBe('open');
    expect(sent.due_date! - sent.status_transitions.finalized_at!).toBe(7 * 86_400);
    const { customer } = draft;
    const without = await errorOf(
      stripe.invoices.create({
        customer: customer as string,
        collection_method: 'send_invoice',
      }),
    );
    expect(without.param).toBe('days_until_due');
  });
});

describe('taxes', () => {
  test.each([
    ['exclusive', false, 10, 1_000, { total: 1_100, total_excluding_tax: 1_000, tax: 100 }],
    ['inclusive', true, 10, 1_100, { total: 1_100, total_excluding_tax: 1_000, tax: 100 }],
    ['rounded per line', false, 19, 333, { total: 396, total_excluding_tax: 333, tax: 63 }],
  ])('%s', async (_name, inclusive, percentage, amount, expected) => {
    const { id } = await rate(percentage, inclusive);
    const invoice = await invoiceOf([{ amount }], { default_tax_rates: [id] });
    const { tax, ...sums } = expected;
    expect(invoice).toMatchObject(sums);
    expect(invoice.total_taxes).toMatchObject([
      {
        amount: tax,
        tax_behavior: inclusive ? 'inclusive' : 'exclusive',
        tax_rate_details: { tax_rate: id },
      },
    ]);
  });

  test('on what a discount leaves, of a subscription and of its item', async () => {
    const { id: customer } = await customerWith(stripe, 'pm_card_visa');
    const whole = await rate(20, false);
    const own = await rate(5, false);
    const { id: coupon } = await stripe.coupons.create({ percent_off: 50, duration: 'forever' });
    const { id: price } = await monthly(stripe, 1_000);
    const { id: other } = await monthly(stripe, 400, 'Extra');
    const subscription = await stripe.subscriptions.create({
      customer,
      items: [{ price }, { price: other, tax_rates: [own.id] }],
      default_tax_rates: [whole.id],
      discounts: [{ coupon }],
      expand: ['latest_invoice'],
    });
    expect(subscription.latest_invoice).toMatchObject({ subtotal: 1_400, total: 810 });
    expect(subscription.default_tax_rates).toMatchObject([{ id: whole.id }]);
  });

  test('a customer who is exempt pays none', async () => {
    const { id } = await rate(20, false);
    const customer = await stripe.customers.create({
      tax_exempt: 'reverse',
      tax_id_data: [{ type: 'eu_vat', value: 'DE123456789' }],
    });
    const invoice = await invoiceOf([{ amount: 1_000 }], {
      customer: customer.id,
      default_tax_rates: [id],
    });
    expect(invoice).toMatchObject({
      total: 1_000,
      total_taxes: [{ amount: 0, taxability_reason: 'reverse_charge' }],
      customer_tax_ids: [{ type: 'eu_vat', value: 'DE123456789' }],
    });
    const [taxId] = (await stripe.customers.listTaxIds(customer.id)).data;
    expect(await stripe.customers.deleteTaxId(customer.id, taxId!.id)).toMatchObject({
      deleted: true,
    });
  });
});

describe('the customer', () => {
  test('a credit pays first, comes back with a void, and each move is kept', async () => {
    const { id: customer } = await customerWith(stripe, 'pm_card_visa');
    await stripe.customers.createBalanceTransaction(customer, { amount: -600, currency: 'usd' });
    const draft = await invoiceOf([{ amount: 1_000 }], { customer });
    const open = await stripe.invoices.finalizeInvoice(draft.id);
    expect(open).toMatchObject({ amount_due: 400, starting_balance: -600, ending_balance: 0 });
    await stripe.invoices.voidInvoice(open.id);
    const after = (await stripe.customers.retrieve(customer)) as Stripe.Customer;
    expect(after.balance).toBe(-600);
    const moves = await stripe.customers.listBalanceTransactions(customer);
    expect(moves.data.map(({ type, amount }) => [type, amount])).toEqual([
      ['unapplied_from_invoice', -600],
      ['applied_to_invoice', 600],
      ['adjustment', -600],
    ]);
  });
});

describe('credit notes', () => {
  test('on an open invoice less is owed, until it is voided', async () => {
    const draft = await invoiceOf([{ amount: 2_000 }]);
    const open = await stripe.invoices.finalizeInvoice(draft.id, { auto_advance: false });
    const asked = {
      invoice: open.id,
      lines: [
        { type: 'custom_line_item' as const, unit_amount: 500, quantity: 1, description: 'Sorry' },
      ],
    };
    expect(await stripe.creditNotes.preview(asked)).toMatchObject({ total: 500 });
    const note = await stripe.creditNotes.create(asked);
    expect(note).toMatchObject({ total: 500, pre_payment_amount: 500, type: 'pre_payment' });
    expect(await stripe.invoices.retrieve(open.id)).toMatchObject({
      amount_remaining: 1_500,
      pre_payment_credit_notes_amount: 500,
    });
    expect((await stripe.creditNotes.voidCreditNote(note.id)).status).toBe('void');
    expect((await stripe.invoices.retrieve(open.id)).amount_remaining).toBe(2_000);
    await stripe.creditNotes.create({ invoice: open.id, amount: 2_000 });
    expect((await stripe.invoices.retrieve(open.id)).status).toBe('paid');
  });

  test('on a paid one it goes to the card and to the balance, tax in part', async () => {
    const { id } = await rate(10, false);
    const draft = await invoiceOf([{ amount: 2_000 }], { default_tax_rates: [id] });
    const paid = await stripe.invoices.pay(draft.id);
    expect(paid.amount_paid).toBe(2_200);
    const line = paid.lines.data[0]!.id;
    const lines = [{ type: 'invoice_line_item' as const, invoice_line_item: line, amount: 1_000 }];
    const unsaid = await errorOf(stripe.creditNotes.create({ invoice: paid.id, lines }));
    expect(unsaid.statusCode).toBe(400);
    const note = await stripe.creditNotes.create({
      invoice: paid.id,
      lines,
      refund_amount: 600,
      credit_amount: 500,
    });
    expect(note).toMatchObject({ subtotal: 1_000, total: 1_100, post_payment_amount: 1_100 });
    expect(note.refunds).toMatchObject([{ amount_refunded: 600 }]);
    const customer = (await stripe.customers.retrieve(paid.customer as string)) as Stripe.Customer;
    expect(customer.balance).toBe(-500);
    const more = await errorOf(
      stripe.creditNotes.create({ invoice: paid.id, amount: 1_200, refund_amount: 1_200 }),
    );
    expect(more.param).toBe('amount');
  });
});
