// Which object an event of Stripe's tells us to look at: a table from the event's type to the root object.
// Only ids and types are read, never what the event says happened; shapes of all API versions are known.

export type RootKind =
  'subscription' | 'customer' | 'checkout_session' | 'price' | 'product' | 'charge';
export type RootObject = {
  kind: RootKind;
  id: string;
  /** The event says that this very object is gone. */
  deleted: boolean;
};

type Shape = Record<string, unknown>;
type Rule = {
  /** The event's type begins with this; the first that fits decides. */
  prefix: string;
  find: (object: Shape, previous: Shape) => { kind: RootKind; id: string } | null;
};

const rules: Rule[] = [
  { prefix: 'customer.subscription.', find: (o) => root('subscription', o) },
  { prefix: 'customer.discount.', find: (o) => of('subscription', o) ?? of('customer', o) },
  { prefix: 'customer.', find: (o) => (o['object'] === 'customer' ? root('customer', o) : of('customer', o)) },
  { prefix: 'subscription_schedule.', find: (o) => of('subscription', o) ?? at('subscription', o['released_subscription']) ?? of('customer', o) },
  { prefix: 'invoice.', find: (o) => subscriptionOfInvoice(o) ?? of('customer', o) },
  { prefix: 'invoiceitem.', find: (o) => subscriptionOfItem(o) ?? of('customer', o) },
  { prefix: 'checkout.session.', find: (o) => root('checkout_session', o) },
  // A detached payment method has lost its customer; the event still names the former one.
  { prefix: 'payment_method.', find: (o, previous) => of('customer', o) ?? of('customer', previous) },
  { prefix: 'payment_intent.', find: (o) => of('customer', o) },
  { prefix: 'setup_intent.', find: (o) => of('customer', o) },
  { prefix: 'charge.refunded', find: (o) => root('charge', o) },
  { prefix: 'charge.dispute.', find: (o) => at('charge', o['charge']) },
  { prefix: 'charge.refund.', find: (o) => at('charge', o['charge']) },
  { prefix: 'refund.', find: (o) => at('charge', o['charge']) },
  { prefix: 'charge.', find: (o) => of('customer', o) },
  { prefix: 'price.', find: (o) => root('price', o) },
  { prefix: 'plan.', find: (o) => root('price', o) },
  { prefix: 'product.', find: (o) => root('product', o) },
]; // prettier-ignore

/**
 * What an endpoint at Stripe must send for access to follow at once; all other types that we read only repeat these.
 * Each falls under a rule above.
 */
export const neededEvents = [
  'customer.subscription.created',
  'customer.subscription.updated',
  'customer.subscription.deleted',
  'customer.subscription.paused',
  'customer.subscription.resumed',
  'customer.updated',
  'customer.deleted',
  'subscription_schedule.updated',
  'subscription_schedule.released',
  'subscription_schedule.canceled',
  'invoice.finalized',
  'invoice.paid',
  'invoice.payment_failed',
  'invoice.payment_action_required',
  'invoice.voided',
  'invoice.marked_uncollectible',
  'checkout.session.completed',
  'checkout.session.expired',
  'payment_method.attached',
  'payment_method.detached',
  'payment_method.updated',
  'payment_method.automatically_updated',
  'charge.refunded',
  'charge.dispute.created',
  'charge.dispute.closed',
  'price.deleted',
  'product.deleted',
] as const;

/** The object to re-read, or null where the event is about nothing we keep. */
export function rootObject(event: {
  type: string;
  object: Shape;
  previous?: Shape | undefined;
}): RootObject | null {
  const rule = rules.find(({ prefix }) => event.type.startsWith(prefix));
  const found = rule?.find(event.object, event.previous ?? {});
  if (!found) return null;
  const deleted = event.type.endsWith('.deleted') && event.object['id'] === found.id;
  return { ...found, deleted };
}

/** The object itself. */
function root(kind: RootKind, object: Shape) {
  return at(kind, object['id']);
}

/** What the object's member of that name points at. */
function of(kind: 'subscription' | 'customer', object: Shape) {
  return at(kind, object[kind]);
}

/** An id, or an expanded object that has one. */
function at(kind: RootKind, value: unknown): { kind: RootKind; id: string } | null {
  const id = typeof value === 'string' ? value : shape(value)['id'];
  return typeof id === 'string' && id !== '' && id.length <= 255 ? { kind, id } : null;
}

/** Since 2025-03-31.basil below `parent`, before at the top, and on each line in all versions. */
function subscriptionOfInvoice(invoice: Shape) {
  const details = shape(shape(invoice['parent'])['subscription_details']);
  return (
    at('subscription', details['subscription']) ??
    of('subscription', invoice) ??
    subscriptionOfLines(invoice)
  );
}

function subscriptionOfLines(invoice: Shape) {
  const lines = shape(invoice['lines'])['data'];
  for (const line of Array.isArray(lines) ? lines : []) {
    const found = subscriptionOfItem(shape(line));
    if (found) return found;
  }
  return null;
}

function subscriptionOfItem(item: Shape) {
  const parent = shape(item['parent']);
  for (const name of [
    'subscription_item_details',
    'invoice_item_details',
    'subscription_details',
  ]) {
    const found = at('subscription', shape(parent[name])['subscription']);
    if (found) return found;
  }
  return of('subscription', item);
}

function shape(value: unknown): Shape {
  return typeof value === 'object' && value !== null ? (value as Shape) : {};
}
