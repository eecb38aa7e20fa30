// Debts down their ladder: opens the steps that have come, tells the customer, ends the subscription at the last
// one, and closes what is settled. Access never waits for this: the check knows the ladder and the time.
import { followDebts } from '../src/actions/dunning/debt.ts';
import { takeDueSteps } from '../src/actions/dunning/step.ts';
import type { Context } from '../src/context.ts';

export async function runDunning(ctx: Context): Promise<Record<string, number>> {
  return { ...(await followDebts(ctx)), ...(await takeDueSteps(ctx)) };
}
