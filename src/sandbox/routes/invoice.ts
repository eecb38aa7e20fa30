// /v1/invoices, their lines and payments (https://docs.stripe.com/api/invoices).
import { z } from 'zod';
import { endpoint, find, type Endpoint, type Raw } from '../api/endpoint.ts';
import { invalid } from '../api/error.ts';
import { page } from '../api/list.ts';
import { bool, isWithin, mergeMetadata, paging, text } from '../api/params.ts';
import { finalizeInvoice, markUncollectible, voidInvoice } from '../billing/invoice.ts';
import { payInvoice } from '../billing/invoice-pay.ts';
import { attachedMethod } from '../billing/payment-method.ts';
import { hourSeconds } from '../billing/period.ts';
import { previewInvoice } from '../billing/preview.ts';
import { announce, change } from '../delivery/event.ts';
import { setTimer } from '../engine/timer.ts';
import { showLine } from '../shape/invoice.ts';
import type { Invoice } from '../store/entity-invoice.ts';
import { nowOn, type World } from '../world.ts';
import * as params from './invoice-params.ts';

const none = z.strictObject({});
const url = '/v1/invoices';

const requireStatus = (invoice: Invoice, allowed: Invoice['status'][], verb: string): Invoice => {
  if (allowed.includes(invoice.status)) return invoice;
  throw invalid(`This invoice cannot be ${verb} because its status is ${invoice.status}.`, {
    code: 'status_transition_invalid',
  });
};

const update = (
  world: World,
  invoice: Invoice,
  asked: z.output<typeof params.updateParams>,
): Invoice => {
  const {
    metadata: changes,
    auto_advance: advance,
    default_payment_method: method,
    ...rest
  } = asked;
  if (invoice.status !== 'draft' && rest.description !== undefined) {
    throw invalid("Finalized invoices can't be updated in this way.", {
      code: 'invoice_not_editable',
    });
  }
  const customer = world.store.need('customer', invoice.customer);
  const patch: Partial<Invoice> = {
    ...Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)),
    ...(method === undefined
      ? {}
      : {
          default_payment_method:
            method === null
              ? null
              : attachedMethod(world, customer, method, 'default_payment_method').id,
        }),
    metadata: mergeMetadata(invoice.metadata, changes),
    ...(advance === undefined ? {} : { auto_advance: advance }),
  };
  if (advance === true && invoice.status === 'draft') {
    const at = nowOn(world, invoice.test_clock) + hourSeconds;
    setTimer(world, 'invoice.finalize', invoice.id, { clock: invoice.test_clock, at });
    Object.assign(patch, { automatically_finalizes_at: at });
  }
  return change(world, 'invoice', invoice.id, patch, 'invoice.updated');
};

const lines = (
  world: World,
  invoice: Invoice,
  asked: { limit?: number | undefined; starting_after?: string | undefined },
): Raw => {
  const all = invoice._lines.map((line) => showLine(world, invoice, line));
  const start =
    asked.starting_after === undefined
      ? 0
      : all.findIndex((line) => line['id'] === asked.starting_after) + 1;
  const data = all.slice(start, start + (asked.limit ?? 10));
  return {
    raw: {
      object: 'list',
      data,
      has_more: start + data.length < all.length,
      url: `${url}/${invoice.id}/lines`,
    },
  };
};

const preview = (world: World, asked: z.output<typeof params.previewParams>): Raw => {
  if (asked.customer === undefined && asked.subscription === undefined) {
    throw invalid('You must provide one of: customer, subscription, or schedule.', {
      param: 'customer',
      code: 'parameter_missing',
    });
  }
  return { raw: previewInvoice(world, asked) };
};

const previewEndpoint: Endpoint = {
  ...endpoint('POST', `${url}/create_preview`, params.previewParams, (call) =>
    preview(call.world, call.params),
  ),
  rehearses: true,
};

