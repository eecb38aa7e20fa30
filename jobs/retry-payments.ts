// Tries open invoices again: with a new payment method as soon as there is one, and by our own schedule where the
// settings say so. Each try is a row and is made once.
import { makeDueAttempts } from '../src/actions/dunning/attempt.ts';
import type { Context } from '../src/context.ts';

export function retryPayments(ctx: Context): Promise<Record<string, number>> {
  return makeDueAttempts(ctx);
}
