// What must hold of a sandbox at any moment, whatever was done to it: read from outside, with the
// SDK. Each problem is a sentence with the ids it is about.
import type Stripe from 'stripe';
import type { Stand } from './stand.ts';

const terminal = new Set(['canceled', 'incomplete_expired']);
const finished = new Set(['paid', 'void']);

/** Remembers what has ended, so that a later look can tell whether it came back. */
export const createInvariants = (stand: Stand) => {
  const { stripe } = stand;
  const ended = new Map<string, string>();

  return async (): Promise<string[]> => {
    const limit = { limit: 10_000 };
    const [subscriptions, invoices, events, customers, intents] = await Promise.all([
      stripe.subscriptions.list({ status: 'all', limit: 100 }).autoPagingToArray(limit),
      stripe.invoices.list({ limit: 100 }).autoPagingToArray(limit),
      stripe.events.list({ limit: 100 }).autoPagingToArray(limit),
      stripe.customers.list({ limit: 100 }).autoPagingToArray(limit),
      stripe.paymentIntents.list({ limit: 100 }).autoPagingToArray(limit),
    ]);
    const settling = new Set(
      intents.filter(({ status }) => status === 'processing').map(({ customer }) => customer),
    );
    const now = await stand.now();
    return [
      ...invoices.flatMap(amounts),
      ...subscriptions.flatMap((row) => periods(row, now, settling.has(row.customer as string))),
      ...subscriptions.flatMap((row) => sequence(row, invoices)),
      ...staysEnded(ended, [...subscriptions, ...invoices]),
      ...inStep(events, [...subscriptions, ...invoices, ...customers]),
    ];
  };
};

/** Lines add up to the subtotal, taxes and discounts to the total, what is due to what is paid. */
const amounts = (invoice: Stripe.Invoice): string[] => {
  const { id, status, subtotal, total, amount_due: due, amount_paid: paid } = invoice;
  const sum = (list: { amount: number }[]): number =>
    list.reduce((all, one) => all + one.amount, 0);
  const off = sum(invoice.total_discount_amounts ?? []);
  const added = sum(
    (invoice.total_taxes ?? []).filter(({ tax_behavior: how }) => how === 'exclusive'),
  );
  const balance = (invoice.ending_balance ?? invoice.starting_balance) - invoice.starting_balance;
  const rules: [boolean, string][] = [
    [invoice.lines.has_more || sum(invoice.lines.data) === subtotal, 'lines are not the subtotal'],
    [subtotal - off + added === total, 'subtotal less discounts and with taxes is not the total'],
    [due >= 0 && paid >= 0 && invoice.amount_remaining >= 0, 'an amount is negative'],
    [
      status === 'void' || paid + invoice.amount_remaining === due,
      'paid and remaining are not due',
    ],
    [status !== 'paid' || invoice.amount_remaining === 0, 'paid and something remains'],
    [status !== 'open' || due > 0, 'open and nothing is due'],
    [invoice.ending_balance === null || total - due === balance, 'the balance took another amount'],
    [
      (status === 'draft') === (invoice.status_transitions.finalized_at === null),
      'a draft with a date of finalisation, or none without',
    ],
    [status !== 'paid' || invoice.status_transitions.paid_at !== null, 'paid without a date'],
    [status === 'draft' || invoice.number !== null, 'finalised without a number'],
  ];
  return rules.filter(([holds]) => !holds).map(([, words]) => `${id} ${status}: ${words}`);
};

/** One open period per item, and now lies in it while it lives; a debit may keep a start open. */
const periods = (row: Stripe.Subscription, now: number, settles: boolean): string[] =>
  row.items.data.flatMap((item) => {
    const { current_period_start: start, current_period_end: end } = item;
    const lives = ['active', 'trialing', 'past_due', 'unpaid'].includes(row.status);
    const slack = 5;
    return [
      ...(start < end ? [] : [`${row.id} ${row.status}: an empty period`]),
      ...(!lives || (start <= now && now <= end + slack)
        ? []
        : [`${row.id} ${row.status}: ${now} is not between ${start} and ${end}`]),
      ...(row.cancel_at === null || !lives || row.cancel_at > now - slack
        ? []
        : [`${row.id} ${row.status}: should have ended at ${row.cancel_at}`]),
      ...(row.status === 'incomplete' && now > row.created + 23 * 3600 + slack && !settles
        ? [`${row.id}: incomplete for more than 23 hours`]
        : []),
    ];
  });

