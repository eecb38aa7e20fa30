// Search in Stripe's query language, and the lines of a draft several at a time.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type Stripe from 'stripe';
import { customerWith, errorOf, openStand, type Stand } from './stand.ts';

let stand: Stand;
let stripe: Stripe;
beforeAll(async () => {
  stand = await openStand();
  ({ stripe } = stand);
  for (const [name, email, team] of [
    ['Ada Lovelace', 'ada@example.com', 'one'],
    ['Grace Hopper', 'grace@example.com', 'one'],
    ['Ada Yonath', 'yonath@example.org', 'two'],
  ] as const)
    await stripe.customers.create({ name, email, metadata: { team } });
});
afterAll(() => stand.close());

const names = async (query: string): Promise<(string | null | undefined)[]> =>
  (await stripe.customers.search({ query })).data.map((one) => one.name);

describe('search', () => {
  test.each([
    ["email:'ada@example.com'", ['Ada Lovelace']],
    ["name~'ada'", ['Ada Yonath', 'Ada Lovelace']],
    ['metadata["team"]:"one"', ['Grace Hopper', 'Ada Lovelace']],
    ["name~'ada' AND metadata['team']:'one'", ['Ada Lovelace']],
    ["email:'ada@example.com' OR email:'grace@example.com'", ['Grace Hopper', 'Ada Lovelace']],
    ["-name~'ada'", ['Grace Hopper']],
    ["metadata['none']:null AND name~'ada'", ['Ada Yonath', 'Ada Lovelace']],
    ['created>0 AND created<1', []],
  ])('%s', async (query, expected) => {
    expect(await names(query)).toEqual(expected);
  });

  test.each([
    ['nonsense'],
    ["unknown:'a'"],
    ["email>'a'"],
    ["name~'ad'"],
    ["metadata:'one'"],
    ["name:'a' AND name:'b' OR name:'c'"],
    [''],
  ])('refused: %s', async (query) => {
    expect(await errorOf(stripe.customers.search({ query }))).toMatchObject({
      statusCode: 400,
      param: 'query',
    });
  });

  test('pages until there is no more, also for the SDK', async () => {
    const first = await stripe.customers.search({ query: 'created>0', limit: 2 });
    expect(first).toMatchObject({ has_more: true, object: 'search_result' });
    const rest = await stripe.customers.search({
      query: 'created>0',
      limit: 2,
      page: first.next_page!,
    });
    expect([...first.data, ...rest.data]).toHaveLength(3);
    expect(rest).toMatchObject({ has_more: false, next_page: null });
    const all = await stripe.customers
      .search({ query: 'created>0', limit: 1 })
      .autoPagingToArray({ limit: 10 });
    expect(all).toHaveLength(3);
  });
});

describe('the lines of a draft', () => {
  test('are added, changed and removed together, and the sums follow', async () => {
    const { id: customer } = await customerWith(stripe, 'pm_card_visa');
    const waiting = await stripe.invoiceItems.create({ customer, amount: 70, currency: 'usd' });
    const draft = await stripe.invoices.create({ customer });
    const filled = await stripe.invoices.addLines(draft.id, {
      lines: [{ amount: 300, description: 'one' }, { amount: 500 }, { invoice_item: waiting.id }],
      invoice_metadata: { by: 'hand' },
    });
    expect(filled).toMatchObject({ total: 870, metadata: { by: 'hand' } });
    const [one, two, three] = filled.lines.data;
    const changed = await stripe.invoices.updateLines(draft.id, {
      lines: [{ id: one!.id, amount: 200 }],
    });
    expect(changed.total).toBe(770);
    const line = await stripe.invoices.updateLineItem(draft.id, two!.id, { description: 'two' });
    expect(line).toMatchObject({ id: two!.id, description: 'two', amount: 500 });
    const left = await stripe.invoices.removeLines(draft.id, {
      lines: [
        { id: two!.id, behavior: 'delete' },
        { id: three!.id, behavior: 'unassign' },
      ],
    });
    expect(left.total).toBe(200);
    expect((await stripe.invoiceItems.retrieve(waiting.id)).invoice).toBeNull();
    await stripe.invoices.finalizeInvoice(draft.id);
    const late = stripe.invoices.addLines(draft.id, { lines: [{ amount: 1 }] });
    expect(await errorOf(late)).toMatchObject({ code: 'invoice_not_editable' });
  });
});
