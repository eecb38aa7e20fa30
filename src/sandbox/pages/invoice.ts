// The hosted invoice page, and the page on which a bank would ask its customer to authenticate.
import type { Request, Response } from 'express';
import { authenticateAttempt, sessionOfInvoice } from '../billing/checkout-subscription.ts';
import { authenticatePayment, sessionOfIntent } from '../billing/checkout-payment.ts';
import { cardByNumber } from '../billing/card.ts';
import { applyOutcome } from '../billing/invoice-collect.ts';
import { payInvoice } from '../billing/invoice-pay.ts';
import { forPeople } from '../billing/money.ts';
import { authenticate } from '../billing/payment.ts';
import { keepForLater } from '../billing/payment-intent.ts';
import { makeMethod } from '../billing/payment-method.ts';
import { completeSetup } from '../billing/setup.ts';
import { intentOf } from '../billing/invoice.ts';
import { invalid } from '../api/error.ts';
import type { Invoice } from '../store/entity-invoice.ts';
import type { PaymentIntent } from '../store/entity-payment.ts';
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

export const mountInvoice: Mount = (app, parts) => {
  const { world } = parts;
  app.get(['/invoice/:id/:secret', '/invoice/:id/:secret/pdf'], (request, response) => {
    const invoice = invoiceOf(world, request, response);
    if (invoice !== null) showInvoice(response, invoice, null);
  });
  app.post('/invoice/:id/:secret', (request, response) => {
    const invoice = invoiceOf(world, request, response);
    if (invoice === null) return;
    const fields = fieldsOf(request);
    const result = act(parts, () => pay(world, invoice, fields));
    const after = world.store.need('invoice', invoice.id);
    const intent = intentOf(world, after);
    if (intent?.status === 'requires_action') response.redirect(303, payUrl(world, intent));
    else if ('problem' in result) showInvoice(response, after, result.problem);
    else response.redirect(303, after.hosted_invoice_url ?? world.publicUrl);
  });
  mountAuthentication(app, parts);
};

const payUrl = (world: World, intent: PaymentIntent): string =>
  `${world.publicUrl}/pay/${intent.id}/${intent.client_secret}`;

const invoiceOf = (world: World, request: Request, response: Response): Invoice | null => {
  const invoice = world.store.get('invoice', param(request, 'id'));
  const secret = invoice?.hosted_invoice_url?.split('/').at(-1);
  if (invoice !== undefined && secret !== undefined && isSame(param(request, 'secret'), secret))
    return invoice;
  gone(response, 'This invoice link is not valid.');
  return null;
};

const pay = (world: World, invoice: Invoice, fields: Record<string, string>): void => {
  const number = (fields['number'] ?? fields['typed'] ?? '').replaceAll(/\s/g, '');
  const method =
    number === ''
      ? undefined
      : makeMethod(world, cardByNumber(number), { clock: invoice.test_clock }).id;
  payInvoice(world, invoice, { payment_method: method });
};

const showInvoice = (response: Response, invoice: Invoice, message: string | null): void => {
  const lines = invoice._lines.map((line) =>
    row(escape(line.description), forPeople(line.amount, invoice.currency)),
  );
  const money = forPeople(invoice.amount_due, invoice.currency);
  const pays =
    invoice.status !== 'open'
      ? ''
      : `${form(invoice.hosted_invoice_url ?? '', `<p>${button('default', '1', 'Pay with the card on file', true)}</p>`)}
${form(invoice.hosted_invoice_url ?? '', `<p>${cardButtons}</p><p>${numberField} <button>Pay with this card</button></p>`)}`;
  const body = `${problem(message)}<p>Status: <strong>${escape(invoice.status)}</strong> · ${money} · ${day(invoice.created)}</p>${table(lines)}${pays}`;
  sendPage(response, `Invoice ${invoice.number ?? ''}`, body);
};

const mountAuthentication: Mount = (app, parts) => {
  const { world } = parts;
  app.get('/pay/:id/:secret', (request, response) => {
    const intent = intentFor(world, request, response);
    if (intent !== null) showAuthentication(response, payUrl(world, intent));
  });
  app.post('/pay/:id/:secret', (request, response) => {
    const intent = intentFor(world, request, response);
    if (intent === null) return;
    const passes = fieldsOf(request)['outcome'] === 'pass';
    const result = act(parts, () => finish(world, intent, passes));
    if ('problem' in result) gone(response, result.problem);
    else response.redirect(303, result.done);
  });
  app.get('/setup/:id/:secret', (request, response) => {
    showAuthentication(response, `${world.publicUrl}${request.path}`);
  });
  app.post('/setup/:id/:secret', (request, response) => {
    const intent = world.store.get('setup_intent', param(request, 'id'));
    if (
      intent?.status !== 'requires_action' ||
      !isSame(param(request, 'secret'), intent.client_secret)
    ) {
      gone(response, 'Nothing waits to be authenticated here.');
      return;
    }
    const result = act(parts, () => completeSetup(world, intent));
    sendPage(response, 'Thank you', problem('problem' in result ? result.problem : null));
  });
};

const intentFor = (world: World, request: Request, response: Response): PaymentIntent | null => {
  const intent = world.store.get('payment_intent', param(request, 'id'));
  if (
    intent?.status === 'requires_action' &&
    isSame(param(request, 'secret'), intent.client_secret)
  )
    return intent;
  gone(response, 'Nothing waits to be authenticated here.');
  return null;
};

const showAuthentication = (response: Response, action: string): void =>
  sendPage(
    response,
    '3D Secure',
    `<p>Your bank asks whether it is you.</p>${form(action, button('outcome', 'pass', 'It is me', true) + button('outcome', 'fail', 'Fail the authentication'))}`,
  );

/** The bank's answer, for the invoice (and the Checkout session) that waits for it. */
export const finish = (world: World, intent: PaymentIntent, passes: boolean): string => {
  if (intent.status !== 'requires_action')
    throw invalid('This payment does not wait for authentication.');
  const invoice = intent._invoice === null ? null : world.store.need('invoice', intent._invoice);
  const session = invoice === null ? null : sessionOfInvoice(world, invoice);
  if (session !== null) return authenticateAttempt(world, session, passes);
  const payment = sessionOfIntent(world, intent);
  if (payment?.status === 'open') return authenticatePayment(world, payment, passes);
  const outcome = authenticate(world, intent, passes);
  if (outcome.kind === 'succeeded') keepForLater(world, outcome.intent);
  if (invoice !== null) applyOutcome(world, invoice, outcome, 'person', null);
  return invoice?.hosted_invoice_url ?? returnUrl(world, outcome.intent);
};

/** Where a program's own intent sends its person back to. */
const returnUrl = (world: World, intent: PaymentIntent): string => {
  if (intent._return_url == null || !URL.canParse(intent._return_url)) return world.publicUrl;
  const url = new URL(intent._return_url);
  url.searchParams.set('payment_intent', intent.id);
  url.searchParams.set('payment_intent_client_secret', intent.client_secret);
  url.searchParams.set('redirect_status', intent.status === 'succeeded' ? 'succeeded' : 'failed');
  return url.href;
};
