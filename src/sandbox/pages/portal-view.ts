// How the portal looks: a section for each thing its configuration lets people do. Does nothing.
import type { Response } from 'express';
import { forPeople } from '../billing/money.ts';
import { liveSubscriptions } from '../billing/portal.ts';
import { detailFields } from '../billing/portal-customer.ts';
import { featuresOf } from '../billing/portal-feature.ts';
import type { Subscription } from '../store/entity-subscription.ts';
import type { Customer } from '../store/entity.ts';
import type { PortalFeatures, PortalSession } from '../store/entity-session.ts';
import type { World } from '../world.ts';
import {
  button,
  cardButtons,
  day,
  escape,
  form,
  numberField,
  problem,
  row,
  sendPage,
  table,
} from './html.ts';

type Seen = { world: World; session: PortalSession; customer: Customer; rules: PortalFeatures };

const invoicesMax = 24;

export const showPortal = (
  world: World,
  response: Response,
  session: PortalSession,
  message: string | null,
): void => {
  const configuration = world.store.need('billing_portal.configuration', session.configuration);
  const seen: Seen = {
    world,
    session,
    customer: world.store.need('customer', session.customer),
    rules: featuresOf(configuration),
  };
  const headline = configuration.business_profile?.headline ?? null;
  const back =
    session.return_url === null ? '' : `<p><a href="${escape(session.return_url)}">Return</a></p>`;
  const body = [
    problem(message),
    headline === null ? '' : `<p>${escape(headline)}</p>`,
    back,
    showCard(seen),
    `<h2>Subscriptions</h2>${showSubscriptions(seen)}`,
    showInvoices(seen),
    showDetails(seen),
  ];
  sendPage(response, 'Billing', body.join('\n'));
};

const showCard = ({ world, session, customer, rules }: Seen): string => {
  const { default_payment_method: id } = customer.invoice_settings;
  const card = id === null ? undefined : world.store.get('payment_method', id);
  const held =
    card === undefined
      ? 'No card on file.'
      : `${escape(card.card?.brand ?? card.type)} ending in ${escape(card._number.slice(-4))}`;
  const change = `<p>${cardButtons}</p><p>${numberField} <button>Use this card</button></p>`;
  return `<h2>Card</h2><p>${held}</p>${rules.payment_method_update.enabled ? form(session.url, change) : ''}`;
};

const showSubscriptions = (seen: Seen): string =>
  table(
    liveSubscriptions(seen.world, seen.customer.id).map((subscription) =>
      showSubscription(seen, subscription),
    ),
  );

const nameOf = (world: World, price: string): string =>
  world.store.need('product', world.store.need('price', price).product).name;

const showSubscription = (seen: Seen, subscription: Subscription): string => {
  const { world } = seen;
  const ends = subscription.cancel_at;
  return row(
    escape(subscription.items.map((item) => nameOf(world, item.price)).join(', ')),
    escape(subscription.status),
    ends === null
      ? `renews ${day(subscription.items[0]!.current_period_end)}`
      : `ends ${day(ends)}`,
    `${showEnding(seen, subscription)}${showChoices(seen, subscription)}`,
  );
};

const showEnding = ({ session, rules }: Seen, { id, cancel_at: ends }: Subscription): string => {
  const { enabled, cancellation_reason: asks } = rules.subscription_cancel;
  if (!enabled) return '';
  if (ends !== null) return form(session.url, button('keep', id, 'Keep it after all'));
  const options = asks.options.map((one) => `<option>${escape(one)}</option>`).join('');
  const why = asks.enabled ? `<select name="feedback"><option></option>${options}</select>` : '';
  return form(session.url, `${why}${button('cancel', id, 'Cancel')}`);
};

/** Other prices and quantities, of a subscription with one item. */
const showChoices = ({ world, session, rules }: Seen, { id, items }: Subscription): string => {
  const { enabled, products, default_allowed_updates: may } = rules.subscription_update;
  const [item] = items;
  if (!enabled || items.length !== 1) return '';
  const known = `<input type="hidden" name="change" value="${escape(id)}">`;
  const others = may.includes('price')
    ? products.flatMap(({ prices }) => prices).filter((one) => one !== item!.price)
    : [];
  const buttons = others.map((one) => {
    const price = world.store.need('price', one);
    const cost = forPeople(price.unit_amount ?? 0, price.currency);
    const words = `${nameOf(world, one)}, ${cost} / ${price.recurring?.interval ?? 'once'}`;
    return button('price', one, words);
  });
  const own = products.find(({ prices }) => prices.includes(item!.price))?.adjustable_quantity;
  const counted =
    own?.enabled === true && may.includes('quantity')
      ? form(
          session.url,
          `${known}<input name="quantity" type="number" min="${own.minimum}" value="${item!.quantity}"> <button>Change quantity</button>`,
        )
      : '';
  return `${buttons.length === 0 ? '' : form(session.url, `${known}${buttons.join('')}`)}${counted}`;
};

const showInvoices = ({ world, session, customer, rules }: Seen): string => {
  if (!rules.invoice_history.enabled) return '';
  const theirs = [...world.store.all('invoice')].filter(
    (invoice) => invoice.customer === customer.id && invoice.status !== 'draft',
  );
  const shown = theirs.slice(-invoicesMax).reverse();
  const rows = shown.map((invoice) => {
    const { hosted_invoice_url: link, number, id } = invoice;
    const name = escape(number ?? id);
    return row(
      link == null ? name : `<a href="${escape(link)}">${name}</a>`,
      escape(invoice.status),
      forPeople(invoice.status === 'open' ? invoice.amount_due : invoice.total, invoice.currency),
      invoice.status === 'open' ? form(session.url, button('pay', id, 'Pay now', true)) : '',
    );
  });
  return `<h2>Invoices</h2>${table(rows)}`;
};

const showDetails = ({ session, customer, rules }: Seen): string => {
  const { enabled, allowed_updates: allowed } = rules.customer_update;
  if (!enabled) return '';
  const { address = null } = customer as { address?: Record<string, string | null> | null };
  const now: Record<string, unknown> = { ...customer, ...address };
  const fields = allowed
    .flatMap((one) => detailFields[one])
    .map((name) => {
      const value = typeof now[name] === 'string' ? now[name] : '';
      return `<p><label>${escape(name.replaceAll('_', ' '))} <input name="${name}" value="${escape(value)}"></label></p>`;
    });
  return `<h2>Your details</h2>${form(session.url, `${fields.join('')}${button('details', 'save', 'Save')}`)}`;
};
