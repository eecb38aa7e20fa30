// The billing portal's page: what its configuration lets people do is done here, and nothing else.
import type { Request, Response } from 'express';
import { payInvoice } from '../billing/invoice-pay.ts';
import { invalid } from '../api/error.ts';
import { changeCard, choosePlan, setCancellation } from '../billing/portal.ts';
import { updateDetails } from '../billing/portal-customer.ts';
import { featuresOf } from '../billing/portal-feature.ts';
import type { Customer } from '../store/entity.ts';
import type { PortalFeatures, PortalSession } from '../store/entity-session.ts';
import type { World } from '../world.ts';
import { act, fieldsOf, gone, isSame, param, type Mount } from './page.ts';
import { showPortal } from './portal-view.ts';

const path = '/portal/:id/:secret';

export const mountPortal: Mount = (app, parts) => {
  const { world } = parts;
  app.get(path, (request, response) => {
    const session = sessionOf(world, request, response);
    if (session !== null) showPortal(world, response, session, null);
  });
  app.post(path, (request, response) => {
    const session = sessionOf(world, request, response);
    if (session === null) return;
    const fields = fieldsOf(request);
    const result = act(parts, () => perform(world, session, fields));
    if ('problem' in result) showPortal(world, response, session, result.problem);
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

const rulesOf = (world: World, session: PortalSession): PortalFeatures =>
  featuresOf(world.store.need('billing_portal.configuration', session.configuration));

type Fields = Record<string, string>;
type Deed = {
  feature: keyof PortalFeatures;
  run: (world: World, customer: Customer, fields: Fields, rules: PortalFeatures) => void;
};

/** What each field of a pressed button asks for, and what must be enabled for it. */
const deeds: Record<string, Deed> = {
  cancel: {
    feature: 'subscription_cancel',
    run: (world, customer, { cancel, feedback }, { subscription_cancel: rules }) =>
      setCancellation(world, customer, cancel!, true, rules, reason(rules, feedback)),
  },
  keep: {
    feature: 'subscription_cancel',
    run: (world, customer, { keep }, { subscription_cancel: rules }) =>
      setCancellation(world, customer, keep!, false, rules),
  },
  change: {
    feature: 'subscription_update',
    run: (world, customer, { change, price, quantity }, { subscription_update: rules }) =>
      choosePlan(world, customer, change!, { price, quantity: wholeNumber(quantity) }, rules),
  },
  pay: {
    feature: 'invoice_history',
    run: (world, customer, { pay }) => payOne(world, customer, pay!),
  },
  details: {
    feature: 'customer_update',
    run: (world, customer, fields, { customer_update: rules }) =>
      updateDetails(world, customer, fields, rules.allowed_updates),
  },
  number: {
    feature: 'payment_method_update',
    run: (world, customer, { number }) => changeCard(world, customer, number!),
  },
  typed: {
    feature: 'payment_method_update',
    run: (world, customer, { typed }) => changeCard(world, customer, typed!),
  },
};

const reason = (
  { cancellation_reason: asks }: PortalFeatures['subscription_cancel'],
  feedback: string | undefined,
): string | undefined =>
  asks.enabled && feedback !== undefined && asks.options.includes(feedback) ? feedback : undefined;

const wholeNumber = (given: string | undefined): number | undefined => {
  if (given === undefined) return undefined;
  if (!/^\d{1,9}$/.test(given)) throw invalid('The quantity is no whole number.');
  return Number(given);
};

/** Does what the pressed button says; where a flow ends, its return address. */
const perform = (world: World, session: PortalSession, fields: Fields): string | null => {
  const customer = world.store.need('customer', session.customer);
  const rules = rulesOf(world, session);
  const chosen = Object.keys(deeds).find((name) => fields[name] !== undefined);
  if (chosen === undefined) throw invalid('Nothing was chosen.');
  const { feature, run } = deeds[chosen]!;
  if (!rules[feature].enabled) throw invalid('This is not offered here.');
  run(world, customer, fields, rules);
  return session._flow?.return_url ?? null;
};

const payOne = (world: World, customer: Customer, id: string): void => {
  const invoice = world.store.get('invoice', id);
  if (invoice?.customer !== customer.id) throw invalid('This invoice is not yours.');
  payInvoice(world, invoice, {});
};
