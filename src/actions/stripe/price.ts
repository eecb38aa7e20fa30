// Prices and products belong to our plans and are made by us: that one is gone at Stripe is drift which an
// operator should see. Nothing is taken over.
import type { Reader } from './want.ts';

type Found = { deleted?: unknown };

export const priceReader: Reader<Found> = {
  fetch: (stripe, id) => stripe.prices.retrieve(id),
  async save(tx, { id, found }) {
    if (!isGone(found)) return null;
    return (await tx.planVersion.findUnique({ where: { stripe_price_id: id } })) && 'price_deleted';
  },
};

export const productReader: Reader<Found> = {
  fetch: (stripe, id) => stripe.products.retrieve(id),
  async save(tx, { id, found }) {
    if (!isGone(found)) return null;
    return (await tx.plan.findUnique({ where: { stripe_product_id: id } })) && 'product_deleted';
  },
};

function isGone(found: Found | null): boolean {
  return found === null || found.deleted === true;
}
