// /v1/invoices, their lines and payments (https://docs.stripe.com/api/invoices).
import { z } from 'zod';
import { endpoint, find, type Endpoint, type Raw } from '../api/endpoint.ts';
import { invalid } from '../api/error.ts';
import { page } from '../api/list.ts';
import { bool, isWithin, paging } from '../api/params.ts';
import * as draft from '../billing/draft-line.ts';
import { finalizeInvoice, markUncollectible, voidInvoice } from '../billing/invoice.ts';
import { payInvoice } from '../billing/invoice-pay.ts';
import { deleteDraft } from '../billing/invoice-manual.ts';
import { previewInvoice } from '../billing/preview.ts';
import { announce } from '../delivery/event.ts';
import { showLine } from '../shape/invoice.ts';
import type { Invoice } from '../store/entity-invoice.ts';
import type { World } from '../world.ts';
import { createManual, updateInvoice } from './invoice-edit.ts';
import * as params from './invoice-params.ts';

const none = z.strictObject({});
const url = '/v1/invoices';

const requireStatus = (invoice: Invoice, allowed: Invoice['status'][], verb: string): Invoice => {
  if (allowed.includes(invoice.status)) return invoice;
  throw invalid(`This invoice cannot be ${verb} because its status is ${invoice.status}.`, {
    code: 'status_transition_invalid',
  });
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
  endpoint('POST', url, params.createParams, ({ world, params: asked }) =>
    createManual(world, asked),
  ),
  endpoint('DELETE', `${url}/:id`, none, ({ world, ids }) => ({
    raw: deleteDraft(world, find(world, 'invoice', ids['id'])),
  })),
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
    updateInvoice(call.world, find(call.world, 'invoice', call.ids['id']), call.params),
  ),
  endpoint('GET', `${url}/:id/lines`, z.strictObject({ ...paging }), (call) =>
    lines(call.world, find(call.world, 'invoice', call.ids['id'], 'invoice'), call.params),
  ),
  endpoint('POST', `${url}/:id/lines/:line`, draft.updateLineParams, (call) => {
    const invoice = find(call.world, 'invoice', call.ids['id'], 'invoice');
    const line = draft.updateLine(call.world, invoice, call.ids['line'] ?? '', call.params);
    const after = call.world.store.need('invoice', invoice.id);
    return { raw: showLine(call.world, after, line) };
  }),
  endpoint('POST', `${url}/:id/add_lines`, draft.addLinesParams, (call) =>
    draft.addLines(call.world, find(call.world, 'invoice', call.ids['id']), call.params),
  ),
  endpoint('POST', `${url}/:id/update_lines`, draft.updateLinesParams, (call) =>
    draft.updateLines(call.world, find(call.world, 'invoice', call.ids['id']), call.params),
  ),
  endpoint('POST', `${url}/:id/remove_lines`, draft.removeLinesParams, (call) =>
    draft.removeLines(call.world, find(call.world, 'invoice', call.ids['id']), call.params),
  ),
  endpoint(
    'POST',
    `${url}/:id/finalize`,
    z.strictObject({ auto_advance: bool.optional() }),
    ({ world, params: asked, ids }) => {
      const row = requireStatus(find(world, 'invoice', ids['id']), ['draft'], 'finalized');
      return finalizeInvoice(world, {
        ...row,
        auto_advance: asked.auto_advance ?? row.auto_advance,
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
    const asked = requireStatus(find(world, 'invoice', ids['id']), ['draft', 'open'], 'sent');
    const open = asked.status === 'draft' ? finalizeInvoice(world, asked) : asked;
    announce(world, 'invoice.sent', open);
    return open;
  }),
  endpoint('GET', '/v1/invoice_payments', params.paymentList, ({ world, params: asked }) =>
    page(world, 'invoice_payment', '/v1/invoice_payments', asked, paymentMatches(world, asked)),
  ),
  endpoint('GET', '/v1/invoice_payments/:id', none, ({ world, ids }) =>
    find(world, 'invoice_payment', ids['id']),
  ),
];