/**
 * Renewals follow each other to the second, of subscriptions whose cycle nobody moved: no change of
 * plan, trial or anchor, and no pause in between.
 */
const sequence = (row: Stripe.Subscription, invoices: Stripe.Invoice[]): string[] => {
  const theirs = invoices.filter(
    (invoice) => invoice.parent?.subscription_details?.subscription === row.id,
  );
  const resumes = ({ period_start: start, period_end: end }: Stripe.Invoice): boolean =>
    start === end;
  const isMoved = theirs.some(
    (invoice) =>
      invoice.billing_reason === 'subscription_update' ||
      (invoice.billing_reason === 'subscription_cycle' && resumes(invoice)),
  );
  if (isMoved) return [];
  const charged = theirs
    .filter((invoice) => invoice.billing_reason === 'subscription_cycle')
    .flatMap((invoice) => invoice.lines.data)
    .filter((line) => line.parent?.subscription_item_details?.proration === false);
  return [...new Set(charged.map(itemOf))].flatMap((item) =>
    followed(
      row.id,
      charged.filter((line) => itemOf(line) === item),
    ),
  );
};

const itemOf = (line: Stripe.InvoiceLineItem): string =>
  line.parent?.subscription_item_details?.subscription_item ?? '';

/**
 * The periods of one item, which nobody gave another price. Classic usage has a line of nothing where a
 * period begins, and the usage where it ends.
 */
const followed = (id: string, lines: Stripe.InvoiceLineItem[]): string[] => {
  const prices = new Set(lines.map((line) => line.pricing?.price_details?.price));
  if (prices.size > 1) return [];
  const announced = (line: Stripe.InvoiceLineItem): boolean =>
    line.quantity === 0 &&
    lines.some(
      (other, i) =>
        other.period.start === line.period.start &&
        (other.quantity !== 0 || i < lines.indexOf(line)),
    );
  const charged = lines
    .filter((line) => !announced(line))
    .map((line) => line.period)
    .sort((a, b) => a.start - b.start);
  return charged.flatMap((period, i) => {
    const next = charged[i + 1];
    return next === undefined || next.start === period.end
      ? []
      : [`${id}: ${period.start}-${period.end} is followed by ${next.start}-${next.end}`];
  });
};

const staysEnded = (
  ended: Map<string, string>,
  rows: { id?: string; status: string | null }[],
): string[] =>
  rows.flatMap(({ id = '', status }) => {
    const before = ended.get(id);
    if (before !== undefined && before !== status)
      return [`${id}: ${before} became ${status ?? ''}`];
    if (status !== null && (terminal.has(status) || finished.has(status))) ended.set(id, status);
    return [];
  });

/** What invoicing notes on a customer without a word. */
const silent = new Set(['lastResponse', 'next_invoice_sequence']);

/** The newest event about an object shows it as it is. */
const inStep = (events: Stripe.Event[], rows: { id?: string; object: string }[]): string[] => {
  const newest = new Map<string, Stripe.Event>();
  for (const event of events) {
    const { id } = event.data.object as { id?: string };
    if (id !== undefined && !newest.has(id) && event.type !== 'invoice.upcoming')
      newest.set(id, event);
  }
  return rows.flatMap((row) => {
    const event = newest.get(row.id ?? '');
    if (event === undefined) return [];
    const shown = JSON.parse(JSON.stringify(event.data.object)) as Record<string, unknown>;
    const is = JSON.parse(JSON.stringify(row)) as Record<string, unknown>;
    const differing = Object.keys(is).filter(
      (key) => !silent.has(key) && JSON.stringify(is[key]) !== JSON.stringify(shown[key]),
    );
    return differing.length === 0
      ? []
      : [`${row.id ?? ''}: ${event.type} is out of step in ${differing.join(', ')}`];
  });
};
