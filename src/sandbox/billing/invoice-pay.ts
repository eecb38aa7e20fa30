// POST /v1/invoices/{id}/pay: a person (or their program) wants it paid now. A decline is a 402
// that leaves its failed attempt behind.
import { invalid, StripeError } from '../api/error.ts';
import { change } from '../delivery/event.ts';
import { render } from '../shape/render.ts';
import type { Invoice } from '../store/entity-invoice.ts';
import type { World } from '../world.ts';
import { cancelIntent } from './payment.ts';
import { attach, cardError, methodByIdOrMagic } from './payment-method.ts';
import { finalizeInvoice, intentOf, markPaid } from './invoice.ts';
import { collect } from './invoice-collect.ts';
import { afterInvoiceSettled } from './subscription-status.ts';

export type PayAsked = {
  paid_out_of_band?: boolean | undefined;
  payment_method?: string | undefined;
};

export const payInvoice = (world: World, invoice: Invoice, asked: PayAsked): Invoice => {
  if (invoice.status === 'paid') throw invalid('Invoice is already paid');
  if (invoice.status === 'void')
    throw invalid('Invoice is void and cannot be paid.', { code: 'status_transition_invalid' });
  const open =
    invoice.status === 'draft' ? finalizeInvoice(world, invoice) : reopened(world, invoice);
  if (open.status === 'paid') return open;
  if (asked.paid_out_of_band === true) {
    const intent = intentOf(world, open);
    if (intent !== null) cancelIntent(world, intent);
    return markPaid(world, open, null);
  }
  const method =
    asked.payment_method === undefined ? null : methodByIdOrMagic(world, asked.payment_method);
  if (method?.customer === null) attach(world, method, world.store.need('customer', open.customer));
  const collected = collect(world, open, 'person', method);
  const isFutile = collected.kind === 'failed' || collected.kind === 'no_method';
  if (invoice.status === 'uncollectible' && isFutile) writeOffAgain(world, invoice);
  if (collected.kind === 'no_method') throw noMethod();
  if (collected.kind === 'failed') {
    throw cardError(collected.decline, { payment_intent: render(world, collected.intent) });
  }
  if (collected.kind === 'requires_action') throw needsAction(render(world, collected.intent));
  return world.store.need('invoice', invoice.id);
};

/** An uncollectible invoice can still be paid. */
const reopened = (world: World, invoice: Invoice): Invoice =>
  invoice.status === 'uncollectible'
    ? change(world, 'invoice', invoice.id, { status: 'open' }, 'invoice.updated')
    : invoice;

/** Where the attempt brought nothing the invoice is as lost as before. */
const writeOffAgain = (world: World, { id }: Invoice): void => {
  if (world.store.need('invoice', id).status !== 'open') return;
  const lost = change(world, 'invoice', id, { status: 'uncollectible' }, 'invoice.updated');
  afterInvoiceSettled(world, lost);
};

const noMethod = (): StripeError =>
  invalid(
    'There is no `default_payment_method` set on this Customer or Invoice. Please set a payment method, or pass one.',
    { code: 'missing' },
  );

const needsAction = (intent: Record<string, unknown>): StripeError =>
  new StripeError(
    402,
    {
      type: 'card_error',
      code: 'invoice_payment_intent_requires_action',
      message:
        'Payment for this invoice requires additional user action before it can be completed successfully. Payment can be completed using the PaymentIntent associated with the invoice. For more details see: https://stripe.com/docs/billing/subscriptions/overview#requires-action',
      payment_intent: intent,
    },
    { keeps: true },
  );
