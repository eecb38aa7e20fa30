// /v1/credit_notes (https://docs.stripe.com/api/credit_notes). A preview is the note itself, undone.
import { z } from 'zod';
import { endpoint, find, type Endpoint, type Raw } from '../api/endpoint.ts';
import { page } from '../api/list.ts';
import {
  clearable,
  count,
  created,
  decimal,
  int,
  isWithin,
  mergeMetadata,
  metadata,
  paging,
  text,
  timestamp,
} from '../api/params.ts';
import { createCreditNote, voidCreditNote } from '../billing/credit-note.ts';
import { change } from '../delivery/event.ts';
import { showCreditLine, showCreditNote } from '../shape/credit-note.ts';
import type { CreditNote } from '../store/entity-invoice.ts';
import type { World } from '../world.ts';

const url = '/v1/credit_notes';
const table = 'credit_note';
const none = z.strictObject({});
const line = z.strictObject({
  amount: count.optional(),
  description: text.optional(),
  invoice_line_item: text.optional(),
  metadata: metadata.optional(),
  quantity: count.optional(),
  tax_rates: clearable(z.array(text).max(10)).optional(),
  type: z.enum(['custom_line_item', 'invoice_line_item']),
  unit_amount: int.optional(),
  unit_amount_decimal: decimal.optional(),
});
const createShape = {
  amount: count.optional(),
  credit_amount: count.optional(),
  effective_at: timestamp.optional(),
  email_type: z.enum(['credit_note', 'none']).optional(),
  invoice: text,
  lines: z.array(line).min(1).max(100).optional(),
  memo: text.optional(),
  metadata: metadata.optional(),
  out_of_band_amount: count.optional(),
  reason: z.enum(['duplicate', 'fraudulent', 'order_change', 'product_unsatisfactory']).optional(),
  refund_amount: count.optional(),
  refunds: z
    .array(
      z.strictObject({
        refund: text.optional(),
        amount_refunded: count.optional(),
      }),
    )
    .max(20)
    .optional(),
};
const createParams = z.strictObject(createShape);
const updateParams = z.strictObject({
  memo: text.optional(),
  metadata: metadata.optional(),
});
const listParams = z.strictObject({
  ...paging,
  created,
  customer: text.optional(),
  invoice: text.optional(),
});

const create = (world: World, asked: z.output<typeof createParams>): CreditNote =>
  createCreditNote(world, find(world, 'invoice', asked.invoice, 'invoice'), {
    ...asked,
    metadata: mergeMetadata({}, asked.metadata),
  });

/** The note as it would be; whoever calls undoes it. */
const rehearsed = (world: World, asked: z.output<typeof createParams>): CreditNote => {
  world.silent = true;
  try {
    return create(world, asked);
  } finally {
    world.silent = false;
  }
};

const linesOf = (
  world: World,
  note: CreditNote,
  asked: { limit?: number | undefined; starting_after?: string | undefined },
  at: string,
): Raw => {
  const { starting_after: after } = asked;
  const start = after === undefined ? 0 : note._lines.findIndex(({ id }) => id === after) + 1;
  const shown = note._lines.slice(start, start + (asked.limit ?? 10));
  return {
    raw: {
      object: 'list',
      data: shown.map((one) => showCreditLine(world, one)),
      has_more: start + shown.length < note._lines.length,
      url: at,
    },
  };
};
const previews: Endpoint[] = [
  endpoint('GET', `${url}/preview`, createParams, ({ world, params }) => ({
    raw: showCreditNote(world, rehearsed(world, params)),
  })),
  endpoint(
    'GET',
    `${url}/preview/lines`,
    z.strictObject({ ...createShape, ...paging }),
    ({ world, params }) => linesOf(world, rehearsed(world, params), params, `${url}/preview/lines`),
  ),
].map((preview) => ({ ...preview, rehearses: true }));
export const creditNoteEndpoints: Endpoint[] = [
  ...previews,
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
        isWithin(row.created, params.created),
    ),
  ),
  endpoint('GET', `${url}/:id`, none, ({ world, ids }) => find(world, table, ids['id'])),
  endpoint('POST', `${url}/:id`, updateParams, ({ world, params, ids }) => {
    const note = find(world, table, ids['id']);
    return change(
      world,
      table,
      note.id,
      {
        metadata: mergeMetadata(note.metadata, params.metadata),
        ...(params.memo === undefined ? {} : { memo: params.memo }),
      },
      'credit_note.updated',
    );
  }),
  endpoint('POST', `${url}/:id/void`, none, ({ world, ids }) =>
    voidCreditNote(world, find(world, table, ids['id'])),
  ),
  endpoint('GET', `${url}/:id/lines`, z.strictObject({ ...paging }), ({ world, params, ids }) => {
    const note = find(world, table, ids['id']);
    return linesOf(world, note, params, `${url}/${note.id}/lines`);
  }),
];
