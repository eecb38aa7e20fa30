// Making and changing an invoice by hand: what of POST /v1/invoices and /v1/invoices/{id} goes into
// the row. A finalised invoice keeps its numbers.
import type { z } from 'zod';
import { findCustomer } from '../api/endpoint.ts';
import { invalid, missingParam } from '../api/error.ts';
import { mergeMetadata } from '../api/params.ts';
import { redeem } from '../billing/discount.ts';
import { draftInvoice } from '../billing/invoice-manual.ts';
import { recalculated } from '../billing/invoice-total.ts';
import { attachedMethod } from '../billing/payment-method.ts';
import { hourSeconds } from '../billing/period.ts';
import { taxRates } from '../billing/tax.ts';
import { change } from '../delivery/event.ts';
import { clearTimer, setTimer } from '../engine/timer.ts';
import type { Invoice } from '../store/entity-invoice.ts';
import type { Customer } from '../store/entity.ts';
import { nowOn, type World } from '../world.ts';
import type { createParams, updateParams } from './invoice-params.ts';

type Edit = z.output<typeof updateParams>;

export const createManual = (world: World, asked: z.output<typeof createParams>): Invoice => {
  const customer = findCustomer(world, asked.customer);
  const collection = asked.collection_method ?? 'charge_automatically';
  const subscription =
    asked.subscription === undefined
      ? undefined
      : world.store.get('subscription', asked.subscription);
  if (asked.subscription !== undefined && subscription?.customer !== customer.id) {
    throw missingParam('subscription', asked.subscription, 'subscription');
  }
  if (collection === 'send_invoice' && dueOf(asked) === undefined) {
    throw invalid(
      "If invoice's `collection_method` is `send_invoice`, you must specify `due_date` or `days_until_due`.",
      { param: 'days_until_due', code: 'parameter_missing' },
    );
  }
  const now = nowOn(world, customer.test_clock);
  if (asked.due_date !== undefined && asked.due_date <= now) {
    throw invalid('`due_date` must be in the future.', { param: 'due_date' });
  }
  return draftInvoice(world, customer, {
    currency: asked.currency ?? subscription?.currency ?? customer.currency ?? 'usd',
    collection,
    includesPending: asked.pending_invoice_items_behavior === 'include',
    autoAdvance: asked.auto_advance ?? false,
    discounts: asked.discounts ?? [],
    taxRates: taxRates(world, asked.default_tax_rates ?? [], 'default_tax_rates'),
    subscription: subscription?.id ?? null,
    more: {
      ...plain(world, customer, asked),
      metadata: mergeMetadata({}, asked.metadata),
      number: asked.number ?? null,
    },
  });
};

const dueOf = (asked: Edit): number | undefined => asked.due_date ?? asked.days_until_due;

const kept = [
  'collection_method',
  'custom_fields',
  'description',
  'due_date',
  'footer',
  'number',
  'statement_descriptor',
] as const;

/** The fields that only have to be kept. */
const plain = (world: World, customer: Customer, asked: Edit): Partial<Invoice> => ({
  ...Object.fromEntries(
    kept.filter((key) => asked[key] !== undefined).map((key) => [key, asked[key]]),
  ),
  ...(asked.days_until_due === undefined ? {} : { _days_until_due: asked.days_until_due }),
  ...(asked.default_payment_method === undefined
    ? {}
    : {
        default_payment_method:
          asked.default_payment_method === null
            ? null
            : attachedMethod(
                world,
                customer,
                asked.default_payment_method,
                'default_payment_method',
              ).id,
      }),
});

const editableWhenFinal = new Set(['auto_advance', 'default_payment_method', 'metadata']);

export const updateInvoice = (world: World, invoice: Invoice, asked: Edit): Invoice => {
  const given = Object.keys(asked).filter((key) => asked[key as keyof Edit] !== undefined);
  if (invoice.status !== 'draft' && !given.every((key) => editableWhenFinal.has(key))) {
    throw invalid("Finalized invoices can't be updated in this way.", {
      code: 'invoice_not_editable',
    });
  }
  const customer = world.store.need('customer', invoice.customer);
  const holder = { customer: customer.id, subscription: null };
  const now = nowOn(world, invoice.test_clock);
  const patch: Partial<Invoice> = {
    ...plain(world, customer, asked),
    metadata: mergeMetadata(invoice.metadata, asked.metadata),
    ...(asked.discounts === undefined
      ? {}
      : { discounts: redeem(world, asked.discounts ?? [], holder, now) }),
    ...(asked.default_tax_rates === undefined
      ? {}
      : { _tax_rates: taxRates(world, asked.default_tax_rates ?? [], 'default_tax_rates') }),
    ...advance(world, invoice, asked.auto_advance),
  };
  const sums = invoice.status === 'draft' ? recalculated(world, { ...invoice, ...patch }) : {};
  return change(world, 'invoice', invoice.id, { ...patch, ...sums }, 'invoice.updated');
};

/** `auto_advance`: whether the invoice moves on by itself. */
const advance = (world: World, invoice: Invoice, wanted: boolean | undefined): Partial<Invoice> => {
  if (wanted === undefined) return {};
  if (invoice.status !== 'draft') return { auto_advance: wanted };
  if (!wanted) {
    clearTimer(world, 'invoice.finalize', invoice.id);
    return { auto_advance: false, automatically_finalizes_at: null };
  }
  const at = nowOn(world, invoice.test_clock) + hourSeconds;
  setTimer(world, 'invoice.finalize', invoice.id, { clock: invoice.test_clock, at });
  return { auto_advance: true, automatically_finalizes_at: at };
};
