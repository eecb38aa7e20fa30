// Prices and products belong to our plans and are made by us: that one is gone at Stripe is drift which an
// operator should see. Nothing is taken over.
import { assertIs } from '../../adapters/stripe-answer.ts';
import type { Reader } from './want.ts';

type Found = { deleted?: unknown };

export const priceReader: Reader<Found> = {
  async fetch(stripe, id) {
    const price = await stripe.prices.retrieve(id);
    assertIs(price, 'price', id);
    return price;
  },
  async save(tx, { id, found }) {
    if (!isGone(found)) return null;
    return (await tx.planVersion.findUnique({ where: { stripe_price_id: id } })) && 'price_deleted';
  },
};

export const productReader: Reader<Found> = {
  async fetch(stripe, id) {
    const product = await stripe.products.retrieve(id);
    assertIs(product, 'product', id);
    return product;
  },
  async save(tx, { id, found }) {
    if (!isGone(found)) return null;
    return (await tx.plan.findUnique({ where: { stripe_product_id: id } })) && 'product_deleted';
  },
};

function isGone(found: Found | null): boolean {
  return found === null || found.deleted === true;
}
