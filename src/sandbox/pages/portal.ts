// The billing portal's page: change the card, cancel or keep a subscription, pay what is open.
import type { Request, Response } from 'express';
import { forPeople } from '../billing/money.ts';
import { payInvoice } from '../billing/invoice-pay.ts';
import { invalid } from '../api/error.ts';
import { changeCard, liveSubscriptions, setCancellation } from '../billing/portal.ts';
import { openInvoices } from '../billing/subscription-end.ts';
import type { Subscription } from '../store/entity-subscription.ts';
import type { Customer } from '../store/entity.ts';
import type { PortalSession } from '../store/entity-session.ts';
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
import { act, fieldsOf, gone, isSame, param, type Mount } from './page.ts';

const path = '/portal/:id/:secret';

export const mountPortal: Mount = (app, parts) => {
  const { world } = parts;
  app.get(path, (request, response) => {
    const session = sessionOf(world, request, response);
    if (session !== null) show(world, response, session, null);
  });
  app.post(path, (request, response) => {
    const session = sessionOf(world, request, response);
    if (session === null) return;
    const fields = fieldsOf(request);
    const result = act(parts, () => perform(world, session, fields));
    if ('problem' in result) show(world, response, session, result.problem);
    else response.redirect(303, result.done ?? session.url);
  });
};

const sessionOf = (world: World, request: Request, response: Response): PortalSession | null => {
  const session = world.store.get('billing_portal.session', param(request, 'id'));
  if (session !== undefined && isSame(param(request, 'secret'), session._secret)) {
    if (world.store.get('customer', session.customer)?._deleted === false) return session;
  }
  gone(response, 'This portal link is not valid.');
  return null;
};

/** Does what the pressed button says; where a flow ends, its return address. */
const perform = (
  world: World,
  session: PortalSession,
  fields: Record<string, string>,
): string | null => {
  const customer = world.store.need('customer', session.customer);
  const afterwards = session._flow?.return_url ?? null;
  const number = fields['number'] ?? fields['typed'];
  if (fields['cancel'] !== undefined) setCancellation(world, customer, fields['cancel'], true);
  else if (fields['keep'] !== undefined) setCancellation(world, customer, fields['keep'], false);
  else if (fields['pay'] !== undefined) payOne(world, customer, fields['pay']);
  else if (number !== undefined) changeCard(world, customer, number);
  else throw invalid('Nothing was chosen.');
  return afterwards;
};

const payOne = (world: World, customer: Customer, id: string): void => {
  const invoice = world.store.get('invoice', id);
  if (invoice?.customer !== customer.id) throw invalid('This invoice is not yours.');
  payInvoice(world, invoice, {});
};

const show = (
  world: World,
  response: Response,
  session: PortalSession,
  message: string | null,
): void => {
  const customer = world.store.need('customer', session.customer);
  const { default_payment_method: id } = customer.invoice_settings;
  const card = id === null ? undefined : world.store.get('payment_method', id);
  const subscriptions = liveSubscriptions(world, customer.id);
  const open = subscriptions.flatMap((subscription) => openInvoices(world, subscription.id));
  const back =
    session.return_url === null ? '' : `<p><a href="${escape(session.return_url)}">Return</a></p>`;
  const body = `${problem(message)}${back}
<h2>Card</h2><p>${card === undefined ? 'No card on file.' : `${escape(card.card?.brand ?? card.type)} ending in ${escape(card._number.slice(-4))}`}</p>
${form(session.url, `<p>${cardButtons}</p><p>${numberField} <button>Use this card</button></p>`)}
<h2>Subscriptions</h2>${table(subscriptions.map((row) => showSubscription(world, session, row)))}
<h2>Open invoices</h2>${table(
    open
      .filter((invoice) => invoice.status === 'open')
      .map((invoice) =>
        row(
          escape(invoice.number ?? invoice.id),
          forPeople(invoice.amount_due, invoice.currency),
          form(session.url, button('pay', invoice.id, 'Pay now', true)),
        ),
      ),
  )}`;
  sendPage(response, 'Billing', body);
};

const showSubscription = (
  world: World,
  session: PortalSession,
  subscription: Subscription,
): string => {
  const names = subscription.items.map((item) => {
    const { product } = world.store.need('price', item.price);
    return world.store.need('product', product).name;
  });
  const ends = subscription.cancel_at;
  const deed =
    ends === null
      ? button('cancel', subscription.id, 'Cancel')
      : button('keep', subscription.id, 'Keep it after all');
  return row(
    escape(names.join(', ')),
    escape(subscription.status),
    ends === null
      ? `renews ${day(subscription.items[0]!.current_period_end)}`
      : `ends ${day(ends)}`,
    form(session.url, deed),
  );
};