const paymentMatches =
  (world: World, asked: z.output<typeof params.paymentList>) =>
  (row: {
    invoice: string;
    payment: { payment_intent: string };
    status: string;
    created: number;
  }): boolean =>
    row.invoice === (asked.invoice ?? row.invoice) &&
    row.payment.payment_intent === (asked.payment?.payment_intent ?? row.payment.payment_intent) &&
    row.status === (asked.status ?? row.status) &&
    isWithin(row.created, asked.created) &&
    world.store.get('invoice', row.invoice) !== undefined;

export const invoiceEndpoints: Endpoint[] = [
  previewEndpoint,
  endpoint('GET', url, params.listParams, ({ world, params: asked }) =>
    page(
      world,
      'invoice',
      url,
      asked,
      (row) =>
        row.customer === (asked.customer ?? row.customer) &&
        row._subscription === (asked.subscription ?? row._subscription) &&
        row.status === (asked.status ?? row.status) &&
        row.collection_method === (asked.collection_method ?? row.collection_method) &&
        isWithin(row.created, asked.created),
    ),
  ),
  endpoint('GET', `${url}/:id`, none, ({ world, ids }) => find(world, 'invoice', ids['id'])),
  endpoint('POST', `${url}/:id`, params.updateParams, (call) =>
    update(call.world, find(call.world, 'invoice', call.ids['id']), call.params),
  ),
  endpoint('GET', `${url}/:id/lines`, z.strictObject({ ...paging }), (call) =>
    lines(call.world, find(call.world, 'invoice', call.ids['id'], 'invoice'), call.params),
  ),
  endpoint(
    'POST',
    `${url}/:id/finalize`,
    z.strictObject({ auto_advance: bool.optional() }),
    ({ world, params: asked, ids }) => {
      const draft = requireStatus(find(world, 'invoice', ids['id']), ['draft'], 'finalized');
      return finalizeInvoice(world, {
        ...draft,
        auto_advance: asked.auto_advance ?? draft.auto_advance,
      });
    },
  ),
  endpoint('POST', `${url}/:id/pay`, params.payParams, (call) =>
    payInvoice(call.world, find(call.world, 'invoice', call.ids['id']), call.params),
  ),
  endpoint('POST', `${url}/:id/void`, none, ({ world, ids }) =>
    voidInvoice(
      world,
      requireStatus(find(world, 'invoice', ids['id']), ['open', 'uncollectible'], 'voided'),
    ),
  ),
  endpoint('POST', `${url}/:id/mark_uncollectible`, none, ({ world, ids }) =>
    markUncollectible(
      world,
      requireStatus(find(world, 'invoice', ids['id']), ['open'], 'marked uncollectible'),
    ),
  ),
  endpoint('POST', `${url}/:id/send`, none, ({ world, ids }) => {
    const invoice = requireStatus(find(world, 'invoice', ids['id']), ['open'], 'sent');
    announce(world, 'invoice.sent', invoice);
    return invoice;
  }),
  endpoint('GET', '/v1/invoice_payments', params.paymentList, ({ world, params: asked }) =>
    page(world, 'invoice_payment', '/v1/invoice_payments', asked, paymentMatches(world, asked)),
  ),
  endpoint('GET', '/v1/invoice_payments/:id', none, ({ world, ids }) =>
    find(world, 'invoice_payment', ids['id']),
  ),
  endpoint(
    'GET',
    '/v1/invoiceitems',
    z.strictObject({
      ...paging,
      customer: text.optional(),
      invoice: text.optional(),
      pending: bool.optional(),
    }),
    ({ world, params: asked }) =>
      page(
        world,
        'invoiceitem',
        '/v1/invoiceitems',
        asked,
        (row) =>
          row.customer === (asked.customer ?? row.customer) &&
          row.invoice === (asked.invoice ?? row.invoice) &&
          (asked.pending === undefined || (row.invoice === null) === asked.pending),
      ),
  ),
  endpoint('GET', '/v1/invoiceitems/:id', none, ({ world, ids }) =>
    find(world, 'invoiceitem', ids['id']),
  ),
];
