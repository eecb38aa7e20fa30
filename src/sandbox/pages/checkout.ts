// The Checkout page: what is bought, and a button for each way a payment can go.
import type { Request, Response } from 'express';
import { actOnSession } from '../billing/checkout.ts';
import { cardByNumber } from '../billing/card.ts';
import { priceAmount } from '../billing/price-amount.ts';
import { forPeople } from '../billing/money.ts';
import { makeMethod } from '../billing/payment-method.ts';
import type { CheckoutSession } from '../store/entity-session.ts';
import type { World } from '../world.ts';
import {
  button,
  cardButtons,
  escape,
  form,
  numberField,
  problem,
  row,
  sendPage,
  table,
} from './html.ts';
import { act, fieldsOf, gone, param, type Mount } from './page.ts';

export const mountCheckout: Mount = (app, parts) => {
  const { world } = parts;
  app.get('/checkout/:id', (request, response) => {
    const session = openSession(world, request, response);
    if (session !== null) show(world, response, session, null);
  });
  app.post('/checkout/:id', (request, response) => {
    const session = openSession(world, request, response);
    if (session === null) return;
    const fields = fieldsOf(request);
    const result = act(parts, () => pay(world, session, fields));
    if ('done' in result) response.redirect(303, result.done);
    else show(world, response, world.store.need('checkout.session', session.id), result.problem);
  });
};

const openSession = (
  world: World,
  request: Request,
  response: Response,
): CheckoutSession | null => {
  const session = world.store.get('checkout.session', param(request, 'id'));
  if (session?.status === 'open') return session;
  gone(response, 'This Checkout page is complete or has expired.');
  return null;
};

/** The button pressed, or the number typed, decides how it goes. */
const pay = (world: World, session: CheckoutSession, fields: Record<string, string>): string => {
  const promotion = fields['promotion']?.trim() === '' ? undefined : fields['promotion'];
  if (fields['outcome'] === 'abandon') return actOnSession(world, session, 'abandon');
  if (fields['outcome'] === 'processing')
    return actOnSession(world, session, 'processing', { promotion });
  if (fields['outcome'] === 'no_card') return actOnSession(world, session, 'paid', { promotion });
  const number = (fields['number'] ?? fields['typed'] ?? '').replaceAll(/\s/g, '');
  const card = cardByNumber(number === '' ? '4242424242424242' : number);
  const method = makeMethod(world, card, { clock: session._test_clock }).id;
  const outcome = card.authenticates === undefined ? 'paid' : 'requires_action';
  return actOnSession(world, session, outcome, { method, promotion });
};

const show = (
  world: World,
  response: Response,
  session: CheckoutSession,
  message: string | null,
): void => {
  const items = session._items.map((item) => {
    const price = world.store.need('price', item.price);
    const { name } = world.store.need('product', price.product);
    const every = price.recurring === null ? '' : ` / ${price.recurring.interval}`;
    return row(
      `${item.quantity} × ${escape(name)}`,
      `${forPeople(priceAmount(price, item.quantity), price.currency)}${every}`,
    );
  });
  const due =
    session.amount_total === null
      ? ''
      : `<p>Due today: <strong>${forPeople(session.amount_total, session.currency ?? 'usd')}</strong></p>`;
  const code =
    session.allow_promotion_codes === true
      ? '<p><label>Promotion code <input name="promotion"></label></p>'
      : '';
  const action = `/checkout/${session.id}`;
  const pays = form(
    action,
    `${code}<p>${cardButtons}${button('outcome', 'processing', 'A bank debit that takes days')}${
      session._collect === 'if_required' ? button('outcome', 'no_card', 'Start without a card') : ''
    }</p><p>${numberField} ${button('outcome', 'typed', 'Pay with this card')}</p>`,
  );
  const leave = form(action, button('outcome', 'abandon', 'Cancel and go back'));
  const title = { setup: 'Save a card', subscription: 'Subscribe', payment: 'Pay' }[session.mode];
  sendPage(
    response,
    title,
    `${problem(message)}${session.mode === 'setup' ? '' : table(items)}${due}${pays}${leave}`,
  );
};
