// /v1/invoiceitems (https://docs.stripe.com/api/invoiceitems): what waits for a customer's next invoice.
import { z } from 'zod';
import { endpoint, find, findCustomer, type Endpoint } from '../api/endpoint.ts';
import { page } from '../api/list.ts';
import { bool, created, currency, isWithin, paging, text } from '../api/params.ts';
import { addItem, changeItem, editableItem, itemParams } from '../billing/invoice-item.ts';
import { refreshDraft } from '../billing/invoice-manual.ts';
import { announce } from '../delivery/event.ts';
import type { World } from '../world.ts';
import type { InvoiceItem } from '../store/entity-invoice.ts';

const url = '/v1/invoiceitems';
const table = 'invoiceitem';
const createParams = z.strictObject({
  ...itemParams,
  currency: currency.optional(),
  customer: text,
  invoice: text.optional(),
  subscription: text.optional(),
});
const updateParams = z.strictObject(itemParams);
const listParams = z.strictObject({
  ...paging,
  created,
  customer: text.optional(),
  invoice: text.optional(),
  pending: bool.optional(),
});

const create = (world: World, asked: z.output<typeof createParams>): InvoiceItem => {
  const { customer: id, invoice, subscription, currency: money, ...rest } = asked;
  const customer = findCustomer(world, id);
  if (subscription !== undefined) find(world, 'subscription', subscription, 'subscription');
  return addItem(world, customer, rest, {
    invoice: invoice ?? null,
    subscription: subscription ?? null,
    currency: money,
  });
};

export const invoiceItemEndpoints: Endpoint[] = [
  endpoint('POST', url, createParams, ({ world, params }) => create(world, params)),
  endpoint('GET', url, listParams, ({ world, params }) =>
    page(
      world,
      table,
      url,
      params,
      (row) =>
        row.customer === (params.customer ?? row.customer) &&
        row.invoice === (params.invoice ?? row.invoice) &&
        (params.pending === undefined || (row.invoice === null) === params.pending) &&
        isWithin(row.date, params.created),
    ),
  ),
  endpoint('GET', `${url}/:id`, z.strictObject({}), ({ world, ids }) =>
    find(world, table, ids['id']),
  ),
  endpoint('POST', `${url}/:id`, updateParams, ({ world, params, ids }) =>
    changeItem(world, editableItem(world, ids['id']), params),
  ),
  endpoint('DELETE', `${url}/:id`, z.strictObject({}), ({ world, ids }) => {
    const item = editableItem(world, ids['id']);
    world.store.remove(table, item.id);
    announce(world, 'invoiceitem.deleted', item);
    if (item.invoice !== null) refreshDraft(world, item.invoice);
    return { raw: { id: item.id, object: table, deleted: true } };
  }),
];
