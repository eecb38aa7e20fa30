// A customer's balance: what is owed to (negative) or by (positive) them on the next invoice, with
// one transaction for each move (https://docs.stripe.com/billing/customer/balance).
import { add, change } from '../delivery/event.ts';
import type { BalanceReason, BalanceTransaction, Customer, Metadata } from '../store/entity.ts';
import { newId, nowOn, type World } from '../world.ts';

export type Move = {
  type: BalanceReason;
  currency: string;
  invoice?: string | null;
  credit_note?: string | null;
  description?: string | null;
  metadata?: Metadata;
};

/** Moves the balance and keeps why; a move by nothing is none. */
export const moveBalance = (
  world: World,
  customer: Customer,
  amount: number,
  move: Move,
): BalanceTransaction | null => {
  if (amount === 0) return null;
  const ending = customer.balance + amount;
  change(world, 'customer', customer.id, { balance: ending }, 'customer.updated');
  return noteMove(world, customer, { amount, ending }, move);
};

/** The transaction alone, where the balance has moved already. */
export const noteMove = (
  world: World,
  customer: Customer,
  { amount, ending }: { amount: number; ending: number },
  move: Move,
): BalanceTransaction =>
  add(world, 'customer_balance_transaction', {
    id: newId('cbtxn'),
    object: 'customer_balance_transaction',
    amount,
    created: nowOn(world, customer.test_clock),
    credit_note: move.credit_note ?? null,
    currency: move.currency,
    customer: customer.id,
    description: move.description ?? null,
    ending_balance: ending,
    invoice: move.invoice ?? null,
    livemode: false,
    metadata: move.metadata ?? {},
    type: move.type,
  });
