// How Stripe shows tax rates, customers' tax ids and the moves of a customer's balance.
import type { TaxRate } from '../store/entity-catalog.ts';
import type { BalanceTransaction, TaxId } from '../store/entity.ts';
import { publicPart, type Wire } from './wire.ts';

export const showTaxRate = (rate: TaxRate): Wire => ({
  effective_percentage: null,
  flat_amount: null,
  jurisdiction_level: null,
  rate_type: 'percentage',
  ...publicPart(rate),
});

export const showTaxId = (id: TaxId): Wire => ({
  customer_account: null,
  ...publicPart(id),
  owner: { customer: id.customer, customer_account: null, type: 'customer' },
  verification: { status: 'pending', verified_address: null, verified_name: null },
});

export const showBalanceTransaction = (move: BalanceTransaction): Wire => ({
  checkout_session: null,
  customer_account: null,
  ...publicPart(move),
});
